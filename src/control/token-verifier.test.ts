import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../base/clock.js';
import { createTokenVerifier } from './token-verifier.js';

const SECRET = 'a shared secret of at least 32 bytes';

interface Pair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  jwk: JWK;
}

const pairs = new Map<string, Pair>();
beforeAll(async () => {
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    pairs.set(alg, { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), alg, kid: alg } });
  }
});

let server: Server | undefined;
afterEach(
  () =>
    new Promise<void>((done) => {
      server?.closeAllConnections();
      if (server?.listening) server.close(() => done());
      else done();
    }),
);

/** An issuer's key set on this machine. `answer` may be changed while it runs. */
async function issuer() {
  const state = {
    answer: { status: 200, body: JSON.stringify({ keys: [...pairs.values()].map(({ jwk }) => jwk) }) },
    fetches: 0,
    url: '',
  };
  server = createServer((_, response) => {
    state.fetches++;
    response.writeHead(state.answer.status, { 'content-type': 'application/json' }).end(state.answer.body);
  });
  await new Promise<void>((ready) => server!.listen(0, '127.0.0.1', ready));
  state.url = `http://127.0.0.1:${(server!.address() as AddressInfo).port}/jwks.json`;
  return state;
}

function clockAt(state: { ms: number }): Clock {
  const none = { stop() {} };
  return { now: () => state.ms, monotonic: () => state.ms, every: () => none, after: () => none };
}

const sign = (alg: string, kid = alg, key: CryptoKey | Uint8Array = pairs.get(alg)!.privateKey) =>
  new SignJWT({ sub: '42' }).setProtectedHeader({ alg, kid }).sign(key);

describe('with a key set', () => {
  test('takes every safe algorithm', async () => {
    const verify = createTokenVerifier({ jwks: (await issuer()).url });
    for (const alg of pairs.keys()) expect(await verify(await sign(alg)), alg).toMatchObject({ sub: '42' });
  });

  test('fetches the keys once', async () => {
    const state = await issuer();
    const verify = createTokenVerifier({ jwks: state.url });
    await Promise.all([verify(await sign('ES256')), verify(await sign('ES256'))]);
    await verify(await sign('RS256'));
    expect(state.fetches).toBe(1);
  });

  test('refuses the public key used as a shared secret (RS to HS confusion)', async () => {
    const verify = createTokenVerifier({ jwks: (await issuer()).url });
    const { publicKey, jwk } = pairs.get('RS256')!;
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(jwk), jwk.n!]) {
      await expect(verify(await sign('HS256', 'RS256', new TextEncoder().encode(secret)))).rejects.toThrow();
    }
  });

  test('refuses a shared key that stands in the set itself', async () => {
    const state = await issuer();
    state.answer.body = JSON.stringify({
      keys: [{ kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'oct', alg: 'HS256' }],
    });
    await expect(
      createTokenVerifier({ jwks: state.url })(await sign('HS256', 'oct', new TextEncoder().encode(SECRET))),
    ).rejects.toThrow();
  });

  test('refuses a key brought along in the header, and another key under a known id', async () => {
    const verify = createTokenVerifier({ jwks: (await issuer()).url });
    const own = await generateKeyPair('ES256', { extractable: true });
    const header = {
      alg: 'ES256',
      kid: 'ES256',
      jwk: await exportJWK(own.publicKey),
      jku: 'http://127.0.0.1:1/',
    };
    await expect(
      verify(await new SignJWT({ sub: '42' }).setProtectedHeader(header).sign(own.privateKey)),
    ).rejects.toThrow();
    await expect(verify(await sign('ES256', 'ES256', own.privateKey))).rejects.toThrow();
  });

  test('an allow-list of algorithms is all there is', async () => {
    const verify = createTokenVerifier({ jwks: (await issuer()).url, algorithms: ['ES256'] });
    await expect(verify(await sign('ES256'))).resolves.toBeDefined();
    await expect(verify(await sign('RS256'))).rejects.toThrow();
  });

  test('unknown key ids do not make it ask the issuer again and again', async () => {
    const state = await issuer();
    const verify = createTokenVerifier({ jwks: state.url });
    await verify(await sign('ES256'));
    for (let count = 0; count < 5; count++)
      await expect(verify(await sign('ES256', `unknown-${count}`))).rejects.toThrow();
    expect(state.fetches).toBe(1);
  });

  test('an issuer that is down is asked once in five seconds, and found again', async () => {
    const state = await issuer();
    const time = { ms: 0 };
    const verify = createTokenVerifier({ jwks: state.url }, clockAt(time));
    const good = state.answer;
    state.answer = { status: 503, body: '' };
    for (time.ms = 0; time.ms < 5000; time.ms += 1000)
      await expect(verify(await sign('ES256'))).rejects.toThrow();
    expect(state.fetches).toBe(1);
    state.answer = good;
    await expect(verify(await sign('ES256'))).resolves.toBeDefined();
  });

  test('keys that can not be fetched anew go on counting', async () => {
    const state = await issuer();
    const time = { ms: 0 };
    const verify = createTokenVerifier({ jwks: state.url }, clockAt(time));
    await verify(await sign('ES256'));
    state.answer = { status: 503, body: '' };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 700_000 });
    try {
      for (let count = 0; count < 3; count++)
        await expect(verify(await sign('RS256'))).resolves.toBeDefined();
      await expect(verify(await sign('RS256', 'ES256'))).rejects.toThrow();
    } finally {
      vi.useRealTimers();
    }
    expect(state.fetches).toBe(2);
  });

  test('an answer that is no key set is refused', async () => {
    const state = await issuer();
    for (const body of ['', '[]', '{"keys":5}', '<html>']) {
      state.answer.body = body;
      await expect(createTokenVerifier({ jwks: state.url })(await sign('ES256'))).rejects.toThrow();
    }
  });
});

describe('with a secret', () => {
  const key = new TextEncoder().encode(SECRET);

  test('takes HS256 alone unless told more', async () => {
    await expect(
      createTokenVerifier({ secret: SECRET })(await sign('HS256', 'x', key)),
    ).resolves.toMatchObject({ sub: '42' });
    await expect(createTokenVerifier({ secret: SECRET })(await sign('HS512', 'x', key))).rejects.toThrow();
    const long = SECRET.repeat(2);
    await expect(
      createTokenVerifier({ secret: long, algorithms: ['HS512'] })(
        await sign('HS512', 'x', new TextEncoder().encode(long)),
      ),
    ).resolves.toBeDefined();
  });

  test('leaves times to the caller, who has them checked on every use', async () => {
    const old = await new SignJWT({ sub: '42' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(1)
      .setNotBefore(99_999_999_999)
      .sign(key);
    await expect(createTokenVerifier({ secret: SECRET })(old)).resolves.toMatchObject({ exp: 1 });
  });
});

describe('a signature that proves nothing', () => {
  const REFUSED = expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' });
  const part = (text: string): string => Buffer.from(text).toString('base64url');
  const signed = (header: string, claims: string): string => {
    const content = `${part(header)}.${part(claims)}`;
    return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
  };

  test('RFC 7518 §3.2: a secret shorter than the hash, or one that others know', async () => {
    for (const [secret, algorithms] of [
      [SECRET, ['HS384']],
      [SECRET, ['HS256', 'HS512']],
      ['short', ['HS256']],
      [await exportSPKI(pairs.get('RS256')!.publicKey), ['HS256']],
      [JSON.stringify(pairs.get('RS256')!.jwk), ['HS256']],
    ] as const)
      expect(() => createTokenVerifier({ secret, algorithms })).toThrow(REFUSED);
  });

  test('RFC 7515 §4, RFC 7519 §4: a member twice, and a header that changes what is signed', async () => {
    const verify = createTokenVerifier({ secret: SECRET });
    await expect(verify(signed('{"alg":"HS256"}', '{"sub":"1"}'))).resolves.toEqual({ sub: '1' });
    for (const header of [
      '{"alg":"HS256","alg":"HS256"}',
      '{"alg":"none","alg":"HS256"}',
      '{"alg":"HS256","\\u0061lg":"none"}',
      '{"alg":"none"}',
      '{"alg":"NonE"}',
      '{"alg":"HS256","crit":[]}',
      '{"alg":"HS256","crit":["exp"],"exp":1}',
      '{"alg":"HS256","b64":false}',
      '{"alg":"HS256","b64":false,"crit":["b64"]}',
      '\ufeff{"alg":"HS256"}',
    ])
      await expect(verify(signed(header, '{"sub":"1"}')), header).rejects.toThrow();
    for (const claims of [
      '{"sub":"1","sub":"2"}',
      '{"sub":"1","s\\u0075b":"2"}',
      '{"sub":"1","more":{"a":1,"a":2}}',
    ])
      await expect(verify(signed('{"alg":"HS256"}', claims)), claims).rejects.toThrow();
  });

  test('by a key of the set that anybody could sign by: it is left out, and the others count', async () => {
    const state = await issuer();
    const good = pairs.get('ES256')!;
    const rsa = pairs.get('RS256')!;
    const { d } = await exportJWK(good.privateKey);
    const sets: readonly (readonly [string, object])[] = [
      ['RS256', { ...rsa.jwk, e: 'AQ' }],
      ['RS256', { ...(await exportJWK(rsa.privateKey)), alg: 'RS256', kid: 'RS256' }],
      ['EdDSA', { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}`, kid: 'EdDSA', alg: 'EdDSA' }],
      ['ES256', { ...good.jwk, kid: 'ES256', d }],
      ['ES256', { ...good.jwk, crv: 'secp256k1' }],
    ];
    for (const [alg, key] of sets) {
      state.answer.body = JSON.stringify({ keys: [key, { ...good.jwk, kid: 'good' }, null, 5, [], {}] });
      const verify = createTokenVerifier({ jwks: state.url });
      await expect(verify(await sign(alg)), JSON.stringify(key)).rejects.toMatchObject({
        code: 'ERR_JWKS_NO_MATCHING_KEY',
      });
      await expect(verify(await sign('ES256', 'good'))).resolves.toBeDefined();
    }
  });

  test('a key set without end does not fill the memory', async () => {
    const state = await issuer();
    state.answer.body = `{"keys":[],"x":"${'x'.repeat(1_100_000)}"}`;
    await expect(createTokenVerifier({ jwks: state.url })(await sign('ES256'))).rejects.toMatchObject({
      code: 'STICKY_TOKEN_REFUSED',
      message: expect.stringContaining('more than 1048576 bytes'),
    });
    const { jwk } = pairs.get('ES256')!;
    state.answer.body = JSON.stringify({ keys: Array(101).fill(jwk) });
    await expect(createTokenVerifier({ jwks: state.url })(await sign('ES256'))).rejects.toMatchObject({
      message: expect.stringContaining('more than 100 keys'),
    });
  });
});

test('neither or both ways of checking is a mistake', () => {
  for (const options of [{}, { secret: SECRET, jwks: 'https://issuer.example/' }]) {
    expect(() => createTokenVerifier(options)).toThrow(
      expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' }),
    );
  }
});
