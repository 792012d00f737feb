import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { StickyError } from '../base/errors.js';
import { faultOfPublicKey, privateMemberOf } from '../base/signing-key.js';

const BYTES_MAX = 1_048_576;
const KEYS_MAX = 100;

/**
 * The keys of a set (RFC 7517 §5) whose signatures prove something. The others are left out: one bad key must
 * not take the good ones along. Throws for what is no key set.
 */
export async function readKeySet(response: Response): Promise<readonly JsonWebKey[]> {
  const set: unknown = JSON.parse(await readText(response));
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys) || keys.length > KEYS_MAX)
    throw refused(`The answer is no JSON Web Key Set, or has more than ${KEYS_MAX} keys.`);
  return (keys as unknown[]).filter(isSound);
}

function isSound(key: unknown): key is JsonWebKey {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false;
  // Whoever reads the set could sign by it.
  if (privateMemberOf(key) !== undefined) return false;
  try {
    return faultOfPublicKey(createPublicKey({ key: key as JsonWebKey, format: 'jwk' })) === undefined;
  } catch {
    return false;
  }
}

/** An issuer that answers without end must not fill the memory. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > BYTES_MAX) throw refused(`The key set has more than ${BYTES_MAX} bytes.`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refused(message: string): StickyError {
  return new StickyError('STICKY_TOKEN_REFUSED', message);
}
