import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.js';
import type { Random } from '../../base/random.js';

/**
 * Where a session's record is: `key` is a hash of the id, so that who reads the store can't act as a user.
 */
export interface SessionRef {
  readonly partition: number;
  readonly key: string;
}

/** What a cookie's text says. */
export interface ReadId {
  readonly text: string;
  readonly id: string;
  readonly ref: SessionRef;
}

// An id is the partition as one character, then 32 hexadecimal digits: 128 bits of the system's generator.
// Where there are keys, a dot and 128 bits of HMAC-SHA-256 follow, so that made-up ids cost no look-up.
const PARTITIONS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const ID = /^[A-Za-z0-9_-][0-9a-f]{32}$/;
const ID_CHARS = 33;
const MAC_BYTES = 16;
const SIGNED_CHARS = ID_CHARS + 1 + 22;
/** About 400 bytes each. */
const REMEMBERED_MAX = 4096;

/** Makes session ids and the cookies that carry them, and reads what comes back. */
export class SessionIds {
  readonly #random: Random;
  readonly #macKeys: readonly Uint8Array[];
  /**
   * Texts that were found to hold, so that a client costs its hashes once. What is told of them says nothing
   * of the session.
   */
  readonly #known = new BoundedMap<string, ReadId>(REMEMBERED_MAX, ({ text }) => text);

  /** The first key signs, all are accepted; without keys an id stands alone. */
  constructor(random: Random, keys: readonly string[]) {
    this.#random = random;
    this.#macKeys = keys.map(
      (key) => new Uint8Array(hkdfSync('sha256', key, 'stickyroute', 'session id v1', 32)),
    );
  }

  make(partition: number): string {
    return PARTITIONS[partition]! + this.#random.id();
  }

  cookieText(id: string): string {
    const key = this.#macKeys[0];
    return key === undefined ? id : `${id}.${mac(key, id).toString('base64url')}`;
  }

  /** The id in a cookie's text; undefined for everything that we did not write. */
  read(text: string): ReadId | undefined {
    if (text.length > SIGNED_CHARS) return undefined;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const id = this.#verified(text);
    if (id === undefined) return undefined;
    // A copy: a piece cut out of the field would keep all of it in memory.
    const own = Buffer.from(text, 'latin1').toString('latin1');
    const read = { text: own, id: own.slice(0, ID_CHARS), ref: refOf(id) };
    this.#known.set(own, read);
    return read;
  }

  #verified(text: string): string | undefined {
    if (this.#macKeys.length === 0) return ID.test(text) ? text : undefined;
    if (text.length !== SIGNED_CHARS || text[ID_CHARS] !== '.') return undefined;
    const id = text.slice(0, ID_CHARS);
    if (!ID.test(id)) return undefined;
    const given = Buffer.from(text.slice(ID_CHARS + 1), 'base64url');
    // 16 bytes have 22 characters of base64url with four bits to spare: one spelling only.
    if (given.length !== MAC_BYTES || given.toString('base64url') !== text.slice(ID_CHARS + 1))
      return undefined;
    return this.#macKeys.some((key) => timingSafeEqual(mac(key, id), given)) ? id : undefined;
  }
}

export function refOf(id: string): SessionRef {
  return { partition: PARTITIONS.indexOf(id[0]!), key: `s:${hash('sha256', id, 'base64url')}` };
}

/** As text, for lists of sessions and for forwards. It opens nothing: it can't be turned back into an id. */
export function refText({ partition, key }: SessionRef): string {
  return `${partition}.${key}`;
}

export function parseRef(text: string): SessionRef | undefined {
  const match = /^(\d{1,2})\.(s:[A-Za-z0-9_-]{43})$/.exec(text);
  return match === null ? undefined : { partition: Number(match[1]), key: match[2]! };
}

/** All sessions of a user are in one partition, so that they can be ended in one step. */
export function partitionOfUser(user: string, partitions: number): number {
  return hash('sha256', user, 'buffer').readUInt32BE(0) % partitions;
}

/** The index of a user's sessions; hashed, for it may be long. */
export function userIndex(user: string): string {
  return `u:${hash('sha256', user, 'base64url')}`;
}

function mac(key: Uint8Array, id: string): Buffer {
  return createHmac('sha256', key).update(id).digest().subarray(0, MAC_BYTES);
}
