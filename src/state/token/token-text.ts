/** What we take from a token's header; the keys are ours to choose by `kid`, and `alg` only has to agree. */
export interface TokenHeader {
  readonly kid: string;
  readonly alg: string;
}

export const TOKEN_CHARACTERS_MAX = 8192;
/** A signed token in compact form (RFC 7515 §3.1). Encrypted ones have five parts. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/**
 * Nothing else may stand in a header. A key, or where to get one, is the sender's word (`jwk`, `jku`, `x5u`,
 * `x5c`; RFC 8725 §3.10, CVE-2018-0114); `crit` and `b64` change what is signed, `zip` and `enc` belong to
 * encrypted tokens.
 */
const MEMBERS = new Set(['alg', 'kid', 'typ']);

/** Undefined for every text that we would not write ourselves. */
export function readHeader(text: string): TokenHeader | undefined {
  if (typeof text !== 'string' || text.length > TOKEN_CHARACTERS_MAX || !COMPACT.test(text)) return undefined;
  const parts = text.split('.') as [string, string, string];
  // Base64url has bits to spare in its last character, which most decoders pass over: several spellings of
  // the same bytes.
  if (!parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)) return undefined;
  const header = parseObject(parts[0]);
  if (header === undefined || Object.keys(header).some((member) => !MEMBERS.has(member))) return undefined;
  const { kid, alg } = header;
  return typeof kid === 'string' && typeof alg === 'string' ? { kid, alg } : undefined;
}

function parseObject(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
