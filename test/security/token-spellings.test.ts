import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createTokens, type TokenAlg, type TokenKeyOptions } from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { draws } from '../support/draws.js';

/**
 * The order of the curve P-256 (FIPS 186-4, D.1.2.3): for a signature (r, s), (r, n − s) is one of the same
 * text.
 */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const clock = createManualClock();
const store = memoryStore({ clock });
const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const ALGS: readonly TokenAlg[] = ['HS256', 'ES256', 'EdDSA', 'RS256'];
const keys = ALGS.map((alg): TokenKeyOptions =>
  alg === 'HS256'
    ? { id: alg, alg, secret: 'a shared secret of at least 32 bytes' }
    : { id: alg, alg, privateKey: pairs[alg].privateKey },
);
/** One that signs by each; all verify by all. */
const byAlg = new Map(
  ALGS.map((alg) => [
    alg,
    createTokens({
      keys: [...keys].sort((a) => (a.alg === alg ? -1 : 1)),
      issuer: 'https://auth.example',
      audience: 'api',
      store,
      clock,
    }),
  ]),
);
afterAll(() => byAlg.forEach((tokens) => tokens.close()));

const seed = Number(process.env['SIM_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

type Mutation = (text: string) => string;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ \n\u0000é';
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (text: string, share: number) => Math.floor(text.length * share);
const character = fc.constantFrom(...ALPHABET);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, character).map(
    ([share, put]): Mutation =>
      (text) =>
        text.slice(0, at(text, share)) + put + text.slice(at(text, share) + 1),
  ),
  fc.tuple(place, character).map(
    ([share, put]): Mutation =>
      (text) =>
        text.slice(0, at(text, share)) + put + text.slice(at(text, share)),
  ),
  fc.tuple(place, place).map(
    ([share, length]): Mutation =>
      (text) =>
        text.slice(0, at(text, share)) + text.slice(at(text, share) + 1 + Math.floor(length * 8)),
  ),
  character.map(
    (put): Mutation =>
      (text) =>
        text + put,
  ),
  character.map(
    (put): Mutation =>
      (text) =>
        put + text,
  ),
  // The characters at the end of a part, where base64url has bits to spare.
  fc.tuple(fc.integer({ min: 0, max: 2 }), character).map(
    ([which, put]): Mutation =>
      (text) =>
        text
          .split('.')
          .map((part, index) => (index === which ? part.slice(0, -1) + put : part))
          .join('.'),
  ),
  // A bit of what is signed, or of the signature.
  fc.tuple(fc.integer({ min: 0, max: 2 }), place, fc.integer({ min: 0, max: 7 })).map(
    ([which, share, bit]): Mutation =>
      (text) =>
        text
          .split('.')
          .map((part, index) => {
            if (index !== which) return part;
            const bytes = Buffer.from(part, 'base64url');
            bytes[Math.floor(bytes.length * share)]! ^= 1 << bit;
            return bytes.toString('base64url');
          })
          .join('.'),
  ),
);

describe.each(ALGS)('a token signed by %s', (alg) => {
  const tokens = byAlg.get(alg)!;

  test('no mutation of it verifies', async () => {
    const { accessToken } = await tokens.issue({ sub: 'alice', claims: { role: 'user' } });
    await tokens.verify(accessToken);
    const property = fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      async (mutations) => {
        const text = mutations.reduce((mutated, mutate) => mutate(mutated), accessToken);
        fc.pre(text !== accessToken);
        expect(tokens.peek(text)).toBeUndefined();
        await expect(tokens.verify(text)).rejects.toMatchObject({ code: 'STICKY_TOKEN_INVALID' });
      },
    );
    await fc.assert(property, { seed, numRuns: draws(500) });
  });

  test('parts of two valid ones make no third', async () => {
    const issued = await Promise.all(
      [...byAlg.values()].flatMap((each) => [each.issue({ sub: 'alice' }), each.issue({ sub: 'admin' })]),
    );
    const texts = issued.map(({ accessToken }) => accessToken);
    const parts = [0, 1, 2].map((which) => texts.map((text) => text.split('.')[which]!));
    for (const head of parts[0]!) {
      for (const body of parts[1]!) {
        for (const signature of parts[2]!) {
          const text = `${head}.${body}.${signature}`;
          if (!texts.includes(text))
            await expect(tokens.verify(text)).rejects.toMatchObject({ code: 'STICKY_TOKEN_INVALID' });
        }
      }
    }
  });

  test('no second spelling of it escapes its revocation', async () => {
    for (let round = 0; round < 20; round++) {
      const { accessToken, jti } = await tokens.issue({ sub: `user-${round}` });
      const spellings = secondSpellings(accessToken, alg);
      const passing: string[] = [];
      for (const text of spellings)
        await tokens.verify(text).then(
          () => passing.push(text),
          () => {},
        );
      // Only ECDSA has a second signature of the same text; it needs no key to make.
      expect(passing.length).toBe(alg === 'ES256' ? 1 : 0);
      await tokens.verify(accessToken);
      await tokens.revoke(jti);
      for (const text of [accessToken, ...spellings]) {
        expect(tokens.peek(text)).toBeUndefined();
        await expect(tokens.verify(text)).rejects.toMatchObject({
          code:
            passing.includes(text) || text === accessToken ? 'STICKY_TOKEN_REVOKED' : 'STICKY_TOKEN_INVALID',
        });
      }
    }
  });
});

/** Texts that lenient decoders take for the same token, or for the same claims. */
function secondSpellings(text: string, alg: TokenAlg): string[] {
  const [head, body, signature] = text.split('.') as [string, string, string];
  const spellings = [
    `${text}=`,
    `${text}==`,
    ` ${text}`,
    `${text}\n`,
    `\uFEFF${text}`,
    `${head}=.${body}.${signature}`,
    `${head}. ${body}.${signature}`,
    `${head}.${body}.${signature}.`,
  ];
  for (const [which, part] of [head, body, signature].entries()) {
    const spell = (other: string) =>
      [head, body, signature].map((each, index) => (index === which ? other : each)).join('.');
    spellings.push(
      spell(part.replaceAll('-', '+').replaceAll('_', '/')),
      spell(encodeURIComponent(part)),
      spell(`${part.slice(0, 9)}\n${part.slice(9)}`),
      spell(`${part}AA`),
    );
    const bytes = Buffer.from(part, 'base64url');
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const other = part.slice(0, -1) + last;
      if (Buffer.from(other, 'base64url').equals(bytes)) spellings.push(spell(other));
    }
  }
  const bytes = Buffer.from(signature, 'base64url');
  const number = (from: number, to: number) => BigInt(`0x${bytes.subarray(from, to).toString('hex')}`);
  const write = (r: bigint, s: bigint) =>
    `${head}.${body}.${Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex').toString('base64url')}`;
  if (alg === 'ES256') {
    const [r, s] = [number(0, 32), number(32, 64)];
    spellings.push(write(r, P256_ORDER - s), write(P256_ORDER - r, s));
    if (r + P256_ORDER < 2n ** 256n) spellings.push(write(r + P256_ORDER, s));
  }
  return [...new Set(spellings)].filter((spelling) => spelling !== text);
}
