import { framedKey, toByteString } from '../base/framed-key.js';
import { invalidCall } from './invalid-call.js';

/**
 * Text, bytes, or a list of these that together name a user (`['acme', '7']`), as a path rule with several
 * named segments has them.
 */
export type CallKey = string | Uint8Array | readonly (string | Uint8Array)[];

/** A longer one could not come in the head of a request. */
const KEY_BYTES_MAX = 16 * 1024;

/**
 * The bytes that the gateway's rules would find: a single part as it is, several each with its length in
 * front.
 */
export function keyBytes(key: CallKey): string {
  const parts = typeof key === 'string' || key instanceof Uint8Array ? [key] : key;
  if (!Array.isArray(parts) || parts.length === 0) throw invalidCall(FORM);
  const texts = parts.map((part: unknown) => {
    if (typeof part !== 'string' && !(part instanceof Uint8Array)) throw invalidCall(FORM);
    if (part.length === 0)
      throw invalidCall(
        'The key, or a part of it, is empty: it names nobody. The gateway takes it for absent; find out who is meant before you call.',
      );
    return toByteString(part);
  });
  const bytes = texts.length === 1 ? texts[0]! : framedKey(...texts);
  if (bytes.length > KEY_BYTES_MAX)
    throw invalidCall(
      `The key has ${bytes.length} bytes; at most ${KEY_BYTES_MAX} are taken. Use what names the user, not what describes it.`,
    );
  return bytes;
}

const FORM =
  "The key must be text, a Uint8Array, or a list of these that isn't empty. Write a number as text: String(id).";
