import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  KeyObject,
  sign,
  verify,
  type JsonWebKey,
} from 'node:crypto';
import { badOption, checkNames } from '../../base/options.js';
import { faultOfPublicKey, isPublicSecret, privateMemberOf } from '../../base/signing-key.js';

export type TokenAlg = 'HS256' | 'ES256' | 'EdDSA' | 'RS256';

/** PEM text, a JSON Web Key, or a key of node:crypto. */
export type TokenKeyMaterial = string | JsonWebKey | KeyObject;

/** One key, with exactly one of `secret`, `privateKey` and `publicKey`. */
export interface TokenKeyOptions {
  /** Names it, in the `kid` of a token's header. Of 1 to 64 characters; never used again for another key. */
  readonly id: string;
  /** What it signs by. A token's header can't choose another. */
  readonly alg: TokenAlg;
  /** For HS256: 32 bytes or more, random. Text counts as its UTF-8 bytes. */
  readonly secret?: string | Uint8Array | undefined;
  /** Signs, and verifies. */
  readonly privateKey?: TokenKeyMaterial | undefined;
  /** Only verifies. */
  readonly publicKey?: TokenKeyMaterial | undefined;
  /**
   * From then on it signs in place of the others; until then it only verifies, and is published. A date, or
   * text such as `2026-12-01T00:00:00Z`.
   */
  readonly signsFrom?: Date | string | undefined;
}

/** A key as the rest of the library uses it. */
export interface TokenKey {
  readonly id: string;
  readonly alg: TokenAlg;
  readonly signing: KeyObject | undefined;
  readonly verifying: KeyObject;
  readonly signsFromMs: number;
}

/** RFC 7518 §3.2: a key of the hash's size or larger. */
const SECRET_BYTES_MIN = 32;
const ID = /^[\x21-\x7e]{1,64}$/;
const NAMES = { id: 1, alg: 1, secret: 1, privateKey: 1, publicKey: 1, signsFrom: 1 } satisfies Record<
  keyof TokenKeyOptions,
  1
>;
const ALGS: readonly string[] = ['HS256', 'ES256', 'EdDSA', 'RS256'] satisfies TokenAlg[];

export function readKey(options: TokenKeyOptions): TokenKey {
  checkNames(options, NAMES, 'A key');
  const { id, alg, secret, privateKey, publicKey } = options;
  if (typeof id !== 'string' || !ID.test(id))
    throw badOption(
      'A key has no `id`, or an odd one. Write one of 1 to 64 printable characters without spaces, such as 2026-11.',
    );
  if (!ALGS.includes(alg))
    throw badOption(`The key "${id}" has an \`alg\` that is not supported. Write one of ${ALGS.join(', ')}.`);
  if ([secret, privateKey, publicKey].filter((part) => part !== undefined).length !== 1)
    throw badOption(`The key "${id}" needs exactly one of secret, privateKey and publicKey.`);
  if ((alg === 'HS256') !== (secret !== undefined))
    throw badOption(
      `The key "${id}" is for ${alg}, which takes ${alg === 'HS256' ? 'a `secret`' : 'a `privateKey` or a `publicKey`'}.`,
    );
  const signsFromMs = readInstant(options);
  if (secret !== undefined) {
    const key = readSecret(id, secret);
    return { id, alg, signing: key, verifying: key, signsFromMs };
  }
  const signing = privateKey === undefined ? undefined : readAsymmetric(id, alg, privateKey, 'private');
  const verifying =
    signing === undefined ? readAsymmetric(id, alg, publicKey!, 'public') : createPublicKey(signing);
  checkKind(id, alg, verifying);
  if (signing !== undefined) checkPair(id, alg, signing, verifying);
  return { id, alg, signing, verifying, signsFromMs };
}

/** What others need to verify by it (RFC 7517); undefined for a secret. */
export function publicJwk({ id, alg, verifying }: TokenKey): JsonWebKey | undefined {
  return verifying.type === 'public'
    ? { ...verifying.export({ format: 'jwk' }), kid: id, alg, use: 'sig' }
    : undefined;
}

function readInstant({ id, signsFrom }: TokenKeyOptions): number {
  if (signsFrom === undefined) return -Infinity;
  const ms =
    typeof signsFrom === 'string' || signsFrom instanceof Date ? new Date(signsFrom).getTime() : Number.NaN;
  if (!Number.isFinite(ms))
    throw badOption(`\`signsFrom\` of the key "${id}" is no date. Write one such as 2026-12-01T00:00:00Z.`);
  return ms;
}

function readSecret(id: string, secret: string | Uint8Array): KeyObject {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array))
    throw badOption(`The secret of the key "${id}" is neither text nor bytes.`);
  const bytes = Buffer.from(secret);
  if (bytes.length < SECRET_BYTES_MIN)
    throw badOption(
      `The secret of the key "${id}" has ${bytes.length} bytes, and at least ${SECRET_BYTES_MIN} are needed. Make one with: openssl rand -base64 32`,
    );
  if (isPublicSecret(bytes))
    throw badOption(
      `The secret of the key "${id}" is known to everybody: it is a public key, a certificate or a key set, or nothing but zeros. Give a public key as publicKey, with its own alg, or make a secret with: openssl rand -base64 32`,
    );
  return createSecretKey(bytes);
}

function readAsymmetric(
  id: string,
  alg: TokenAlg,
  material: TokenKeyMaterial,
  type: 'private' | 'public',
): KeyObject {
  const key = material instanceof KeyObject ? material : importKey(id, alg, material, type);
  // createPublicKey makes a public key of a private one, silently: who gives that as `publicKey` has mixed up
  // two files.
  if (key.type !== type)
    throw badOption(`The ${type}Key of the key "${id}" is a ${key.type} key. Give it as what it is.`);
  return key;
}

function importKey(
  id: string,
  alg: TokenAlg,
  material: string | JsonWebKey,
  type: 'private' | 'public',
): KeyObject {
  if (typeof material === 'object' && material !== null) checkJwk(id, alg, material);
  const isPrivate =
    typeof material === 'string'
      ? material.includes('PRIVATE KEY-----')
      : typeof material === 'object' && material !== null && privateMemberOf(material) !== undefined;
  if (isPrivate && type === 'public')
    throw badOption(`The publicKey of the key "${id}" is a private key. Give it as what it is.`);
  try {
    const create = type === 'private' ? createPrivateKey : createPublicKey;
    return typeof material === 'string' ? create(material) : create({ key: material, format: 'jwk' });
  } catch {
    // Without its cause, which may quote what could not be read.
    throw badOption(
      `The ${type}Key of the key "${id}" can't be read. Give PEM text, a JSON Web Key, or a key of node:crypto.`,
    );
  }
}

/** A JSON Web Key may say what it is for (RFC 7517 §4.2 to §4.4); a key for something else is not taken. */
function checkJwk(id: string, alg: TokenAlg, jwk: JsonWebKey): void {
  const { use, key_ops: operations, alg: own } = jwk as { use?: unknown; key_ops?: unknown; alg?: unknown };
  const isForIt =
    (use === undefined || use === 'sig') &&
    (operations === undefined ||
      (Array.isArray(operations) &&
        operations.some((operation) => operation === 'sign' || operation === 'verify'))) &&
    (own === undefined || own === alg || (own === 'Ed25519' && alg === 'EdDSA'));
  if (!isForIt)
    throw badOption(
      `The JSON Web Key of "${id}" says, by its use, key_ops or alg, that it is not for ${alg}.`,
    );
}

function checkKind(id: string, alg: TokenAlg, key: KeyObject): void {
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (alg === 'ES256' && !(kind === 'ec' && details?.namedCurve === 'prime256v1'))
    throw badOption(`The key "${id}" is for ES256 and must be of the curve P-256.`);
  if (alg === 'EdDSA' && kind !== 'ed25519')
    throw badOption(`The key "${id}" is for EdDSA and must be of Ed25519.`);
  if (alg === 'RS256' && kind !== 'rsa') throw badOption(`The key "${id}" is for RS256 and must be of RSA.`);
  const fault = faultOfPublicKey(key);
  if (fault !== undefined) throw badOption(`The key "${id}" ${fault}. Make another one for ${alg}.`);
}

/** A private key whose public part is another's would sign tokens that nobody can verify. */
function checkPair(id: string, alg: TokenAlg, signing: KeyObject, verifying: KeyObject): void {
  const probe = Buffer.from('stickyroute');
  const hash = alg === 'EdDSA' ? null : 'sha256';
  let fits = false;
  try {
    fits = verify(hash, probe, verifying, sign(hash, probe, signing));
  } catch {
    // OpenSSL looks at its own signatures, too
  }
  if (!fits)
    throw badOption(
      `What the key "${id}" signs can't be verified by its own public part. Export it once more.`,
    );
}
