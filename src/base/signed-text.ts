import { readJsonObject } from './json-object.js';

/** A signed token (JWS, RFC 7515) taken apart. Nothing of it is checked yet. */
export interface SignedText {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

export const SIGNED_CHARACTERS_MAX = 8192;
/** In compact form (RFC 7515 §3.1). Encrypted ones have five parts. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Undefined for a text that two readers could understand differently: with a second spelling of the same
 * bytes, with a member twice (RFC 7515 §4, RFC 7519 §4), or with a header that changes what is signed.
 */
export function readSignedText(text: unknown): SignedText | undefined {
  if (typeof text !== 'string' || text.length > SIGNED_CHARACTERS_MAX || !COMPACT.test(text))
    return undefined;
  const parts = text.split('.').map((part) => Buffer.from(part, 'base64url')) as [Buffer, Buffer, Buffer];
  // Base64url has bits to spare in its last character, which most decoders ignore.
  if (parts.map((bytes) => bytes.toString('base64url')).join('.') !== text) return undefined;
  const header = readJsonObject(parts[0]);
  const claims = readJsonObject(parts[1]);
  if (header === undefined || claims === undefined) return undefined;
  // We understand nothing that could be critical (RFC 7515 §4.1.11), and an unencoded payload (RFC 7797) is
  // for detached content, which a token is not.
  return Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64') ? undefined : { header, claims };
}
