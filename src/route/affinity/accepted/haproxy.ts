import { z } from 'zod';
import { toByteString } from '../../../base/framed-key.js';
import { parseAddress } from '../../address.js';
import { Word64 } from '../../hash/word64.js';
import { xxh64 } from '../../hash/xxh64.js';
import { memberAddress } from '../../placement/member-address.js';
import type { PoolSnapshot } from '../../pool/snapshot.js';
import { cookieLimit, shorthand, tokenName } from '../options.js';
import { EXPIRED, NOTHING, UNREADABLE, type Found } from '../rule.js';
import type { AcceptedCookie, CookieFormat } from './format.js';
import { namedTokens, namedUpstreams, poolTokens, type TokenTable } from './token-table.js';

/** `s1`, `s1|bBpzS` or `s1|bBpzS|bBpy9`: last seen, then first seen. */
const INSERTED = /^([!#-+\--:<-[\]-{}~]{1,128})(?:\|([A-Za-z0-9+/]{5})(?:\|([A-Za-z0-9+/]{5}))?)?$/;
const DYNAMIC = /^[0-9a-f]{16}$/;
const PREFIX_CHARS_MAX = 128;
/** HAProxy forgives dates that are up to a day ahead, for gateways whose clocks were set wrong. */
const AHEAD_MS_MAX = 86_400_000;

export interface HaproxyOptions {
  readonly name: string;
  /** By the value behind `cookie` of each line; without it, the ids. */
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
  readonly dynamicKey?: string | undefined;
  readonly prefix: boolean;
  /** Milliseconds. */
  readonly maxIdle?: number | undefined;
  /** Milliseconds. */
  readonly maxLife?: number | undefined;
}

const shape = z
  .strictObject({
    name: tokenName('cookie'),
    upstreams: namedUpstreams(),
    dynamicKey: z
      .string({ error: 'Write the key of dynamic-cookie-key, or ${NAME} to take it from the environment.' })
      .min(1, 'Write the key of dynamic-cookie-key, or leave it out.')
      .optional(),
    prefix: z.boolean({ error: 'Write true or false.' }).default(false),
    maxIdle: cookieLimit().optional(),
    maxLife: cookieLimit().optional(),
  })
  .superRefine(({ upstreams, dynamicKey, prefix, maxIdle, maxLife }, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (upstreams !== undefined && dynamicKey !== undefined) {
      problem(
        'upstreams',
        'Leave it out beside dynamicKey: a dynamic cookie is made of the address. Where both kinds are about, write two entries.',
      );
    }
    if (prefix && maxIdle !== undefined)
      problem('maxIdle', 'Leave it out beside prefix: such cookies hold no dates.');
    if (prefix && maxLife !== undefined)
      problem('maxLife', 'Leave it out beside prefix: such cookies hold no dates.');
  });

/**
 * `cookie NAME insert | rewrite | prefix` of HAProxy (src/http_ana.c), with the values that its lines name,
 * or `dynamic` ones.
 */
export const haproxy: CookieFormat<HaproxyOptions> = {
  name: 'haproxy',
  options: shorthand('name', shape),
  create(options) {
    const { upstreams, dynamicKey } = options;
    const table =
      dynamicKey !== undefined
        ? poolTokens((upstream) => dynamicTokens(dynamicKey, memberAddress(upstream)))
        : upstreams !== undefined
          ? namedTokens(upstreams, (value) => [value])
          : poolTokens(({ id }) => [id]);
    return options.prefix ? prefixed(options.name, table) : inserted(options, table);
  },
};

function inserted({ name, dynamicKey, maxIdle, maxLife }: HaproxyOptions, table: TokenTable): AcceptedCookie {
  return {
    name,
    read(value, pool, nowMs) {
      const match = INSERTED.exec(value);
      if (match === null) return UNREADABLE;
      const [, token = '', seen, first] = match;
      if (dynamicKey !== undefined && !DYNAMIC.test(token)) return UNREADABLE;
      return age(first, maxLife, nowMs) ?? age(seen, maxIdle, nowMs) ?? table.find(token, pool);
    },
  };
}

/**
 * In front of the app's own value: `s1~3F2A…`. A tilde behind anything but a known prefix is the app's own:
 * since the move it writes its cookie as it likes.
 */
function prefixed(name: string, table: TokenTable): AcceptedCookie {
  const prefixOf = (value: string, pool: PoolSnapshot): string | undefined => {
    const end = value.indexOf('~');
    if (end < 1 || end > PREFIX_CHARS_MAX) return undefined;
    const token = value.slice(0, end);
    return table.has(token, pool) ? token : undefined;
  };
  return {
    name,
    read(value, pool) {
      const token = prefixOf(value, pool);
      return token === undefined ? NOTHING : table.find(token, pool);
    },
    appValue(value, pool) {
      const token = prefixOf(value, pool);
      return token === undefined ? value : value.slice(token.length + 1);
    },
  };
}

/**
 * Why a date rules its cookie out; undefined where it doesn't. HAProxy accepts a cookie without the date that
 * it wants to check, and so does this.
 */
function age(date: string | undefined, limitMs: number | undefined, nowMs: number): Found | undefined {
  if (date === undefined || limitMs === undefined) return undefined;
  const ageMs = nowMs - dateMs(date);
  if (ageMs < -AHEAD_MS_MAX) return UNREADABLE;
  return ageMs > limitMs ? EXPIRED : undefined;
}

/** 30 bits in base64, the highest first: units of four seconds since 1970 (`s30tob64` of src/base64.c). */
function dateMs(date: string): number {
  return (Buffer.from(`A${date}AA`, 'base64').readUIntBE(0, 6) / 4096) * 4000;
}

/**
 * XXH64 of the key, the address's bytes and the port in four bytes (`srv_set_dyncookie` of src/server.c).
 * None for a host name: HAProxy hashes what it resolves to.
 */
function dynamicTokens(key: string, address: string): string[] {
  const match = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address);
  const ip = match === null ? undefined : parseAddress(match[1]!);
  if (match === null || ip === undefined) return [];
  const bytes = Buffer.alloc(typeof ip === 'number' ? 8 : 20);
  if (typeof ip === 'number') bytes.writeUInt32BE(ip);
  else ip.forEach((group, at) => bytes.writeUInt16BE(group, at * 2));
  bytes.writeUInt32BE(Number(match[2]), bytes.length - 4);
  const hash = new Word64();
  xxh64(toByteString(key) + bytes.toString('latin1'), 0, hash);
  return [hash.toBigInt().toString(16).padStart(16, '0')];
}
