import { createHmac, hash } from 'node:crypto';
import { framedKey } from '../../base/framed-key.js';
import type { Random } from '../../base/random.js';
import { partitionName, partitionOfName } from './revocation-record.js';

/**
 * A refresh token, taken apart: the partition as one character, then 32 hexadecimal digits that name the
 * family and 32 that change at every refresh. Both are secrets of 128 bits: who knows a family's name has
 * held one of its tokens, so that a wrong second half means that it was used before.
 */
export interface RefreshToken {
  readonly partition: number;
  readonly family: string;
  readonly secret: string;
}

const FORM = /^[A-Za-z0-9_-][0-9a-f]{64}$/;
const HALF_CHARACTERS = 32;

export function makeRefreshToken(partition: number, random: Random): RefreshToken {
  return { partition, family: random.id(), secret: random.id() };
}

export function writeRefreshToken({ partition, family, secret }: RefreshToken): string {
  return partitionName(partition) + family + secret;
}

/** Undefined for everything that we did not write. */
export function readRefreshToken(text: string, partitions: number): RefreshToken | undefined {
  if (typeof text !== 'string' || !FORM.test(text)) return undefined;
  const partition = partitionOfName(text);
  if (partition >= partitions) return undefined;
  return { partition, family: text.slice(1, 1 + HALF_CHARACTERS), secret: text.slice(1 + HALF_CHARACTERS) };
}

/**
 * The family's name for others, in `sid`: it can't be turned back into a token. A family of another issuer or
 * type has another.
 */
export function familyName({ partition, family }: RefreshToken, issuer: string, type: string): string {
  return partitionName(partition) + digest(issuer, type, family);
}

/** What the store holds in place of a token's second half. */
export function secretHash({ family, secret }: RefreshToken): string {
  return digest(family, secret);
}

/**
 * Made of the token that it follows and of `salt`, so that who comes with that token again can be told the
 * same, though the store holds neither. Without the token the salt says nothing.
 */
export function successorOf(token: RefreshToken, salt: string): RefreshToken {
  const secret = createHmac('sha256', token.secret).update(salt).digest('hex').slice(0, HALF_CHARACTERS);
  return { ...token, secret };
}

function digest(...parts: string[]): string {
  return hash('sha256', framedKey(...parts), 'base64url');
}
