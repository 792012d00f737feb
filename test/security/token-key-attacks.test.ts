import { checkPrimeSync, createPublicKey, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TokenKeyOptions } from '../../src/state/token/index.js';
import { KEYS, REFUSED, SECRET, ec, ed, make, rsa, tokens } from './forged-tokens.js';

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
