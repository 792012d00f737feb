import { parseAddress } from '../address.js';
import { crc32 } from '../hash/crc32.js';
import { djb2 } from '../hash/djb2.js';
import { fullHash } from '../hash/full-hash.js';
import { sdbm } from '../hash/sdbm.js';
import { wt6 } from '../hash/wt6.js';

/** The functions that `hash-type` names. */
export const HAPROXY_HASHES = ['sdbm', 'djb2', 'wt6', 'crc32', 'none'] as const;

/**
 * What `hash-type` says behind `consistent` or `map-based`, and whether the key is an address (`balance
 * source`).
 */
export interface HaproxyHashOptions {
  readonly hash?: (typeof HAPROXY_HASHES)[number] | undefined;
  readonly avalanche?: boolean | undefined;
  readonly source?: boolean | undefined;
}

/** A key's hash, as a signed number; undefined for a key that HAProxy does not place. */
export type HaproxyHash = (key: string) => number | undefined;

const FUNCTIONS = { sdbm, djb2, wt6, crc32, none };

/** src/backend.c, `gen_hash` and `get_server_sh`. */
export function haproxyHash({
  hash = 'sdbm',
  avalanche = false,
  source = false,
}: HaproxyHashOptions): HaproxyHash {
  const plain: HaproxyHash = source ? sourceHash : FUNCTIONS[hash];
  if (!avalanche) return plain;
  return (key) => {
    const value = plain(key);
    return value === undefined ? undefined : fullHash(value);
  };
}

/**
 * `balance source` takes the address's words together by exclusive or, whatever function `hash-type` names.
 */
function sourceHash(key: string): number | undefined {
  const address = parseAddress(key);
  if (address === undefined) return undefined;
  if (typeof address === 'number') return address | 0;
  let hash = 0;
  for (let at = 0; at < 8; at += 2) hash ^= (address[at]! << 16) | address[at + 1]!;
  return hash;
}

const INT64_MAX = 2n ** 63n - 1n;

/**
 * The number that the key is written as, cut to 32 bits (`read_int64`: it ends where the digits end, and
 * stays within 64 bits).
 */
function none(key: string): number {
  const [, sign, digits] = /^([+-]?)(\d*)/.exec(key)!;
  if (digits!.length < 16) return Number(`${sign}${digits === '' ? 0 : digits}`) | 0;
  const limit = sign === '-' ? INT64_MAX + 1n : INT64_MAX;
  const value = BigInt(digits!) < limit ? BigInt(digits!) : limit;
  return Number(BigInt.asIntN(32, sign === '-' ? -value : value));
}
