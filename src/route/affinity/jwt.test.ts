import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createTokenVerifier } from '../../control/token-verifier.js';
import { fakePool } from '../../testing/fake-pool.js';
import { ruleContract } from '../../testing/rule-contract.js';
import { plainFacts } from '../plain-facts.js';
import type { TokenVerifier, TokenVerifierOptions } from './definition.js';
import { jwt } from './jwt.js';
import type { Found, Rule } from './rule.js';
import { seededRandom } from '../../testing/seeded-random.js';

const SECRET = 'a shared secret of at least 32 bytes';
const NOW = 1_700_000_000_000;
const NOW_S = NOW / 1000;
const pool = fakePool(['api-1', 'api-2']);

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
function token(claims: unknown, secret = SECRET, head: unknown = { alg: 'HS256', typ: 'JWT' }): string {
  const signed = `${part(head)}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

for (const { name, run } of ruleContract({
  definition: jwt,
  accepted: [
    { claim: 'sub', secret: SECRET },
    { claim: 'sub', secret: SECRET.repeat(2), algorithms: ['HS512'], issuer: 'i', audience: 'a' },
    { claim: 'sub', trust: 'unverified' },
    { claim: 'sub', jwks: 'https://issuer.example/jwks.json', algorithms: ['ES256'] },
    { claim: 'sub', jwks: 'http://127.0.0.1:9/jwks' },
    { claim: 'sub', jwks: 'http://localhost/jwks' },
    { claim: 'sub', jwks: 'http://[::1]/jwks' },
  ],
  refused: [
    null,
    'sub',
    {},
    { claim: 'sub' },
    { claim: '', secret: SECRET },
    { secret: SECRET },
    { claim: 'sub', secret: 'short' },
    { claim: 'sub', secret: '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B' },
    { claim: 'sub', secret: `{"kty":"OKP","crv":"Ed25519","x":"${'A'.repeat(43)}"}` },
    { claim: 'sub', secret: SECRET, algorithms: ['HS256', 'HS384'] },
    { claim: 'sub', secret: SECRET, algorithms: ['HS512'] },
    { claim: 'sub', secret: SECRET, trust: 'unverified' },
    { claim: 'sub', secret: SECRET, jwks: 'https://issuer.example/' },
    { claim: 'sub', trust: 'verified' },
    { claim: 'sub', jwks: 'http://issuer.example/' },
    { claim: 'sub', jwks: 'https://user:pass@issuer.example/' },
    { claim: 'sub', jwks: 'jwks.json' },
    { claim: 'sub', jwks: 'file:///etc/passwd' },
    { claim: 'sub', jwks: 'http://127.0.0.1.example/' },
    { claim: 'sub', secret: SECRET, algorithms: ['none'] },
    { claim: 'sub', secret: SECRET, algorithms: ['RS256'] },
    { claim: 'sub', secret: SECRET, algorithms: [] },
    { claim: 'sub', jwks: 'https://issuer.example/', algorithms: ['HS256'] },
    { claim: 'sub', trust: 'unverified', issuer: 'i' },
  ],
  found: { headers: [['authorization', `Bearer ${token({ sub: '42' })}`]] },
  tokenVerifier: (options) => createTokenVerifier(options),
}))
  test(`contract: ${name}`, run);

test('says what to write where the way of checking is missing, double or weak', () => {
  const messages = (options: unknown) =>
    JSON.stringify(jwt.options.safeParse(options).error?.issues.map(({ message }) => message));
  expect(messages({ claim: 'sub' })).toContain('exactly one of secret, jwks and trust: unverified');
  expect(messages({ claim: 'sub', secret: SECRET, trust: 'unverified' })).toContain(
    'exactly one of secret, jwks and trust: unverified, not 2',
  );
  const weak = messages({ claim: 'sub', secret: 'hunter2' });
  expect(weak).toContain('32 bytes');
  expect(weak).not.toContain('hunter2');
});

interface Bench {
  rule: Rule;
  ask(authorization: string, nowMs?: number): Promise<Found>;
  calls: number;
}

/** A rule whose verifier counts its calls. */
function bench(
  options: object = { secret: SECRET },
  verifier: (given: TokenVerifierOptions) => TokenVerifier = (given) => createTokenVerifier(given),
): Bench {
  const parsed = jwt.options.parse({ claim: 'sub', ...options });
  const made: Bench = {
    calls: 0,
    rule: jwt.create(parsed, {
      route: 'default',
      keys: [],
      random: seededRandom(1),
      tokenVerifier(given) {
        const verify = verifier(given);
        return (text) => {
          made.calls++;
          return verify(text);
        };
      },
    }),
    async ask(authorization, nowMs = NOW) {
      const facts = plainFacts({ nowMs, headers: [['Authorization', authorization]] });
      await made.rule.prepare?.(facts);
      return made.rule.find(facts, pool);
    },
  };
  return made;
}

describe('the key', () => {
  const { ask } = bench();
  test.each<[unknown, Found]>([
    ['42', { kind: 'keyed', key: '42' }],
    [42, { kind: 'keyed', key: '42' }],
    [1.5, { kind: 'keyed', key: '1.5' }],
    ['é', { kind: 'keyed', key: '\u00c3\u00a9' }],
    ['', { kind: 'nothing' }],
    [null, { kind: 'nothing' }],
    [undefined, { kind: 'nothing' }],
    [true, { kind: 'unreadable' }],
    [['42'], { kind: 'unreadable' }],
    [{ a: 1 }, { kind: 'unreadable' }],
  ])('of the claim %j is %j', async (sub, found) =>
    expect(await ask(`Bearer ${token({ sub })}`)).toEqual(found),
  );

  test('is no property that every object has', async () => {
    for (const claim of ['constructor', '__proto__', 'toString']) {
      expect(await bench({ claim, secret: SECRET }).ask(`Bearer ${token({ sub: '42' })}`)).toEqual({
        kind: 'nothing',
      });
    }
  });

  test.each(['bearer', 'BEARER', 'Bearer', 'bEARER '])('is found behind the scheme %j', async (scheme) => {
    expect(await ask(`${scheme} ${token({ sub: '42' })}`)).toEqual({ kind: 'keyed', key: '42' });
  });

  test.each(['', 'Basic dXNlcjpwYXNz', 'Bearer', 'Bearerx y', 'Token a.b.c'])(
    'is not looked for in %j',
    async (field) => expect(await ask(field)).toEqual({ kind: 'nothing' }),
  );
});

describe('times are checked on every use', () => {
  test('a remembered token expires, with half a minute of leeway', async () => {
    const { ask } = bench();
    const field = `Bearer ${token({ sub: '42', exp: NOW_S + 60 })}`;
    for (const [afterS, kind] of [
      [0, 'keyed'],
      [59, 'keyed'],
      [89, 'keyed'],
      [90, 'expired'],
      [100_000, 'expired'],
      [1, 'keyed'],
    ] as const) {
      expect((await ask(field, NOW + afterS * 1000)).kind, `after ${afterS} s`).toBe(kind);
    }
  });

  test('a token of the future waits, with half a minute of leeway', async () => {
    const { ask } = bench();
    const field = `Bearer ${token({ sub: '42', nbf: NOW_S + 60 })}`;
    expect((await ask(field, NOW + 29_999)).kind).toBe('unreadable');
    expect((await ask(field, NOW + 30_000)).kind).toBe('keyed');
  });

  test.each([
    ['exp', '9999999999'],
    ['nbf', '0'],
    ['exp', null],
    ['nbf', [0]],
    ['exp', {}],
  ])('%s: %j is not a time', async (name, value) => {
    for (const options of [{ secret: SECRET }, { trust: 'unverified' }]) {
      expect(await bench(options).ask(`Bearer ${token({ sub: '42', [name]: value })}`)).toEqual({
        kind: 'unreadable',
      });
    }
  });
});

describe('attacks: the claim is not believed', () => {
  const valid = token({ sub: '42' });
  const [head, body, signature] = valid.split('.') as [string, string, string];
  const unsigned = (alg: unknown, last = '') => `${part({ alg, typ: 'JWT' })}.${body}.${last}`;
  const cases: [string, string][] = [
    ['another secret', token({ sub: '42' }, 'somebody else’s secret of 32 bytes!')],
    ['an empty secret', token({ sub: '42' }, '')],
    ['another body under the signature', `${head}.${part({ sub: '43' })}.${signature}`],
    ['a signature cut short', valid.slice(0, -4)],
    ['no signature', `${head}.${body}.`],
    ['alg none', unsigned('none')],
    ['alg None', unsigned('None')],
    ['alg none with a signature', unsigned('none', signature)],
    ['alg missing', token({ sub: '42' }, SECRET, { typ: 'JWT' })],
    ['an algorithm outside the list', token({ sub: '42' }, SECRET, { alg: 'HS512' })],
    ['alg RS256 over a secret', token({ sub: '42' }, SECRET, { alg: 'RS256' })],
    ['an unknown critical header (crit)', token({ sub: '42' }, SECRET, { alg: 'HS256', crit: ['x'], x: 1 })],
    [
      'its own key in the header (jwk)',
      token({ sub: '42' }, 'attacker', { alg: 'HS256', jwk: { kty: 'oct', k: part('attacker') } }),
    ],
    ['a key id that is a path (kid)', token({ sub: '42' }, '', { alg: 'HS256', kid: '../../dev/null' })],
    ['a body that is a list', token('["sub"]')],
    ['a body that is not JSON', token('sub')],
    ['an encrypted token', `${part({ alg: 'dir', enc: 'A256GCM' })}..a.b.c`],
    ['two tokens in two fields', `${valid}, Bearer ${valid}`],
    ['padding', `${valid}=`],
    ['a space inside', `${head}. ${body}.${signature}`],
    ['more than 8 KiB', token({ sub: '42', more: 'x'.repeat(8192) })],
  ];
  test.each(cases)('%s', async (_, forged) => {
    const { ask } = bench();
    expect(await ask(`Bearer ${forged}`)).toEqual({ kind: 'unreadable' });
    expect(await ask(`Bearer ${valid}`)).toEqual({ kind: 'keyed', key: '42' });
    expect(await ask(`Bearer ${forged}`)).toEqual({ kind: 'unreadable' });
  });

  test('another issuer or audience', async () => {
    const { ask } = bench({ secret: SECRET, issuer: 'us', audience: 'api' });
    expect((await ask(`Bearer ${token({ sub: '42', iss: 'us', aud: ['web', 'api'] })}`)).kind).toBe('keyed');
    for (const claims of [
      { sub: '42' },
      { sub: '42', iss: 'them', aud: 'api' },
      { sub: '42', iss: 'us', aud: 'web' },
      { sub: '42', iss: ['us'], aud: 'api' },
    ]) {
      expect(await ask(`Bearer ${token(claims)}`)).toEqual({ kind: 'unreadable' });
    }
  });
});

describe('verification', () => {
  const field = `Bearer ${token({ sub: '42' })}`;
  const facts = (nowMs = NOW, authorization = field) =>
    plainFacts({ nowMs, headers: [['authorization', authorization]] });

  test('happens once a token, not once a request', async () => {
    const made = bench();
    for (let count = 0; count < 5; count++) await made.ask(field);
    expect(made.calls).toBe(1);
    expect(made.rule.prepare!(facts())).toBeUndefined();
  });

  test('is shared by requests with the same new token at the same time', async () => {
    const made = bench();
    expect(await Promise.all([made.ask(field), made.ask(field), made.ask(field)])).toEqual(
      Array(3).fill({ kind: 'keyed', key: '42' }),
    );
    expect(made.calls).toBe(1);
  });

  test('of a bad token is not repeated for five seconds, and then is', async () => {
    const made = bench({ secret: SECRET }, () => () => Promise.reject(new Error('no')));
    for (const afterMs of [0, 10, 4999])
      expect((await made.ask(field, NOW + afterMs)).kind).toBe('unreadable');
    expect(made.calls).toBe(1);
    await made.ask(field, NOW + 5000);
    expect(made.calls).toBe(2);
  });

  test('never rejects, not even when the verifier throws at once', async () => {
    const made = bench({ secret: SECRET }, () => () => {
      throw new Error('no');
    });
    expect(await made.ask(field)).toEqual({ kind: 'unreadable' });
  });

  test('is not under way for more than 1024 tokens at once; one more is balanced, not queued', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const made = bench({ secret: SECRET }, () => () => gate.then(() => ({ sub: '1' })));
    const tokens = Array.from({ length: 1025 }, (_, count) => `Bearer a.${part(String(count))}.c`);
    const waiting = tokens.map((text) => made.rule.prepare!(facts(NOW, text)));
    expect(waiting.filter((promise) => promise !== undefined)).toHaveLength(1024);
    expect(made.rule.find(facts(NOW, tokens[1024]), pool).kind).toBe('unreadable');
    release();
    await Promise.all(waiting);
    expect(made.rule.prepare!(facts(NOW, tokens[1024]))).toBeDefined();
  });

  test('find before prepare believes nothing', () =>
    expect(bench().rule.find(facts(), pool)).toEqual({ kind: 'unreadable' }));
});

describe('trust: unverified', () => {
  test('takes the claim of any token that reads, and needs no verifier and no waiting', async () => {
    const made = bench({ trust: 'unverified' }, () => {
      throw new Error('not needed');
    });
    expect(made.rule.prepare).toBeUndefined();
    expect(await made.ask(`Bearer ${token({ sub: '42' }, 'whoever')}`)).toEqual({ kind: 'keyed', key: '42' });
    expect((await made.ask(`Bearer ${token({ sub: '42', exp: NOW_S - 60 })}`)).kind).toBe('expired');
    for (const bad of ['a.b.c', `e30.${part('[]')}.x`, `e30.${part('null')}.x`, `e30.${part('"42"')}.x`])
      expect((await made.ask(`Bearer ${bad}`)).kind).toBe('unreadable');
  });
});
