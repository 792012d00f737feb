import { createHmac, generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../src/state/store/memory/index.js';
import type { TokenAlg } from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import {
  AUDIENCE,
  CLAIMS,
  HEADER,
  ISSUER,
  KEYS,
  NOW_S,
  REFUSED,
  SECRET,
  TYPE,
  ec,
  ed,
  forge,
  forgeWith,
  isRefused,
  make,
  part,
  rsa,
  tokens,
} from './forged-tokens.js';

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
