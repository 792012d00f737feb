import { hash } from 'node:crypto';
import { framedKey } from '../../base/framed-key.js';
import type { RecordFields } from '../store/record.js';

/**
 * Where in the store something of ours is kept. Keys hold hashes: who reads the store learns no user and no
 * token.
 */
export interface Place {
  readonly partition: number;
  readonly key: string;
}

/** What a user's revocation says. */
export interface UserRevocation {
  /**
   * Of a revocation of all that the user had: when that was, by the clock of who revoked. Tokens issued since
   * carry it.
   */
  readonly epochMs: number | undefined;
  /** Logins up to this instant count no more. */
  readonly beforeMs: number | undefined;
}

/** Lists, in every partition, the records of what is revoked. */
export const REVOKED_INDEX = 't:revoked';

const TOKEN = 't:j:';
const USER = 't:u:';
const FAMILY = 't:s:';
const NONE = '-';
/** A partition as one character: names of families, and refresh tokens, begin with it. */
const PARTITIONS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function tokenPlace(issuer: string, jti: string, partitions: number): Place {
  return place(TOKEN, framedKey(issuer, jti), partitions);
}

/** A user's families are in the same partition, so that all can be ended in one step. */
export function userPlace(issuer: string, sub: string, partitions: number): Place {
  return place(USER, framedKey(issuer, sub), partitions);
}

/** Undefined for a `sid` that is not of ours. */
export function familyEndPlace(sid: string, partitions: number): Place | undefined {
  const partition = partitionOfName(sid);
  return sid.length !== 44 || partition === -1 || partition >= partitions
    ? undefined
    : { partition, key: FAMILY + sid };
}

export function partitionName(partition: number): string {
  return PARTITIONS[partition]!;
}

/** The partition that a text begins with; -1: none. */
export function partitionOfName(text: string): number {
  return PARTITIONS.indexOf(text.charAt(0) || ' ');
}

export function isUserKey(key: string): boolean {
  return key.startsWith(USER);
}

export function isRevocationKey(key: string): boolean {
  return key.startsWith(TOKEN) || key.startsWith(FAMILY) || isUserKey(key);
}

export function writeUserRevocation({ epochMs, beforeMs }: UserRevocation): RecordFields {
  return {
    ...(epochMs === undefined ? {} : { [EPOCH_FIELD]: String(epochMs) }),
    ...(beforeMs === undefined ? {} : { before: String(beforeMs) }),
  };
}

export function readUserRevocation({ [EPOCH_FIELD]: epoch, before }: RecordFields): UserRevocation {
  return { epochMs: readInstant(epoch), beforeMs: readInstant(before) };
}

export const EPOCH_FIELD = 'epoch';

/** What followers of the feed are told: a key, and behind a user's what its record says. */
export function noteOf(key: string, revocation?: UserRevocation): string {
  return revocation === undefined
    ? key
    : [key, revocation.epochMs ?? NONE, revocation.beforeMs ?? NONE].join(' ');
}

/** Undefined for a note that is not a revocation. */
export function readNote(
  note: string,
): { readonly key: string; readonly user: UserRevocation | undefined } | undefined {
  if (!isRevocationKey(note)) return undefined;
  const [key, epoch, before] = note.split(' ');
  return {
    key: key!,
    user: isUserKey(note) ? { epochMs: readInstant(epoch), beforeMs: readInstant(before) } : undefined,
  };
}

function readInstant(text: string | undefined): number | undefined {
  return text === undefined || text === NONE ? undefined : Number(text);
}

function place(prefix: string, name: string, partitions: number): Place {
  const digest = hash('sha256', name, 'buffer');
  return { partition: digest.readUInt32BE(0) % partitions, key: prefix + digest.toString('base64url') };
}
