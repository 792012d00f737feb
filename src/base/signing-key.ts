import { checkPrimeSync, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** RFC 7518 §3.3. */
const RSA_BITS_MIN = 2048;
/** Larger ones take so long to check that a few tokens keep a process busy. */
const RSA_BITS_MAX = 8192;
const RSA_EXPONENT_BITS_MAX = 64;
/** RFC 7518 §3.4 and RFC 8812 leave others out of what we verify; those below have too few bits. */
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];
/** Members of a JSON Web Key that only who signs may know (RFC 7518 §6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** 2^255 − 19, and −121665/121666 of RFC 8032 §5.1. */
const ED_P = 2n ** 255n - 19n;
const ED_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/**
 * Why a signature by this key would prove nothing, or could not be checked in a bounded time, in words that
 * follow "the key …"; undefined for a sound key.
 */
export function faultOfPublicKey(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return faultOfRsa(key);
    case 'ec':
      return CURVES.includes(key.asymmetricKeyDetails?.namedCurve ?? '')
        ? undefined
        : 'is not of the curve P-256, P-384 or P-521';
    case 'ed25519':
      return isOfSmallOrder(key)
        ? 'is a point of small order: one signature would fit every text'
        : undefined;
    default:
      return 'is of a kind that no supported algorithm takes';
  }
}

/** The part of a JSON Web Key that is private, where it has one. */
export function privateMemberOf(jwk: object): string | undefined {
  return PRIVATE_MEMBERS.find((member) => Object.hasOwn(jwk, member));
}

/**
 * Is this secret known to everybody? A public key, a certificate or a key set, whatever stands before it
 * (CVE-2016-10555, CVE-2022-23541, CVE-2026-34950), or a buffer that was never filled.
 */
export function isPublicSecret(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  if (/-----BEGIN |\bssh-(?:rsa|ed25519)|\becdsa-sha2-|"kty"|"keys"\s*:/.test(text)) return true;
  // The bare bytes of a public key, or those in base64.
  return isSpki(bytes) || isSpki(Buffer.from(text, 'base64')) || bytes.every((byte) => byte === 0);
}

function isSpki(bytes: Buffer): boolean {
  try {
    createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    return true;
  } catch {
    return false;
  }
}

function faultOfRsa(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS_MIN)
    return `has ${modulusLength} bits, and at least ${RSA_BITS_MIN} are needed`;
  if (modulusLength > RSA_BITS_MAX) return `has ${modulusLength} bits, and at most ${RSA_BITS_MAX} are taken`;
  // With 1 a signature is the text itself; an even one has no private counterpart.
  if (publicExponent < 3n || publicExponent % 2n === 0n)
    return `has the public exponent ${publicExponent}, by which anybody could sign`;
  if (publicExponent >= 1n << BigInt(RSA_EXPONENT_BITS_MAX))
    return `has a public exponent of more than ${RSA_EXPONENT_BITS_MAX} bits`;
  return isEasilyFactored(modulusOf(key)) ? 'has a modulus that anybody can take apart' : undefined;
}

function modulusOf(key: KeyObject): bigint {
  // A key limited to RSASSA-PSS can't be written as a JSON Web Key.
  const { n } = (key.asymmetricKeyType === 'rsa' ? key.export({ format: 'jwk' }) : {}) as JsonWebKey;
  return n === undefined ? 0n : BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

/** Below it every prime is tried as a factor. */
const SMALL_PRIMES_BELOW = 1000;
/** Fermat's way finds two factors that lie close together: this many steps of it are taken. */
const FERMAT_STEPS = 16;

/** A prime, one with a small factor, a square, or the product of two neighbours. */
function isEasilyFactored(modulus: bigint): boolean {
  if (modulus === 0n) return false;
  for (let prime = 2; prime < SMALL_PRIMES_BELOW; prime += prime === 2 ? 1 : 2)
    if (modulus % BigInt(prime) === 0n) return true;
  let root = squareRoot(modulus);
  if (root * root < modulus) root++;
  for (let step = 0; step < FERMAT_STEPS; step++, root++) {
    const rest = root * root - modulus;
    const other = squareRoot(rest);
    if (other * other === rest) return true;
  }
  return checkPrimeSync(modulus);
}

/** Rounded down, by Newton's way. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/**
 * The eight points of small order have y = 0, 1 or −1, or double to one with y = 0: d·y⁴ + 2·y² = 1. By such
 * a key one signature verifies for every text, and OpenSSL takes it.
 */
function isOfSmallOrder(key: KeyObject): boolean {
  const { x = '' } = key.export({ format: 'jwk' });
  const bytes = Buffer.from(x, 'base64url').reverse();
  bytes[0]! &= 0x7f; // the sign of x
  const y = BigInt(`0x${bytes.toString('hex')}`) % ED_P;
  const square = (y * y) % ED_P;
  return y === 0n || square === 1n || (ED_D * square * square + 2n * square) % ED_P === 1n;
}
