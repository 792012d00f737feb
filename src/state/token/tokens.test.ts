import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { createManualClock } from '../../testing/manual-clock.js';
import { memoryStore } from '../store/memory/memory-store.js';
import { createTokens, type TokenOptions, type Tokens } from './index.js';

const SECRET = 'a shared secret of at least 32 bytes';
const SECOND = 1_000;
const MINUTE = 60_000;

const open: Tokens[] = [];
afterEach(() => open.splice(0).forEach((tokens) => tokens.close()));

function setUp(options: Partial<TokenOptions> = {}) {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const make = (more: Partial<TokenOptions> = {}) => {
    const tokens = createTokens({
      keys: [{ id: '1', alg: 'HS256', secret: SECRET }],
      issuer: 'https://auth.example',
      audience: 'api',
      store,
      clock,
      ...options,
      ...more,
    });
    open.push(tokens);
    return tokens;
  };
  return { clock, store, make, tokens: make() };
}

const refusedAs = (code: string) => expect.objectContaining({ name: 'StickyError', code: `STICKY_${code}` });

describe('an access token', () => {
  test('says whose it is, for whom, of which type, and until when', async () => {
    const { tokens, clock } = setUp();
    const { accessToken, jti, ttlMs, refreshToken, sid } = await tokens.issue({
      sub: 'alice',
      claims: { role: 'admin' },
    });
    const nowS = clock.now() / 1000;
    expect(decodeProtectedHeader(accessToken)).toEqual({ alg: 'HS256', kid: '1', typ: 'at+jwt' });
    expect(await tokens.verify(accessToken)).toEqual({
      iss: 'https://auth.example',
      sub: 'alice',
      aud: 'api',
      iat: nowS,
      exp: nowS + 600,
      auth_time: nowS,
      jti,
      role: 'admin',
    });
    expect([ttlMs, refreshToken, sid]).toEqual([10 * MINUTE, undefined, undefined]);
  });

  test('is for every audience named, and good for who is one of them', async () => {
    const { make } = setUp();
    const { accessToken } = await make({ audience: ['api', 'files'] }).issue({ sub: 'alice' });
    expect((await make({ audience: 'files' }).verify(accessToken)).aud).toEqual(['api', 'files']);
    await expect(make({ audience: 'mail' }).verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
  });

  test.each(['ES256', 'EdDSA', 'RS256'] as const)(
    'can be signed by %s, and verified by who has the public key alone',
    async (alg) => {
      const pair =
        alg === 'ES256'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : alg === 'EdDSA'
            ? generateKeyPairSync('ed25519')
            : generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { make } = setUp();
      const issuer = make({
        keys: [
          { id: 'a', alg, privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string },
        ],
      });
      const verifier = make({
        keys: [{ id: 'a', alg, publicKey: pair.publicKey.export({ format: 'jwk' }) }],
      });
      const { accessToken } = await issuer.issue({ sub: 'alice' });
      expect((await verifier.verify(accessToken)).sub).toBe('alice');
      await expect(verifier.issue({ sub: 'alice' })).rejects.toEqual(refusedAs('TOKEN_MISUSED'));
    },
  );

  test('expires to the millisecond, after a tolerance, remembered or not', async () => {
    const { clock, make } = setUp({ tolerance: '5s' });
    const [knows, asksAnew] = [make(), make({ remembered: 1 })];
    const { accessToken } = await knows.issue({ sub: 'alice' });
    const { accessToken: other } = await knows.issue({ sub: 'bob' });
    await knows.verify(accessToken);
    clock.advance(10 * MINUTE + 5 * SECOND - 1);
    expect(knows.peek(accessToken)?.sub).toBe('alice');
    await expect(asksAnew.verify(accessToken)).resolves.toBeDefined();
    clock.advance(1);
    expect(knows.peek(accessToken)).toBeUndefined();
    await expect(knows.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_EXPIRED'));
    await expect(asksAnew.verify(other)).rejects.toEqual(refusedAs('TOKEN_EXPIRED'));
  });

  test('may live shorter or longer, up to what is accepted', async () => {
    const { make } = setUp({ ttl: '1m', ttlMax: '1h' });
    const tokens = make();
    expect((await tokens.issue({ sub: 'a' })).ttlMs).toBe(MINUTE);
    const { accessToken } = await tokens.issue({ sub: 'a', ttl: '1h' });
    await expect(tokens.verify(accessToken)).resolves.toBeDefined();
    for (const ttl of ['61m', 'soon', 0])
      await expect(tokens.issue({ sub: 'a', ttl })).rejects.toEqual(refusedAs('CONFIG_INVALID'));
    await expect(make({ ttlMax: '59m' }).verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
  });

  test.each([
    [{ sub: '' }],
    [{ sub: 42 }],
    [{ sub: 'a'.repeat(257) }],
    [{ sub: 'a', claims: [] }],
    [{ sub: 'a', claims: { jti: 'x' } }],
    [{ sub: 'a', claims: { n: 1n } }],
    [{ sub: 'a', claims: { text: 'x'.repeat(9000) } }],
    [{ sub: '\ud800' }],
  ])(
    'is not made of %#',
    async (options) =>
      await expect(setUp().tokens.issue(options as never)).rejects.toEqual(refusedAs('TOKEN_MISUSED')),
  );
});

describe('what was verified', () => {
  test('is remembered by its exact text, frozen, for a bounded number of tokens', async () => {
    const { make } = setUp();
    const tokens = make({ remembered: 10 });
    const { accessToken } = await tokens.issue({ sub: 'alice', claims: { roles: ['user'] } });
    expect(tokens.peek(accessToken)).toBeUndefined();
    const claims = await tokens.verify(accessToken);
    expect(tokens.peek(accessToken)).toBe(claims);
    expect(await tokens.verify(`${accessToken}`)).toBe(claims);
    expect(() => (claims['roles'] as string[]).push('admin')).toThrow(TypeError);
    for (let count = 0; count < 10; count++)
      await tokens.verify((await tokens.issue({ sub: `${count}` })).accessToken);
    expect(tokens.peek(accessToken)).toBeUndefined();
  });

  test('is forgotten when keys change, also what is being verified in that moment', async () => {
    const { make } = setUp();
    const keys = [
      { id: '1', alg: 'HS256', secret: SECRET },
      { id: '2', alg: 'HS256', secret: `another ${SECRET}` },
    ] as const;
    const tokens = make({ keys });
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    await tokens.verify(accessToken);
    const underWay = make({ keys });
    const answer = underWay.verify(accessToken);
    tokens.setKeys(keys.slice(1));
    underWay.setKeys(keys.slice(1));
    expect(tokens.peek(accessToken)).toBeUndefined();
    await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    await expect(answer).rejects.toEqual(refusedAs('TOKEN_INVALID'));
  });
});

describe('keys', () => {
  test('the first signs and all verify; one with a time to come is published ahead, and signs from then on', async () => {
    const [now, next] = ['ec', 'ec'].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const { clock, make } = setUp();
    const tokens = make({
      keys: [
        { id: 'now', alg: 'ES256', privateKey: now! },
        { id: 'old', alg: 'HS256', secret: SECRET },
        { id: 'next', alg: 'ES256', privateKey: next!, signsFrom: new Date(clock.now() + 60 * MINUTE) },
      ],
    });
    const { keys } = tokens.jwks();
    expect(keys).toEqual(
      ['now', 'next'].map((kid) => ({
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
        kid,
        alg: 'ES256',
        use: 'sig',
      })),
    );
    const kidNow = async () => decodeProtectedHeader((await tokens.issue({ sub: 'a' })).accessToken).kid;
    expect(await kidNow()).toBe('now');
    clock.advance(60 * MINUTE - 1);
    expect(await kidNow()).toBe('now');
    clock.advance(1);
    expect(await kidNow()).toBe('next');
  });

  test('published ones verify elsewhere', async () => {
    const { make } = setUp();
    const tokens = make({
      keys: [{ id: 'a', alg: 'EdDSA', privateKey: generateKeyPairSync('ed25519').privateKey }],
    });
    const verifier = make({
      keys: tokens
        .jwks()
        .keys.map((jwk) => ({ id: jwk['kid'] as string, alg: 'EdDSA' as const, publicKey: jwk })),
    });
    expect((await verifier.verify((await tokens.issue({ sub: 'alice' })).accessToken)).sub).toBe('alice');
  });
});

describe('revoking', () => {
  test('one token ends it at once, and no other', async () => {
    const { tokens } = setUp();
    const [one, other] = [await tokens.issue({ sub: 'alice' }), await tokens.issue({ sub: 'alice' })];
    await tokens.verify(one.accessToken);
    await tokens.revoke(one.jti);
    expect(tokens.peek(one.accessToken)).toBeUndefined();
    await expect(tokens.verify(one.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await expect(tokens.verify(other.accessToken)).resolves.toBeDefined();
  });

  test('of another issuer with the same jti or user is another matter', async () => {
    const { make, tokens } = setUp();
    const { accessToken, jti } = await tokens.issue({ sub: 'alice' });
    const others = make({ issuer: 'https://other.example' });
    await others.revoke(jti);
    await others.revokeUser('alice');
    await expect(tokens.verify(accessToken)).resolves.toBeDefined();
  });

  test('a user ends what was issued before, and nothing that is issued after, in the same second', async () => {
    const { tokens, make } = setUp();
    const other = make();
    const before = await tokens.issue({ sub: 'alice' });
    const bobs = await tokens.issue({ sub: 'bob' });
    await tokens.revokeUser('alice');
    const after = await other.issue({ sub: 'alice' });
    expect(decodeJwt(after.accessToken).iat).toBe(decodeJwt(before.accessToken).iat);
    for (const each of [tokens, other, make()]) {
      await expect(each.verify(before.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
      await expect(each.verify(after.accessToken)).resolves.toBeDefined();
      await expect(each.verify(bobs.accessToken)).resolves.toBeDefined();
    }
  });

  test('a user twice ends what was issued in between', async () => {
    const { tokens } = setUp();
    await tokens.revokeUser('alice');
    const between = await tokens.issue({ sub: 'alice' });
    await tokens.revokeUser('alice');
    await expect(tokens.verify(between.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await expect(tokens.verify((await tokens.issue({ sub: 'alice' })).accessToken)).resolves.toBeDefined();
  });

  test('a user by an instant ends logins up to it and leaves later ones, whatever was refreshed since', async () => {
    const { tokens, clock } = setUp({ refresh: {}, ttl: '1h' });
    const stolen = await tokens.issue({ sub: 'alice' });
    clock.advance(MINUTE);
    const before = new Date(clock.now());
    clock.advance(MINUTE);
    const refreshedSince = await tokens.refresh(stolen.refreshToken!);
    const later = await tokens.issue({ sub: 'alice' });
    clock.advance(MINUTE);
    await tokens.revokeUser('alice', { before });
    for (const { accessToken, refreshToken } of [stolen, refreshedSince]) {
      await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
      await expect(tokens.refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    }
    await expect(tokens.verify(later.accessToken)).resolves.toBeDefined();
    await expect(tokens.refresh(later.refreshToken!)).resolves.toBeDefined();
    // An earlier instant afterwards takes nothing back, nor does one after a revocation of all.
    await tokens.revokeUser('alice', { before: before.getTime() - MINUTE });
    await expect(tokens.verify(stolen.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await tokens.revokeUser('alice');
    await tokens.revokeUser('alice', { before });
    await expect(tokens.verify(later.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('lasts as long as any token that it ends, and is then forgotten by the store', async () => {
    const { tokens, clock, store, make } = setUp({ ttl: '10m', tolerance: '5s' });
    const one = await tokens.issue({ sub: 'alice' });
    const two = await tokens.issue({ sub: 'alice' });
    await tokens.revoke(one.jti);
    await tokens.revokeUser('alice');
    for (let passed = 0; passed < 10 * MINUTE + 5 * SECOND; passed += 11 * SECOND) {
      const fresh = make();
      for (const { accessToken } of [one, two])
        for (const each of [tokens, fresh])
          await expect(each.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
      fresh.close();
      clock.advance(11 * SECOND);
    }
    for (const { accessToken } of [one, two])
      await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_EXPIRED'));
    clock.advance(30 * MINUTE);
    expect(await store.list(0, 't:revoked')).toEqual([]);
  });

  test('stays known from one generation of what is known to the next', async () => {
    const { make, clock } = setUp({ ttl: '1m', tolerance: 0 });
    const tokens = make();
    clock.advance(50 * SECOND);
    const [one, two] = [await tokens.issue({ sub: 'alice' }), await tokens.issue({ sub: 'bob' })];
    await tokens.revoke(one.jti);
    await tokens.revokeUser('bob');
    clock.advance(30 * SECOND);
    for (const { accessToken } of [one, two])
      await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('a user does not stand in the way of logins that come later, whoever still knows of it, and whose clock is behind', async () => {
    const { tokens, make, clock } = setUp({ ttl: '1m', tolerance: '5s' });
    await tokens.revokeUser('alice');
    const verifiers = [tokens];
    for (let passed = 0; passed < 4 * MINUTE; passed += 3 * SECOND) {
      if (passed % (30 * SECOND) === 0) verifiers.push(make());
      const issuer = make({ clock: { ...clock, now: () => clock.now() - 5 * SECOND } });
      const { accessToken } = await issuer.issue({ sub: 'alice' });
      for (const each of verifiers)
        await expect(each.verify(accessToken), `after ${passed} ms`).resolves.toBeDefined();
      clock.advance(3 * SECOND);
    }
  });

  test('a user by an instant just before now ends no login that follows at once', async () => {
    const { tokens, clock } = setUp({ tolerance: '5s' });
    for (const before of [
      clock.now() - 10 * SECOND,
      clock.now() - 3 * SECOND,
      clock.now(),
      clock.now() + MINUTE,
    ]) {
      const { accessToken } = await tokens.issue({ sub: 'alice' });
      await tokens.revokeUser('alice', { before });
      await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
      await expect(tokens.verify((await tokens.issue({ sub: 'alice' })).accessToken)).resolves.toBeDefined();
    }
  });

  test.each([
    [(tokens: Tokens) => tokens.revoke('')],
    [(tokens: Tokens) => tokens.revokeUser('')],
    [(tokens: Tokens) => tokens.revokeUser('a', { before: Number.NaN })],
  ])('nothing is a fault of the caller (%#)', async (run) => {
    await expect(run(setUp().tokens)).rejects.toEqual(refusedAs('TOKEN_MISUSED'));
  });
});
