import { z } from 'zod';
import { memberAddress } from '../../placement/member-address.js';
import { shorthand, tokenName } from '../options.js';
import { UNREADABLE } from '../rule.js';
import type { CookieFormat } from './format.js';
import { poolTokens } from './token-table.js';

const BASE64 = /^(?:[A-Za-z0-9+/]{4}){1,64}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const ADDRESS = /^[!-~]{3,127}$/;
// Tags of protobuf fields: number × 8 + wire type (2: length and bytes, 0: varint).
const ADDRESS_TAG = 0x0a;
const EXPIRES_TAG = 0x10;

export interface EnvoyCookieOptions {
  readonly name: string;
}

const shape = z.strictObject({ name: tokenName('cookie') });

/**
 * The cookie of Envoy's stateful_session filter
 * (source/extensions/http/stateful_session/cookie/cookie.proto): base64 of an address, in a message or alone.
 * `expires` is not looked at: it counts on the monotonic clock of the machine that wrote it, which nobody
 * else knows.
 */
export const envoy: CookieFormat<EnvoyCookieOptions> = {
  name: 'envoy',
  options: shorthand('name', shape),
  create({ name }) {
    const table = poolTokens((upstream) => [memberAddress(upstream)]);
    return {
      name,
      read(value, pool) {
        const address = BASE64.test(value) ? addressIn(Buffer.from(value, 'base64')) : undefined;
        return address === undefined ? UNREADABLE : table.find(address, pool);
      },
    };
  },
};

function addressIn(bytes: Buffer): string | undefined {
  const isMessage = bytes[0] === ADDRESS_TAG;
  // An address has fewer than 128 bytes, so its length is one byte.
  const end = isMessage ? 2 + bytes[1]! : bytes.length;
  if (end > bytes.length || (isMessage && !isExpiry(bytes.subarray(end)))) return undefined;
  const address = bytes.toString('latin1', isMessage ? 2 : 0, end);
  return ADDRESS.test(address) ? address : undefined;
}

/** Nothing, or the field `expires`: a varint ends with the first byte below 128, after ten at most. */
function isExpiry(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  return (
    bytes[0] === EXPIRES_TAG &&
    bytes.length >= 2 &&
    bytes.length <= 11 &&
    bytes.subarray(1).findIndex((byte) => byte < 128) === bytes.length - 2
  );
}
