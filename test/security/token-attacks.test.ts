import {
  checkPrimeSync,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  generatePrimeSync,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../src/state/store/memory.js';
import {
  createTokens,
  type TokenAlg,
  type TokenKeyOptions,
  type TokenOptions,
} from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';

const SECRET = 'a shared secret of at least 32 bytes';
const ISSUER = 'https://auth.example';
const AUDIENCE = 'https://api.example';
const TYPE = 'at+jwt';
const clock = createManualClock();
const NOW_S = clock.now() / 1000;
const store = memoryStore({ clock });

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const KEYS: readonly TokenKeyOptions[] = [
  { id: 'hs', alg: 'HS256', secret: SECRET },
  { id: 'rs', alg: 'RS256', privateKey: rsa.privateKey },
  { id: 'es', alg: 'ES256', privateKey: ec.privateKey },
  { id: 'ed', alg: 'EdDSA', privateKey: ed.privateKey },
];

const make = (options: Partial<TokenOptions> = {}) =>
  createTokens({ keys: KEYS, issuer: ISSUER, audience: AUDIENCE, store, clock, ...options });
const tokens = make();
afterAll(() => tokens.close());

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const CLAIMS = { iss: ISSUER, sub: 'alice', aud: AUDIENCE, iat: NOW_S, exp: NOW_S + 600, jti: 'one' };
const HEADER = { alg: 'HS256', kid: 'hs', typ: TYPE };

/**
 * Signs whatever it is given, as an attacker who has no key of ours would, or as a careless service that has
 * one.
 */
function forge(header: unknown, claims: unknown, secret: string | Buffer = SECRET, hash = 'sha256'): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

function forgeWith(header: unknown, claims: unknown, key: KeyObject, hash: string | null = 'sha256'): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${signBytes(hash, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const REFUSED = expect.objectContaining({ code: 'STICKY_CONFIG_INVALID' });

/** Refused with the one message that there is, which says nothing of the token. */
async function isRefused(text: string, about?: string): Promise<void> {
  const outcome = await tokens.verify(text).then(
    () => 'passes',
    ({ name, code, message, cause }: { name: string; code: string; message: string; cause: unknown }) => ({
      name,
      code,
      message,
      cause,
    }),
  );
  const message =
    'Invalid token: it is malformed, not signed by one of our keys, or for somebody else. Let the client log in again.';
  expect(outcome, about).toEqual({
    name: 'StickyError',
    code: 'STICKY_TOKEN_INVALID',
    message,
    cause: undefined,
  });
}

test('what these tests forge would pass but for the attack', async () => {
  await expect(tokens.verify(forge(HEADER, CLAIMS))).resolves.toMatchObject({ sub: 'alice' });
  await expect(
    tokens.verify(forgeWith({ ...HEADER, alg: 'ES256', kid: 'es' }, CLAIMS, ec.privateKey)),
  ).resolves.toBeDefined();
  await expect(
    tokens.verify(forgeWith({ ...HEADER, alg: 'RS256', kid: 'rs' }, CLAIMS, rsa.privateKey)),
  ).resolves.toBeDefined();
  await expect(
    tokens.verify(forgeWith({ ...HEADER, alg: 'EdDSA', kid: 'ed' }, CLAIMS, ed.privateKey, null)),
  ).resolves.toBeDefined();
});

describe('who says how a token is signed', () => {
  test('CVE-2015-9235, CVE-2022-23540, GHSA-8wpc-h4q6-8fxv: a token without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', undefined, null, ['HS256'], 0]) {
      for (const kid of ['hs', 'rs', undefined]) {
        const signed = `${part({ alg, kid, typ: TYPE })}.${part(CLAIMS)}`;
        for (const text of [
          signed,
          `${signed}.`,
          `${signed}.${part('')}`,
          forge({ alg, kid, typ: TYPE }, CLAIMS, ''),
          forge({ alg, kid, typ: TYPE }, CLAIMS),
        ])
          await isRefused(text, `${String(alg)} ${kid}`);
      }
    }
    await isRefused(`${part(HEADER)}.${part(CLAIMS)}.`);
  });

  test('CVE-2016-10555, CVE-2022-23541, CVE-2023-48223: the public key used as a shared secret', async () => {
    for (const [kid, { publicKey }] of [
      ['rs', rsa],
      ['es', ec],
      ['ed', ed],
    ] as const) {
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const secrets = [
        pem,
        pem.trim(),
        pem.replace(/\n/g, ''),
        publicKey.export({ type: 'spki', format: 'der' }),
        JSON.stringify(publicKey.export({ format: 'jwk' })),
        JSON.stringify(tokens.jwks()),
      ];
      for (const secret of secrets)
        for (const id of [kid, 'hs']) await isRefused(forge({ ...HEADER, kid: id }, CLAIMS, secret), kid);
    }
  });

  test('CVE-2026-22817, CVE-2026-22818: another algorithm than that of the key, named by the header', async () => {
    for (const kid of ['hs', 'rs', 'es', 'ed']) {
      for (const alg of [
        'HS256',
        'HS384',
        'HS512',
        'RS256',
        'RS512',
        'PS256',
        'ES256',
        'ES384',
        'EdDSA',
        'Ed25519',
      ]) {
        if ((KEYS.find((key) => key.id === kid)!.alg as string) === alg) continue;
        await isRefused(forge({ alg, kid, typ: TYPE }, CLAIMS), `${kid} ${alg}`);
        await isRefused(forge({ alg, kid, typ: TYPE }, CLAIMS, SECRET, 'sha512'), `${kid} ${alg}`);
      }
    }
    await isRefused(forgeWith({ ...HEADER, alg: 'RS512', kid: 'rs' }, CLAIMS, rsa.privateKey, 'sha512'));
  });

  test('CVE-2018-0114, RFC 8725 §3.10: a key brought along, or where to get one', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = own.publicKey.export({ format: 'jwk' });
    for (const member of [
      { jwk },
      { jku: 'https://evil.example/jwks.json' },
      { x5u: 'https://evil.example/' },
      { x5c: ['MIIB'] },
    ]) {
      for (const kid of ['es', undefined, 'own'])
        await isRefused(forgeWith({ alg: 'ES256', kid, typ: TYPE, ...member }, CLAIMS, own.privateKey));
      // Nor is such a header taken from who has a key of ours: what it says is nobody's to say.
      await isRefused(forgeWith({ alg: 'ES256', kid: 'es', typ: TYPE, ...member }, CLAIMS, ec.privateKey));
    }
  });

  test('CVE-2025-65945, RFC 8725 §3.10: a key id that names something else', async () => {
    for (const kid of [
      '__proto__',
      'constructor',
      'toString',
      '../../../dev/null',
      "x' UNION SELECT 'secret",
      '',
      ' hs',
      'HS',
      'hs\u0000',
      ['hs'],
      { hs: 'hs' },
      0,
      null,
      undefined,
      true,
    ]) {
      for (const secret of [SECRET, '', 'undefined', '[object Object]', '\0'])
        await isRefused(forge({ ...HEADER, kid }, CLAIMS, secret), JSON.stringify(kid));
    }
  });

  test('RFC 7515 §4, RFC 7519 §4: a member twice, of which one reader takes the first and another the last', async () => {
    const header = JSON.stringify(HEADER);
    const claims = JSON.stringify(CLAIMS);
    for (const twice of [
      '"alg":"none"',
      '"alg":"HS256"',
      '"\\u0061lg":"none"',
      '"kid":"rs"',
      '"typ":"JWT"',
    ]) {
      await isRefused(forge(`{${twice},${header.slice(1)}`, CLAIMS), twice);
      await isRefused(forge(`${header.slice(0, -1)} , ${twice} }`, CLAIMS), twice);
    }
    for (const twice of [
      '"sub":"admin"',
      '"s\\u0075b" : "admin"',
      '"exp":9e9',
      '"x":{"a":1,"a":1}',
      '"x":[{"":1,"":1}]',
    ]) {
      await isRefused(forge(HEADER, `{${twice},${claims.slice(1, -1)},"x":0}`), twice);
      await isRefused(forge(HEADER, `{"x":0,${claims.slice(1, -1)},${twice}}`), twice);
    }
    // The same name in two objects is no twin, and text that looks like a name is none.
    const alike = `{"x":[{"a":"\\"a\\":"},{"a":{"a":"sub"}}],${claims.slice(1)}`;
    await expect(tokens.verify(forge(HEADER, alike))).resolves.toMatchObject({ sub: 'alice' });
  });

  test('RFC 8259 §8.1: bytes that are not UTF-8, which two readers mend differently', async () => {
    for (const bytes of ['{"sub":"\xff"}', '\xef\xbb\xbf{}', '{"\xc0\xaf":1}']) {
      const claims = Buffer.from(bytes, 'latin1').toString('base64url');
      const content = `${part(HEADER)}.${claims}`;
      await isRefused(`${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`);
    }
  });

  test('RFC 7515 §4.1.11: what must be understood, and is not', async () => {
    for (const member of [
      { crit: ['exp'] },
      { crit: ['unknown'], unknown: true },
      { crit: [] },
      { crit: null },
      { b64: false },
      { b64: false, crit: ['b64'] },
      { zip: 'DEF' },
      { enc: 'A128GCM' },
      { x: 1 },
    ])
      await isRefused(forge({ ...HEADER, ...member }, CLAIMS));
  });
});

describe('keys that are none', () => {
  const refuse = (key: object) =>
    expect(() => make({ keys: [{ id: '1', ...key } as TokenKeyOptions] })).toThrow(REFUSED);

  test('GHSA-gmvf-9v4p-v8jc, CVE-2026-44351, CVE-2026-45363: an empty or short secret', () => {
    for (const secret of [
      '',
      ' ',
      'short',
      'x'.repeat(31),
      new Uint8Array(0),
      Buffer.alloc(31),
      null,
      42,
      [],
      {},
    ])
      refuse({ alg: 'HS256', secret });
    refuse({ alg: 'HS256' });
  });

  test('CVE-2016-10555, CVE-2026-34950, GHSA-ww5h-9m49-7xx4: a public key as the secret, whatever stands before it', () => {
    for (const { publicKey } of [rsa, ec, ed]) {
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const der = publicKey.export({ type: 'spki', format: 'der' });
      const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }));
      const texts = [
        pem,
        ` \n\t${pem}`,
        `\uFEFF${pem}`,
        `key: ${pem}`,
        pem.replace(/\n/g, '\\n'),
        jwk,
        ` ${jwk}`,
        JSON.stringify({ keys: [JSON.parse(jwk)] }),
        der.toString('base64'),
      ];
      for (const secret of [...texts, ...texts.map((text) => Buffer.from(text)), der])
        refuse({ alg: 'HS256', secret });
    }
    refuse({ alg: 'HS256', secret: rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }) });
    refuse({ alg: 'HS256', secret: `ssh-ed25519 ${'A'.repeat(68)} alice@example` });
  });

  test('CVE-2022-23539: a key too weak, or of another kind', () => {
    const pair = (type: 'rsa', modulusLength: number) => generateKeyPairSync(type, { modulusLength });
    const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
    for (const { privateKey, publicKey } of [
      pair('rsa', 1024),
      ec,
      ed,
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }),
    ])
      for (const key of [{ privateKey }, { publicKey }]) refuse({ alg: 'RS256', ...key });
    for (const { privateKey } of [curve('P-384'), curve('secp256k1'), rsa, ed])
      refuse({ alg: 'ES256', privateKey });
    for (const { privateKey } of [generateKeyPairSync('ed448'), generateKeyPairSync('x25519'), ec, rsa])
      refuse({ alg: 'EdDSA', privateKey });
  });

  test('a key by which anybody could sign: RSA', () => {
    const { n, e } = rsa.publicKey.export({ format: 'jwk' }) as { n: string; e: string };
    const text = (value: bigint): string => {
      const hex = value.toString(16);
      return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
    };
    const prime = (bits: number) => generatePrimeSync(bits, { bigint: true });
    const jwk = (modulus: bigint | string, exponent: bigint | string) => ({
      kty: 'RSA',
      n: typeof modulus === 'string' ? modulus : text(modulus),
      e: typeof exponent === 'string' ? exponent : text(exponent),
    });
    // With the exponent 1 a signature is the padded text itself.
    for (const exponent of [1n, 0n, 2n, 4n, 65536n, (1n << 64n) + 1n]) {
      const publicKey = jwk(n, exponent);
      refuse({ alg: 'RS256', publicKey });
      let pem;
      try {
        pem = createPublicKey({ key: publicKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
      } catch {
        continue; // not even OpenSSL takes it
      }
      refuse({ alg: 'RS256', publicKey: pem });
    }
    const half = prime(1024);
    const big = 1n << 2047n;
    for (const modulus of [big, big + 2n, 3n * prime(2047), prime(2048), half * half, 997n * prime(2045)])
      refuse({ alg: 'RS256', publicKey: jwk(modulus, e) });
    let next = half + 2n;
    while (!checkPrimeSync(next)) next += 2n;
    refuse({ alg: 'RS256', publicKey: jwk(half * next, e) });
    // The smallest that is sound.
    expect(() => make({ keys: [{ id: '1', alg: 'RS256', publicKey: jwk(n, 3n) }] }).close()).not.toThrow();
  });

  test('a key by which anybody could sign: Ed25519 points of small order, for which one signature fits every text', () => {
    for (const hex of [
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000080',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ]) {
      const x = Buffer.from(hex, 'hex').toString('base64url');
      refuse({ alg: 'EdDSA', publicKey: { kty: 'OKP', crv: 'Ed25519', x } });
    }
    for (let count = 0; count < 20; count++) {
      const { publicKey } = generateKeyPairSync('ed25519');
      expect(() => make({ keys: [{ id: '1', alg: 'EdDSA', publicKey }] }).close()).not.toThrow();
    }
  });

  test('CVE-2020-0601: a curve that the key brings along', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const der = Buffer.from(publicKey.export({ type: 'spki', format: 'der' }));
    const asWritten = {
      id: '1',
      alg: 'ES256',
      publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }),
    } as const;
    expect(() => make({ keys: [asWritten] }).close()).not.toThrow();
    // With the key itself as the generator its private part is 1, which everybody knows.
    const point = der.subarray(der.length - 65);
    const generator = der.indexOf('046b17d1f2e12c4247f8bce6e563a440f2', 0, 'hex');
    expect(generator).toBeGreaterThan(0);
    point.copy(der, generator);
    refuse({ alg: 'ES256', publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) });
    refuse({
      alg: 'ES256',
      publicKey: `-----BEGIN PUBLIC KEY-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`,
    });
  });

  test('a JSON Web Key with a private part, given as public', () => {
    const whole = rsa.privateKey.export({ format: 'jwk' });
    const { n, e, kty } = whole;
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const)
      refuse({ alg: 'RS256', publicKey: { kty, n, e, [member]: whole[member] } });
    refuse({ alg: 'RS256', publicKey: { kty, n, e, k: 'AAAA' } });
  });

  test('a private key whose public part is that of another, a buffer that was never filled, a misspelt member', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
    refuse({
      alg: 'ES256',
      privateKey: { ...ec.privateKey.export({ format: 'jwk' }), x: other.x, y: other.y },
    });
    refuse({ alg: 'HS256', secret: Buffer.alloc(64) });
    refuse({ alg: 'HS256', secret: SECRET, signFrom: '2030-01-01' });
    refuse({ alg: 'HS256', secret: SECRET, signsFrom: 5 });
    for (const key of [null, undefined, 'text', 5])
      expect(() => make({ keys: [key] as never })).toThrow(REFUSED);
  });

  test('RFC 7517 §4.2 to §4.4: a JSON Web Key that is for something else', () => {
    const jwk = ec.publicKey.export({ format: 'jwk' });
    for (const member of [
      { use: 'enc' },
      { key_ops: ['deriveBits'] },
      { key_ops: 'verify' },
      { alg: 'ECDH-ES' },
      { alg: 'ES384' },
    ])
      refuse({ alg: 'ES256', publicKey: { ...jwk, ...member } });
    expect(() =>
      make({
        keys: [
          {
            id: '1',
            alg: 'ES256',
            publicKey: { ...jwk, use: 'sig', key_ops: ['verify'], alg: 'ES256' } as never,
          },
        ],
      }).close(),
    ).not.toThrow();
  });

  test('a private key given as public, two at once, none, one id twice, one without an algorithm', () => {
    const pem = ec.privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const publicKey of [pem, ec.privateKey, ec.privateKey.export({ format: 'jwk' })])
      refuse({ alg: 'ES256', publicKey });
    for (const privateKey of [ec.publicKey, createPublicKey(pem).export({ format: 'jwk' }), 'no key', '', {}])
      refuse({ alg: 'ES256', privateKey });
    refuse({ alg: 'ES256', privateKey: ec.privateKey, publicKey: ec.publicKey });
    refuse({ alg: 'ES256', secret: SECRET });
    for (const alg of [undefined, 'none', 'HS512', 'PS256']) refuse({ alg, secret: SECRET });
    for (const id of ['', undefined, 1, 'a b']) refuse({ id, alg: 'HS256', secret: SECRET });
    for (const keys of [[], undefined, {}, [KEYS[0]!, KEYS[0]!]])
      expect(() => make({ keys: keys as never })).toThrow(REFUSED);
  });

  test('no message about a key quotes it', () => {
    for (const key of [
      { alg: 'HS256', secret: 'hunter2' },
      { alg: 'ES256', privateKey: 'hunter2' },
      { alg: 'ES256', privateKey: { kty: 'EC', crv: 'P-256', d: 'hunter2' } },
    ]) {
      try {
        make({ keys: [{ id: '1', ...key } as TokenKeyOptions] });
        expect.unreachable();
      } catch (error) {
        expect(`${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)}`).not.toContain(
          'hunter2',
        );
      }
    }
  });

  test('a published key set has no private part and no secret', () => {
    expect(tokens.jwks().keys.map(({ kid }) => kid)).toEqual(['rs', 'es', 'ed']);
    const members = new Set(tokens.jwks().keys.flatMap((jwk) => Object.keys(jwk)));
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'])
      expect(members.has(member), member).toBe(false);
  });
});

describe('a token for something else', () => {
  test('RFC 8725 §3.11: of another type, such as an id token, or of none', async () => {
    for (const typ of [
      'JWT',
      'at+jws',
      'id+jwt',
      'dpop+jwt',
      'secevent+jwt',
      '',
      undefined,
      null,
      [TYPE],
      'application/x-at+jwt',
    ])
      await isRefused(forge({ ...HEADER, typ }, CLAIMS), String(typ));
  });

  test('RFC 8725 §3.8, CVE-2025-30144: of another issuer, or of several', async () => {
    for (const iss of [
      'https://evil.example',
      `${ISSUER}/`,
      ISSUER.toUpperCase(),
      [ISSUER],
      ['https://evil.example', ISSUER],
      '',
      null,
      undefined,
      {},
      1,
    ])
      await isRefused(forge(HEADER, { ...CLAIMS, iss }), JSON.stringify(iss));
  });

  test('RFC 8725 §3.9: for another audience', async () => {
    for (const aud of [
      'https://other.example',
      `${AUDIENCE}/`,
      [],
      ['https://other.example'],
      [[AUDIENCE]],
      {},
      null,
      undefined,
      '',
      true,
    ])
      await isRefused(forge(HEADER, { ...CLAIMS, aud }), JSON.stringify(aud));
    await expect(
      tokens.verify(forge(HEADER, { ...CLAIMS, aud: ['https://other.example', AUDIENCE] })),
    ).resolves.toBeDefined();
  });

  test('CVE-2026-35041: what a token is compared with is text, never a pattern', () => {
    for (const issuer of [/^https:\/\/(a+)+$/, [ISSUER], '', undefined])
      expect(() => make({ issuer: issuer as string })).toThrow(REFUSED);
    for (const audience of [/.*/, [/.*/], [], [''], undefined])
      expect(() => make({ audience: audience as never })).toThrow(REFUSED);
  });

  test('without a claim that is needed, or with one that is no text', async () => {
    for (const name of Object.keys(CLAIMS))
      await isRefused(forge(HEADER, { ...CLAIMS, [name]: undefined }), name);
    for (const value of ['', 1, null, {}, ['x'], 'x'.repeat(257), '\ud800'])
      for (const name of ['sub', 'jti'])
        await isRefused(forge(HEADER, { ...CLAIMS, [name]: value }), `${name} ${JSON.stringify(value)}`);
  });
});

describe('times', () => {
  test.each(['exp', 'iat', 'nbf', 'auth_time'])('RFC 7519 §2: %s that is no number', async (name) => {
    for (const value of [`${NOW_S + 60}`, '', null, true, [NOW_S], {}, 'NaN'])
      await isRefused(forge(HEADER, { ...CLAIMS, [name]: value }), JSON.stringify(value));
    for (const text of ['1e999', '-1e999'])
      await isRefused(
        forge(HEADER, JSON.stringify({ ...CLAIMS, [name]: 7 }).replace(`"${name}":7`, `"${name}":${text}`)),
        text,
      );
  });

  test('a life longer than revocations are kept', async () => {
    for (const claims of [
      { exp: NOW_S + 601 },
      { exp: 1e15 },
      { exp: Number.MAX_VALUE },
      { iat: 0 },
      { iat: -1e15 },
    ])
      await isRefused(forge(HEADER, { ...CLAIMS, ...claims }), JSON.stringify(claims));
  });

  test('a token of the future, beyond what clocks may differ', async () => {
    for (const claims of [{ nbf: NOW_S + 6 }, { iat: NOW_S + 6 }])
      await isRefused(forge(HEADER, { ...CLAIMS, ...claims }));
    for (const claims of [{ nbf: NOW_S + 5 }, { iat: NOW_S + 4.5 }])
      await expect(tokens.verify(forge(HEADER, { ...CLAIMS, ...claims }))).resolves.toBeDefined();
  });

  test('an expired one, by a second or for ever, with and without a fraction', async () => {
    for (const expiredAgoS of [5, 5.001, 6, 1000]) {
      const claims = { ...CLAIMS, iat: NOW_S - 600, exp: NOW_S - expiredAgoS };
      await expect(tokens.verify(forge(HEADER, { ...claims, iat: claims.exp - 10 }))).rejects.toEqual(
        expect.objectContaining({ code: 'STICKY_TOKEN_EXPIRED' }),
      );
    }
  });

  test('NaN and infinite settings', () => {
    for (const value of [Number.NaN, Infinity, -1, '1', '5 minutes', null, {}]) {
      for (const name of ['ttl', 'ttlMax', 'bound', 'tolerance'])
        expect(() => make({ [name]: value }), `${name}: ${String(value)}`).toThrow(REFUSED);
      for (const name of ['idle', 'absolute', 'grace'])
        expect(() => make({ refresh: { [name]: value } as never }), `${name}: ${String(value)}`).toThrow(
          REFUSED,
        );
      if (value !== '1') expect(() => make({ remembered: value as number })).toThrow(REFUSED);
    }
  });
});

describe('texts that are no token', () => {
  test('CVE-2024-28176, CVE-2022-36083: an encrypted one, which is not opened', async () => {
    const text = await new CompactEncrypt(Buffer.from(JSON.stringify(CLAIMS)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'hs', typ: TYPE })
      .encrypt(Buffer.alloc(32, SECRET));
    await isRefused(text);
    await isRefused(
      `${part({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_000_000_000, p2s: 'AAAA', kid: 'hs' })}.AA.AA.AA.AA`,
    );
  });

  test('CVE-2022-21449: signatures of zeros', async () => {
    const head = `${part({ ...HEADER, alg: 'ES256', kid: 'es' })}.${part(CLAIMS)}`;
    for (const bytes of [
      Buffer.alloc(64),
      Buffer.alloc(32),
      Buffer.concat([Buffer.alloc(63), Buffer.from([1])]),
      Buffer.from('3006020100020100', 'hex'),
      Buffer.alloc(1),
    ])
      await isRefused(`${head}.${bytes.toString('base64url')}`);
    for (const kid of ['rs', 'ed', 'hs'] as const) {
      const { alg } = KEYS.find((key) => key.id === kid)! as { alg: TokenAlg };
      for (const bytes of [Buffer.alloc(256), Buffer.alloc(64), Buffer.alloc(32)])
        await isRefused(
          `${part({ ...HEADER, alg, kid })}.${part(CLAIMS)}.${bytes.toString('base64url')}`,
          kid,
        );
    }
  });

  test('a payload that is no object', async () => {
    for (const payload of [
      '[]',
      JSON.stringify([CLAIMS]),
      '"text"',
      'null',
      '1',
      'true',
      '{',
      '',
      '\u0000',
      `${JSON.stringify(CLAIMS)}x`,
    ])
      await isRefused(forge(HEADER, payload), payload);
    for (const header of ['[]', 'null', '"x"', '{', '1', JSON.stringify([HEADER])])
      await isRefused(forge(header, CLAIMS), header);
  });

  test('anything else, of any length, at once', async () => {
    const good = forge(HEADER, CLAIMS);
    for (const text of [
      undefined,
      null,
      1,
      {},
      [good],
      Buffer.from(good),
      '',
      '.',
      '..',
      '...',
      'a.b',
      'a.b.c',
      `${good}.`,
      `.${good}`,
      `${good}.${good}`,
      `{"payload":"${part(CLAIMS)}","signatures":[]}`,
    ])
      await isRefused(text as string, String(text));
    const started = performance.now();
    for (const text of [
      '.'.repeat(1e6),
      'A'.repeat(1e6),
      `${'A'.repeat(5e5)}.${'A'.repeat(5e5)}.A`,
      forge(HEADER, { ...CLAIMS, x: 'x'.repeat(1e6) }),
      `${'a.'.repeat(5e5)}`,
    ])
      await isRefused(text);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('what stands in the place of a token', () => {
  const own = () => make({ store: memoryStore({ clock }), refresh: {} });
  const INVALID = expect.objectContaining({ name: 'StickyError', code: 'STICKY_TOKEN_INVALID' });
  const MISUSED = expect.objectContaining({ name: 'StickyError', code: 'STICKY_TOKEN_MISUSED' });

  test('a logout by fields that anybody can read in an access token', async () => {
    const tokens = own();
    const alice = await tokens.issue({ sub: 'alice' });
    const claims = await tokens.verify(alice.accessToken);
    const read = JSON.parse(Buffer.from(alice.accessToken.split('.')[1]!, 'base64url').toString()) as object;
    for (const body of [
      read,
      { ...claims },
      Object.create(claims),
      new Proxy(claims, {}),
      { sub: claims.sub, jti: claims.jti },
      { sub: claims.sub, jti: 'x', sid: claims.sid },
      [alice.refreshToken],
      { toString: () => alice.refreshToken },
      new String(alice.refreshToken),
      undefined,
      null,
      0,
      true,
      () => alice.refreshToken,
    ])
      await expect(tokens.logout(body as never)).rejects.toEqual(INVALID);
    for (const text of ['', 'x', alice.accessToken, alice.jti, alice.sid!, `${alice.refreshToken} `])
      expect(await tokens.logout(text), text).toBe(false);
    await expect(tokens.verify(alice.accessToken)).resolves.toBe(claims);
    const next = await tokens.refresh(alice.refreshToken!);
    expect(await tokens.logout(claims)).toBe(true);
    for (const { accessToken } of [alice, next])
      await expect(tokens.verify(accessToken)).rejects.toMatchObject({ code: 'STICKY_TOKEN_REVOKED' });
    tokens.close();
  });

  test('claims that other keys vouched for', async () => {
    const [tokens, theirs] = [own(), make({ keys: [{ id: 'x', alg: 'HS256', secret: `other ${SECRET}` }] })];
    const alice = await tokens.issue({ sub: 'alice' });
    const { sid, jti } = alice;
    const forged = forge({ ...HEADER, kid: 'x' }, { ...CLAIMS, sid, jti }, `other ${SECRET}`);
    await expect(tokens.logout(await theirs.verify(forged))).rejects.toEqual(INVALID);
    await expect(tokens.verify(alice.accessToken)).resolves.toBeDefined();
    tokens.close();
    theirs.close();
  });

  test('anything but text where a token belongs is no token; anything else that is not as it should be is told', async () => {
    const tokens = own();
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    for (const odd of [undefined, null, 1, {}, [], [refreshToken], new String(refreshToken), Symbol('x')]) {
      await expect(tokens.verify(odd as never)).rejects.toEqual(INVALID);
      await expect(tokens.refresh(odd as never)).rejects.toEqual(INVALID);
      expect(tokens.peek(odd as never)).toBeUndefined();
    }
    const calls: readonly (() => Promise<unknown>)[] = [
      ...[undefined, null, 'alice', 5, {}].map((options) => () => tokens.issue(options as never)),
      ...[{ tl: '1m' }, { refresh: 'no' }, { refresh: 0 }, { claims: null }].map(
        (options) => () => tokens.issue({ sub: 'alice', ...options } as never),
      ),
      ...[null, 5, { claim: () => ({}) }, { claims: {} }, { claims: 'x' }].map(
        (options) => () => tokens.refresh(refreshToken!, options as never),
      ),
      ...[undefined, null, 5, {}, ['x'], ''].flatMap((name) => [
        () => tokens.revoke(name as never),
        () => tokens.revokeUser(name as never),
      ]),
      ...[
        null,
        5,
        clock.now(),
        { befor: 5 },
        ...['2026-01-01', null, true, '', {}].map((before) => ({ before })),
      ].map((options) => () => tokens.revokeUser('alice', options as never)),
    ];
    for (const [at, call] of calls.entries()) await expect(call(), `call ${at}`).rejects.toEqual(MISUSED);
    for (const keys of [undefined, null, [], {}, [undefined]])
      expect(() => tokens.setKeys(keys as never)).toThrow(REFUSED);
    await expect(tokens.refresh(refreshToken!)).resolves.toBeDefined();
    tokens.close();
  });
});

describe('what is remembered', () => {
  test('CVE-2026-35039: belongs to one token, whatever another has in common with it', async () => {
    const alice = forge(HEADER, CLAIMS);
    const [head, , signature] = alice.split('.') as [string, string, string];
    await tokens.verify(alice);
    for (const text of [
      `${head}.${part({ ...CLAIMS, sub: 'admin' })}.${signature}`,
      `${part({ ...HEADER, kid: 'rs' })}.${alice.split('.')[1]}.${signature}`,
      alice.slice(1),
      `A${alice.slice(1)}`,
      `${alice} `,
      ` ${alice}`,
    ]) {
      expect(tokens.peek(text)).toBeUndefined();
      await isRefused(text);
    }
    const bob = forge(HEADER, { ...CLAIMS, sub: 'bob' });
    expect((await tokens.verify(bob)).sub).toBe('bob');
    expect([tokens.peek(alice)?.sub, tokens.peek(bob)?.sub]).toEqual(['alice', 'bob']);
  });

  test('fast-jwt 6.3.2: expires all the same', async () => {
    const time = createManualClock();
    const own = make({ clock: time, store: memoryStore({ clock: time }) });
    const text = forge(HEADER, { ...CLAIMS, exp: NOW_S + 3 });
    await own.verify(text);
    time.advance(7_999);
    expect(own.peek(text)?.sub).toBe('alice');
    time.advance(1);
    expect(own.peek(text)).toBeUndefined();
    await expect(own.verify(text)).rejects.toEqual(expect.objectContaining({ code: 'STICKY_TOKEN_EXPIRED' }));
    own.close();
  });
});
