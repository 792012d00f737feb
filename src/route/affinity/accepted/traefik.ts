import { createHash } from 'node:crypto';
import { z } from 'zod';
import { memberAddress } from '../../placement/member-address.js';
import type { Upstream } from '../../pool/upstream.js';
import { shorthand, tokenName } from '../options.js';
import { UNREADABLE } from '../rule.js';
import type { CookieFormat } from './format.js';
import { poolTokens } from './token-table.js';

/** A hash in hex (FNV's without leading zeros), or a URL as early versions wrote it. */
const SPELLING = /^(?:[0-9a-f]{1,16}|https?:\/\/[\w.:[\]-]{1,255}\/?)$/;

// http://www.isthe.com/chongo/tech/comp/fnv/
const FNV_BASIS = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

export interface TraefikOptions {
  readonly name: string;
}

const shape = z.strictObject({ name: tokenName('cookie') });

/**
 * `sticky.cookie` of Traefik (pkg/server/service/loadbalancer/sticky.go): a hash of the URL, in each of the
 * ways that it has been written over the years and is still read.
 */
export const traefik: CookieFormat<TraefikOptions> = {
  name: 'traefik',
  options: shorthand('name', shape),
  create({ name }) {
    const table = poolTokens((upstream) => urlsOf(upstream).flatMap(tokensOf));
    return { name, read: (value, pool) => (SPELLING.test(value) ? table.find(value, pool) : UNREADABLE) };
  },
};

/** Traefik hashes the text of the URL, with port and final slash where they were written. */
function urlsOf(upstream: Upstream): string[] {
  const withPort = `${new URL(upstream.url).protocol}//${memberAddress(upstream)}`;
  const urls = upstream.address === undefined ? [withPort, upstream.url] : [withPort];
  return [...new Set(urls)].flatMap((url) => [url, `${url}/`]);
}

function tokensOf(url: string): string[] {
  const once = fnv1(url);
  return [createHash('sha256').update(url).digest('hex').slice(0, 16), once, fnv1(once), url];
}

/** FNV-1, which multiplies first: Go's `fnv.New64`. */
function fnv1(text: string): string {
  let hash = FNV_BASIS;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, hash * FNV_PRIME) ^ BigInt(byte);
  return hash.toString(16);
}
