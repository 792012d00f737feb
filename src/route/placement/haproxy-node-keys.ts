import { parseAddress } from '../address.js';
import { fullHash } from '../hash/full-hash.js';
import { xxh32 } from '../hash/xxh32.js';
import { memberAddress } from './member-address.js';
import { invalidPlacement } from './members.js';
import type { Member } from './placement.js';

/** What `hash-key` names: from what an upstream's nodes are made. */
export const HAPROXY_NODE_KEYS = ['id', 'id32', 'addr', 'addr-port'] as const;
export type HaproxyNodeKey = (typeof HAPROXY_NODE_KEYS)[number];

const NUMBER_MAX = 2 ** 31 - 1;
/** Nodes that HAProxy leaves room for behind each number. */
const NUMBER_STEP = 4096;

/** The number that each member's nodes count up from (src/lb_chash.c, `chash_compute_server_key`). */
export function haproxyNodeKeys(members: readonly Member[], key: HaproxyNodeKey): number[] {
  if (key === 'addr' || key === 'addr-port')
    return members.map((member) => addressKey(member, key === 'addr-port'));
  return haproxyNumbers(members).map((number) =>
    key === 'id' ? Math.imul(number, NUMBER_STEP) : fullHash(bytesTurned(number)),
  );
}

/**
 * Those without an `id` get the next number that nobody has, counted along the configuration (src/proxy.c).
 */
export function haproxyNumbers(members: readonly Member[]): number[] {
  const taken = new Map<number, string>();
  for (const { id, haproxyId } of members) {
    if (haproxyId === undefined) continue;
    if (!Number.isInteger(haproxyId) || haproxyId < 1 || haproxyId > NUMBER_MAX) {
      throw invalidPlacement(
        `Upstream "${id}" has the haproxyId ${String(haproxyId)}: HAProxy's ids are whole, from 1 to ${NUMBER_MAX}.`,
      );
    }
    const other = taken.get(haproxyId);
    if (other !== undefined)
      throw invalidPlacement(
        `Upstreams "${other}" and "${id}" have the same haproxyId ${haproxyId}: HAProxy gives each id once.`,
      );
    taken.set(haproxyId, id);
  }
  let next = 1;
  return members.map(({ id, haproxyId }) => {
    if (haproxyId === undefined) {
      while (taken.has(next)) next++;
      taken.set(next, id);
    }
    const given = haproxyId ?? next;
    // Also behind one that brought its own number.
    next++;
    return given;
  });
}

function addressKey(member: Member, withPort: boolean): number {
  const text = memberAddress(member);
  const [, host = '', port = '0'] = /^(.*?)(?::(\d+))?$/.exec(text)!;
  const address = parseAddress(host.replace(/^\[|\]$/g, ''));
  if (address === undefined) {
    throw invalidPlacement(
      `Upstream "${member.id}" has the address "${text}": HAProxy hashes the number that it stands for. Write it as one, such as 10.0.0.5:8080.`,
    );
  }
  const seed = withPort ? fullHash(Number(port)) : 0;
  // Added as it lies in the memory of a processor that puts the lowest byte first, as nearly all do.
  if (typeof address === 'number') return fullHash(seed + bytesTurned(address));
  let octets = '';
  for (const group of address) octets += String.fromCharCode(group >>> 8, group & 255);
  return xxh32(octets, seed);
}

function bytesTurned(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
