import { readSignedText, SIGNED_CHARACTERS_MAX } from '../../base/signed-text.js';

/** What we take from a token's header; the keys are ours to choose by `kid`, and `alg` only has to agree. */
export interface TokenHeader {
  readonly kid: string;
  readonly alg: string;
}

export const TOKEN_CHARACTERS_MAX = SIGNED_CHARACTERS_MAX;
/**
 * Nothing else may stand in a header. A key, or where to get one, is the sender's word (`jwk`, `jku`, `x5u`,
 * `x5c`; RFC 8725 §3.10, CVE-2018-0114); `zip` and `enc` belong to encrypted tokens.
 */
const MEMBERS = new Set(['alg', 'kid', 'typ']);

/** Undefined for every text that we would not write ourselves. */
export function readTokenHeader(text: string): TokenHeader | undefined {
  const header = readSignedText(text)?.header;
  if (header === undefined || Object.keys(header).some((member) => !MEMBERS.has(member))) return undefined;
  const { kid, alg } = header;
  return typeof kid === 'string' && typeof alg === 'string' ? { kid, alg } : undefined;
}
