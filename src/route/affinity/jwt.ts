import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BoundedMap } from '../../base/bounded-map.js';
import { toByteString } from '../../base/framed-key.js';
import { readJsonObject } from '../../base/json-object.js';
import { isPublicSecret } from '../../base/signing-key.js';
import type { RequestFacts } from '../facts.js';
import type { RuleContext, RuleDefinition, TokenVerifier } from './definition.js';
import { onFailure } from './options.js';
import { EXPIRED, NOTHING, UNREADABLE, type FailurePolicy, type Found, type Rule } from './rule.js';

/**
 * One secret on both sides. Never together with public keys: that is the RS-to-HS confusion (CVE-2016-10555).
 */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;
export const KEY_SET_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** What a token may be signed with where the options don't say. */
export function defaultAlgorithms(secret: string | undefined): readonly string[] {
  return secret === undefined ? KEY_SET_ALGORITHMS : ['HS256'];
}

const TOKEN_CHARS_MAX = 8192;
/** A JWS in compact form (RFC 7515 §3.1); encrypted tokens have five parts. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const VERIFIED_MAX = 32_768;
const REFUSED_MAX = 4096;
const VERIFYING_MAX = 1024;
/**
 * So a bad token that comes again and again costs one check in this time; so long a key fetch that failed
 * counts, too.
 */
const REFUSED_MS = 5000;
/** The issuer's clock may be this far off. */
const LEEWAY_MS = 30_000;

export interface JwtOptions {
  readonly claim: string;
  readonly secret?: string | undefined;
  readonly jwks?: string | undefined;
  readonly trust?: 'unverified' | undefined;
  readonly algorithms?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly onFailure: FailurePolicy;
}

const text = (form: string) => z.string({ error: form }).min(1, form);

const shape = z
  .strictObject(
    {
      claim: text('Write the name of the claim that identifies a user, such as sub.'),
      secret: z
        .string({ error: 'Write the shared secret, or ${NAME} to take it from the environment.' })
        .refine(
          (secret) => Buffer.byteLength(secret) >= 32,
          'Write a secret of at least 32 bytes (RFC 7518 §3.2), such as the output of: openssl rand -base64 32',
        )
        // A public key is no secret: whoever has it could sign.
        .refine(
          (secret) => !isPublicSecret(Buffer.from(secret)),
          'This is a key that others know (PEM, a JSON Web Key, a certificate), not a shared secret. Serve the public key as a JSON Web Key Set and write jwks: https://…',
        )
        .optional(),
      jwks: z
        .string({
          error: "Write the address of the issuer's key set, such as https://issuer.example/jwks.json.",
        })
        .refine(isKeySetUrl, 'Write an https:// address without a password (http:// only for this machine).')
        .optional(),
      trust: z.literal('unverified', { error: 'Write unverified, or leave it out.' }).optional(),
      algorithms: z
        .array(
          z.enum([...SECRET_ALGORITHMS, ...KEY_SET_ALGORITHMS], {
            error: `Write some of ${[...SECRET_ALGORITHMS, ...KEY_SET_ALGORITHMS].join(', ')}.`,
          }),
        )
        .min(1, 'Write at least one algorithm, or leave it out.')
        .optional(),
      issuer: text('Write the issuer as it stands in the iss claim.').optional(),
      audience: text('Write the audience as it stands in the aud claim.').optional(),
      onFailure: onFailure('borrow'),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type'
          ? 'Write at least a claim and how tokens are checked, such as { claim: sub, secret: "${JWT_SECRET}" }.'
          : undefined,
    },
  )
  .superRefine(({ secret, jwks, trust, algorithms, issuer, audience }, context) => {
    const given = [secret, jwks, trust].filter((option) => option !== undefined).length;
    if (given !== 1) {
      const message = `Write exactly one of secret, jwks and trust: unverified${given === 0 ? '' : `, not ${given}`}: it says how tokens are checked.`;
      context.addIssue({ code: 'custom', message });
    } else if (trust !== undefined) {
      for (const [option, value] of Object.entries({ algorithms, issuer, audience })) {
        if (value !== undefined)
          context.addIssue({
            code: 'custom',
            path: [option],
            message: `Leave ${option} out, or check tokens by secret or jwks: trust: unverified checks nothing.`,
          });
      }
    } else if (algorithms !== undefined) {
      const fitting: readonly string[] = secret !== undefined ? SECRET_ALGORITHMS : KEY_SET_ALGORITHMS;
      const other = algorithms.filter((algorithm) => !fitting.includes(algorithm));
      if (other.length > 0) {
        const message = `Leave ${other.join(', ')} out; with ${secret !== undefined ? 'a secret' : 'jwks'} it can be ${fitting.join(', ')}.`;
        context.addIssue({ code: 'custom', path: ['algorithms'], message });
      }
      const bytes = secret === undefined ? Infinity : Buffer.byteLength(secret);
      for (const algorithm of algorithms) {
        const bytesMin = secretBytesMin(algorithm);
        if (bytesMin === undefined || bytes < 32 || bytes >= bytesMin) continue;
        const message = `Write a secret of at least ${bytesMin} bytes for ${algorithm} (RFC 7518 §3.2), such as the output of: openssl rand -base64 ${bytesMin}`;
        context.addIssue({ code: 'custom', path: ['secret'], message });
      }
    }
  });

/** RFC 7518 §3.2: a secret is at least as long as the hash. Undefined where there is no secret. */
export function secretBytesMin(algorithm: string): number | undefined {
  return (SECRET_ALGORITHMS as readonly string[]).includes(algorithm)
    ? Number(algorithm.slice(2)) / 8
    : undefined;
}

/** The key is a claim of the bearer token. */
export const jwt: RuleDefinition<JwtOptions> = {
  name: 'jwt',
  options: shape,
  create: (options, context) => new JwtRule(options, context),
};

/** What is remembered of a token: the outcome while its times hold. */
interface Seen {
  readonly found: Found;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

class JwtRule implements Rule {
  readonly name = 'jwt';
  readonly subject: string;
  readonly onFailure: FailurePolicy;
  prepare?: (facts: RequestFacts) => Promise<void> | undefined;

  readonly #claim: string;
  readonly #verifier: TokenVerifier | undefined;
  // By the SHA-256 of the exact text, so that neither memory nor a heap dump holds bearer tokens. Refused
  // ones are kept apart: a flood of them must not push out the verified.
  readonly #verified = new BoundedMap<string, Seen>(VERIFIED_MAX);
  readonly #refusedAtMs = new BoundedMap<string, number>(REFUSED_MAX);
  readonly #verifying = new Map<string, Promise<void>>();
  #lastToken = '';
  #lastDigest = '';

  constructor(options: JwtOptions, context: RuleContext) {
    this.subject = options.claim;
    this.onFailure = options.onFailure;
    this.#claim = options.claim;
    if (options.trust === 'unverified') return;
    const { secret, jwks, issuer, audience } = options;
    const algorithms = options.algorithms ?? defaultAlgorithms(secret);
    this.#verifier = context.tokenVerifier({ secret, jwks, algorithms, issuer, audience });
    this.prepare = this.#prepare;
  }

  find(facts: RequestFacts): Found {
    const token = bearerToken(facts);
    if (token === undefined) return NOTHING;
    if (!isCompact(token)) return UNREADABLE;
    // What anybody can write is decoded anew each time: remembering it would give them our memory to fill.
    const seen =
      this.#verifier === undefined
        ? this.#read(decodePayload(token))
        : this.#verified.get(this.#digest(token));
    if (seen === undefined) return UNREADABLE;
    if (facts.nowMs >= seen.expiresMs + LEEWAY_MS) return EXPIRED;
    return facts.nowMs < seen.notBeforeMs - LEEWAY_MS ? UNREADABLE : seen.found;
  }

  #prepare(facts: RequestFacts): Promise<void> | undefined {
    const token = bearerToken(facts);
    if (token === undefined || !isCompact(token)) return undefined;
    const digest = this.#digest(token);
    if (this.#verified.get(digest) !== undefined) return undefined;
    const refusedAtMs = this.#refusedAtMs.get(digest);
    if (refusedAtMs !== undefined && Math.abs(facts.nowMs - refusedAtMs) < REFUSED_MS) return undefined;
    const underWay = this.#verifying.get(digest);
    if (underWay !== undefined || this.#verifying.size >= VERIFYING_MAX) return underWay;
    const verification = this.#verify(token, digest, facts.nowMs).finally(() =>
      this.#verifying.delete(digest),
    );
    this.#verifying.set(digest, verification);
    return verification;
  }

  async #verify(token: string, digest: string, nowMs: number): Promise<void> {
    try {
      this.#verified.set(digest, this.#read(await this.#verifier!(token)));
    } catch {
      // Why a token is bad is its issuer's and its upstream's concern; here it only can't choose an upstream.
      this.#refusedAtMs.set(digest, nowMs);
    }
  }

  #read(claims: Readonly<Record<string, unknown>> | undefined): Seen {
    const notBeforeMs = instant(claims?.['nbf'], -Infinity);
    const expiresMs = instant(claims?.['exp'], Infinity);
    if (claims === undefined || notBeforeMs === undefined || expiresMs === undefined)
      return ALWAYS_UNREADABLE;
    return {
      found: keyOf(Object.hasOwn(claims, this.#claim) ? claims[this.#claim] : undefined),
      notBeforeMs,
      expiresMs,
    };
  }

  #digest(token: string): string {
    // One request asks several times over.
    if (token !== this.#lastToken) {
      this.#lastDigest = createHash('sha256').update(token, 'latin1').digest('base64');
      this.#lastToken = token;
    }
    return this.#lastDigest;
  }
}

const ALWAYS_UNREADABLE: Seen = { found: UNREADABLE, notBeforeMs: -Infinity, expiresMs: Infinity };

/** Undefined without a bearer token. RFC 9110 §11.1: the scheme in any case, then spaces. */
function bearerToken(facts: RequestFacts): string | undefined {
  const field = facts.headers.get('authorization');
  if (
    field === undefined ||
    field.length < 8 ||
    field.charCodeAt(6) !== 32 ||
    field.slice(0, 6).toLowerCase() !== 'bearer'
  )
    return undefined;
  let start = 7;
  while (field.charCodeAt(start) === 32) start++;
  return field.slice(start);
}

function isCompact(token: string): boolean {
  return token.length <= TOKEN_CHARS_MAX && COMPACT.test(token);
}

/** Numbers as JSON writes them, so that 42 and "42" are one user. */
function keyOf(claim: unknown): Found {
  if (claim === undefined || claim === null || claim === '') return NOTHING;
  if (typeof claim === 'string') return { kind: 'keyed', key: toByteString(claim) };
  return typeof claim === 'number' && Number.isFinite(claim)
    ? { kind: 'keyed', key: String(claim) }
    : UNREADABLE;
}

/** RFC 7519 §2, NumericDate: seconds. Undefined when it isn't one. */
function instant(seconds: unknown, absent: number): number | undefined {
  if (seconds === undefined) return absent;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function decodePayload(token: string): Readonly<Record<string, unknown>> | undefined {
  return readJsonObject(Buffer.from(token.split('.')[1]!, 'base64url'));
}

function isKeySetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
  );
}
