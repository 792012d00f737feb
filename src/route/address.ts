import { wholeNumber } from '../base/digits.js';
import { StickyError } from '../base/errors.js';
import { trimBlank } from '../base/blank.js';

/** IPv4 as one unsigned number, IPv6 as eight groups. IPv4 in IPv6 (`::ffff:1.2.3.4`) is IPv4. */
export type Address = number | Uint16Array;

const IPV6_CHARS_MAX = 45;

/**
 * Undefined for what isn't an address. A zone (`fe80::1%eth0`) names a link of this machine and is left out.
 */
export function parseAddress(text: string): Address | undefined {
  const ipv4 = parseIpv4(text, 0, text.length);
  return ipv4 === -1 ? parseIpv6(text) : ipv4;
}

/** The one spelling of an address: RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  if (typeof address === 'number')
    return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
  // The longest run of two or more zero groups, the first of them, becomes "::".
  let start = -1;
  let length = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && address[end] === 0) end++;
    if (end - at > length) [start, length] = [at, end - at];
    at = Math.max(at, end);
  }
  const groups = Array.from(address, (group) => group.toString(16));
  if (start === -1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** The address with all bits behind the prefix cleared. */
export function maskAddress(address: Address, prefix: number): Address {
  if (typeof address === 'number') return prefix === 0 ? 0 : (address & (-1 << (32 - prefix))) >>> 0;
  return address.map((group, at) => group & groupMask(prefix, at));
}

/** Addresses and ranges that can be asked quickly for one address. */
export interface AddressSet {
  /** False for what isn't an address. */
  has(address: Address | undefined): boolean;
}

interface Range {
  readonly base: Address;
  readonly prefix: number;
}

/**
 * Throws STICKY_CONFIG_INVALID at the first entry that isn't an address or a CIDR range; `rangeProblem` tells
 * without throwing.
 */
export function createAddressSet(list: readonly string[]): AddressSet {
  const ranges = list.map((text) => {
    const range = parseRange(text);
    if (typeof range === 'string')
      throw new StickyError('STICKY_CONFIG_INVALID', `"${text}" is not an address range. ${range}`);
    return range;
  });
  const ipv4 = ranges
    .filter((range) => typeof range.base === 'number')
    .map(({ base, prefix }) => ({ base: base as number, prefix }));
  const ipv6 = ranges
    .filter((range) => typeof range.base !== 'number')
    .map(({ base, prefix }) => ({ base: base as Uint16Array, prefix }));
  return {
    has(address) {
      if (address === undefined) return false;
      if (typeof address === 'number')
        return ipv4.some(({ base, prefix }) => maskAddress(address, prefix) === base);
      return ipv6.some(({ base, prefix }) =>
        base.every((group, at) => (address[at]! & groupMask(prefix, at)) === group),
      );
    },
  };
}

/** What to write instead; undefined for a good entry. */
export function rangeProblem(text: string): string | undefined {
  const range = parseRange(text);
  return typeof range === 'string' ? range : undefined;
}

function parseRange(text: string): Range | string {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined || text.includes('%'))
    return 'Write an address or a range, such as 10.0.0.1, 10.0.0.0/8, ::1 or fd00::/8.';
  const isIpv4 = typeof address === 'number';
  const bits = isIpv4 ? 32 : 128;
  if (slash === -1) return { base: address, prefix: bits };
  const digits = text.slice(slash + 1);
  // The prefix of `::ffff:10.0.0.0/104` counts the 96 bits that make it IPv4 in IPv6.
  const prefix = Number(digits) - (isIpv4 && text.includes(':') ? 96 : 0);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || prefix < 0 || prefix > bits)
    return `Write a prefix length from 0 to ${bits} behind the slash.`;
  const base = maskAddress(address, prefix);
  const written = formatAddress(base);
  if (written !== formatAddress(address))
    return `It has bits set behind its prefix; write ${written}/${prefix}, or the address alone.`;
  return { base, prefix };
}

/**
 * Who the client is. `X-Forwarded-For` is read from the right, and only as far as the entries are trusted
 * proxies: each of them says who spoke to it, and what stands left of the first stranger is that stranger's
 * word. Something unreadable ends the walk at the last good address. The result is in the one spelling of
 * `formatAddress`; empty where the peer has no address (a unix socket).
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: AddressSet): string {
  const parsed = parseAddress(peer);
  if (parsed === undefined) return '';
  if (forwardedFor === undefined || !trusted.has(parsed)) return canonical(peer, parsed);
  let client: Address = parsed;
  let end = forwardedFor.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const address = parseForwarded(trimBlank(forwardedFor, comma + 1, end));
    if (address === undefined) break;
    client = address;
    if (!trusted.has(address)) break;
    end = comma;
  }
  return formatAddress(client);
}

/** `1.2.3.4`, `1.2.3.4:55`, `::1`, `[::1]` or `[::1]:55`: proxies write all of them. */
function parseForwarded(entry: string): Address | undefined {
  if (entry.charCodeAt(0) === 91 /* [ */) {
    const match = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(entry);
    return match === null ? undefined : parseIpv6(match[1]!);
  }
  const colon = entry.indexOf(':');
  if (colon === -1 || entry.indexOf(':', colon + 1) !== -1) return parseAddress(entry);
  const ipv4 = /^\d{1,5}$/.test(entry.slice(colon + 1)) ? parseIpv4(entry, 0, colon) : -1;
  return ipv4 === -1 ? undefined : ipv4;
}

/** IPv4 that parsed is in its one spelling already; so nothing is allocated for it. */
export function canonical(text: string, address: Address): string {
  return typeof address === 'number' && text.indexOf(':') === -1 ? text : formatAddress(address);
}

/** -1 unless it is four numbers of 0 to 255 without leading zeros, which some would read as octal. */
function parseIpv4(text: string, start: number, end: number): number {
  if (end - start < 7 || end - start > 15) return -1;
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (octet === -1 || ++dots > 3) return -1;
      address = address * 256 + octet;
      octet = -1;
    } else if (code >= 48 && code <= 57 && octet !== 0) {
      octet = octet === -1 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && octet !== -1 ? address * 256 + octet : -1;
}

function parseIpv6(text: string): Address | undefined {
  const percent = text.indexOf('%');
  if (percent !== -1 && !/^[\w.:-]+$/.test(text.slice(percent + 1))) return undefined;
  let rest = percent === -1 ? text : text.slice(0, percent);
  if (rest.length < 2 || rest.length > IPV6_CHARS_MAX || !rest.includes(':')) return undefined;
  if (rest.includes('.')) {
    const colon = rest.lastIndexOf(':');
    const ipv4 = parseIpv4(rest, colon + 1, rest.length);
    if (ipv4 === -1) return undefined;
    rest = `${rest.slice(0, colon + 1)}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}`;
  }
  const gap = rest.indexOf('::');
  const head = groupsOf(gap === -1 ? rest : rest.slice(0, gap));
  const tail = gap === -1 ? [] : groupsOf(rest.slice(gap + 2));
  if (head === undefined || tail === undefined) return undefined;
  const count = head.length + tail.length;
  if (gap === -1 ? count !== 8 : count > 7) return undefined;
  const groups = new Uint16Array(8);
  groups.set(head);
  groups.set(tail, 8 - tail.length);
  const isMapped =
    groups[5] === 0xffff &&
    groups[0] === 0 &&
    groups[1] === 0 &&
    groups[2] === 0 &&
    groups[3] === 0 &&
    groups[4] === 0;
  return isMapped ? groups[6]! * 65_536 + groups[7]! : groups;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    groups.push(wholeNumber(group, 16));
  }
  return groups;
}

function groupMask(prefix: number, at: number): number {
  const bits = Math.min(16, Math.max(0, prefix - at * 16));
  return (0xffff << (16 - bits)) & 0xffff;
}
