import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakePool } from '../../testing/fake-pool.js';
import { CookieSeal } from './sealed-cookie.js';

const SECRET = 'correct horse battery staple 123';
const OTHER = 'another secret of thirty-two bytes';
const times = {
  issuedAtMs: 1_700_000_000_000,
  refreshedAtMs: 1_700_000_060_000,
  idleMs: 3_600_000,
  absoluteMs: 43_200_000,
  nonce: 0xfedcba98,
  incarnation: 0x1234,
};
const NO_TIMES = { issuedAtMs: 0, refreshedAtMs: 0, idleMs: 0, absoluteMs: 0, nonce: 0, incarnation: 0 };
const pool = fakePool(['api-1', 'api-2', 'api-3']);
const seal = new CookieSeal('default', [SECRET]);

// Made outside this code, with Python's hmac and hashlib, from the table in docs/affinity.md:
//   def hkdf(secret, info, n): prk = hmac(b'stickyroute', secret); return hmac(prk, info + b'\x01')[:n]
//   tagkey = hkdf(secret, b'sealed-cookie v1 tag', 32)
//   body = b'\x01' + hkdf(secret, b'sealed-cookie v1 key id', 4) + hmac(tagkey, b'5:route7:default')[:5]
//        + hmac(tagkey, b'8:upstream7:default5:api-1')[:8]
//        + issued.to_bytes(6) + refreshed.to_bytes(6) + pack('>IIIH', 3600, 43200, nonce, incarnation)
//   urlsafe_b64encode(body + hmac(hkdf(secret, b'sealed-cookie v1 mac', 32), body + b'default')[:16])
const GOLDEN = 'Ae82znSbYjB7sb-M-udqImTOAYvP5WgAAYvP5lJgAAAOEAAAqMD-3LqYEjQ11RpEJaclt7Gj97Z2LKLc';
const GOLDEN_UTF8 = 'AUuo-eqSqq-fOaQgZClaNO21AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABq2TDI36QLdUwJvoa2VOrV';

describe('the format', () => {
  test('is the one that other gateways of the fleet write, to the byte', () => {
    expect(seal.seal('api-1', times)).toBe(GOLDEN);
    expect(seal.open(GOLDEN)).toMatchObject({ ...times, secretIndex: 0 });
  });

  test('takes names beyond ASCII as UTF-8, and no limits', () => {
    const other = new CookieSeal('größe', ['schlüssel mit umlauten, 32 bytes']);
    expect(other.seal('api-ü', NO_TIMES)).toBe(GOLDEN_UTF8);
    const opened = other.open(GOLDEN_UTF8)!;
    expect(other.upstreamIndex(opened, fakePool(['x', 'api-ü']))).toBe(1);
  });

  test('gives back what was sealed, whatever it was', () => {
    const instant = fc.nat({ max: 2 ** 48 - 1 });
    const seconds = fc.nat({ max: 400 * 86_400 }).map((count) => count * 1000);
    fc.assert(
      fc.property(
        fc.nat(2),
        instant,
        instant,
        seconds,
        seconds,
        fc.nat({ max: 2 ** 32 - 1 }),
        fc.nat({ max: 2 ** 16 - 1 }),
        (index, issuedAtMs, refreshedAtMs, idleMs, absoluteMs, nonce, incarnation) => {
          const given = { issuedAtMs, refreshedAtMs, idleMs, absoluteMs, nonce, incarnation };
          const text = seal.seal(pool.upstreams[index]!.id, given);
          expect(text).toMatch(/^[A-Za-z0-9_-]{80}$/);
          const opened = new CookieSeal('default', [SECRET]).open(text)!;
          expect(opened).toMatchObject(given);
          expect(seal.upstreamIndex(opened, pool)).toBe(index);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('shows no name, and not that two routes share an upstream', () => {
    const bytes = (route: string) =>
      Buffer.from(new CookieSeal(route, [SECRET]).seal('api-1', times), 'base64url');
    expect(bytes('default').toString('latin1')).not.toContain('api');
    expect(bytes('default').subarray(5, 18).equals(bytes('other').subarray(5, 18))).toBe(false);
  });
});

describe('attacks: never opened, never thrown at', () => {
  const fresh = () => new CookieSeal('default', [SECRET]);

  test('every flipped bit', () => {
    const bytes = Buffer.from(GOLDEN, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = Buffer.from(bytes);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(fresh().open(forged.toString('base64url')), `bit ${bit}`).toBeUndefined();
    }
  });

  test('every character replaced by every other one', () => {
    const alphabet = [
      ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
      '+',
      '/',
      '=',
      ' ',
      '%',
      '\u00e9',
      '\u0141',
      '\u0000',
    ];
    const one = fresh();
    for (let at = 0; at < GOLDEN.length; at++) {
      for (const char of alphabet) {
        if (char !== GOLDEN[at])
          expect(
            one.open(GOLDEN.slice(0, at) + char + GOLDEN.slice(at + 1)),
            `${char} at ${at}`,
          ).toBeUndefined();
      }
    }
  });

  test('other spellings of the same bytes', () => {
    const one = fresh();
    const spellings = [
      `${GOLDEN}=`,
      `${GOLDEN}==`,
      ` ${GOLDEN}`,
      `${GOLDEN}\n`,
      `"${GOLDEN}"`,
      GOLDEN.replace(/-/g, '+').replace(/_/g, '/'),
      encodeURIComponent(`${GOLDEN}=`),
      Buffer.from(GOLDEN, 'base64url').toString('hex'),
      `${GOLDEN.slice(0, 40)}\n${GOLDEN.slice(40)}`,
    ];
    for (const spelling of spellings) expect(one.open(spelling)).toBeUndefined();
  });

  test('every truncation and prolongation', () => {
    const one = fresh();
    for (let length = 0; length < GOLDEN.length; length++)
      expect(one.open(GOLDEN.slice(0, length))).toBeUndefined();
    for (const more of ['A', 'AA', 'AAAA', GOLDEN, 'A'.repeat(100_000)])
      expect(one.open(GOLDEN + more)).toBeUndefined();
  });

  test('sealed with a secret we do not have', () => {
    expect(fresh().open(new CookieSeal('default', [OTHER]).seal('api-1', times))).toBeUndefined();
  });

  test('sealed for another route', () => {
    expect(fresh().open(new CookieSeal('admin', [SECRET]).seal('api-1', times))).toBeUndefined();
    expect(new CookieSeal('default2', [SECRET]).open(GOLDEN)).toBeUndefined();
  });

  test('another route’s cookie with our route’s tag pasted in', () => {
    const ours = Buffer.from(GOLDEN, 'base64url');
    const theirs = Buffer.from(new CookieSeal('admin', [SECRET]).seal('api-1', times), 'base64url');
    ours.copy(theirs, 5, 5, 10);
    expect(fresh().open(theirs.toString('base64url'))).toBeUndefined();
  });

  test('two genuine cookies cut and joined at any byte', () => {
    const a = Buffer.from(GOLDEN, 'base64url');
    const b = Buffer.from(
      seal.seal('api-2', { ...NO_TIMES, issuedAtMs: 1, refreshedAtMs: 2, idleMs: 1000, absoluteMs: 1000 }),
      'base64url',
    );
    for (let at = 2; at < a.length; at++) {
      const joined = Buffer.concat([a.subarray(0, at), b.subarray(at)]);
      if (!joined.equals(a) && !joined.equals(b))
        expect(fresh().open(joined.toString('base64url')), `cut at ${at}`).toBeUndefined();
    }
  });

  test('random bytes and random texts', () => {
    const one = fresh();
    for (let count = 0; count < 500; count++)
      expect(one.open(randomBytes(60).toString('base64url'))).toBeUndefined();
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200, unit: 'binary' }),
        (text) => void expect(one.open(text)).toBeUndefined(),
      ),
      { numRuns: 500 },
    );
  });

  test('a forgery seen before is still refused, and a genuine cookie beside it still opened', () => {
    const one = fresh();
    const forged = `${GOLDEN.slice(0, -1)}A`;
    for (let count = 0; count < 3; count++) {
      expect(one.open(forged)).toBeUndefined();
      expect(one.open(GOLDEN)).toBeDefined();
    }
  });
});

describe('rotation of secrets', () => {
  test('the first seals, all open, and it is told which did', () => {
    const old = new CookieSeal('default', [SECRET]).seal('api-2', times);
    const rotated = new CookieSeal('default', [OTHER, SECRET]);
    const opened = rotated.open(old)!;
    expect(opened.secretIndex).toBe(1);
    expect(rotated.upstreamIndex(opened, pool)).toBe(1);
    const renewed = rotated.open(rotated.seal('api-2', times))!;
    expect(renewed.secretIndex).toBe(0);
    expect(renewed.key).toBe(opened.key);
  });

  test('a secret taken out opens nothing', () => {
    expect(
      new CookieSeal('default', [OTHER]).open(
        new CookieSeal('default', [OTHER, SECRET]).seal('api-1', times),
      ),
    ).toBeDefined();
    expect(new CookieSeal('default', [OTHER]).open(GOLDEN)).toBeUndefined();
  });

  test('a secret given twice is harmless', () => {
    expect(new CookieSeal('default', [SECRET, SECRET]).open(GOLDEN)?.secretIndex).toBe(0);
  });
});

describe('the upstream of a cookie', () => {
  test('is found in any order of the pool, and not in one without it', () => {
    const opened = seal.open(GOLDEN)!;
    expect(seal.upstreamIndex(opened, fakePool(['api-3', 'api-2', 'api-1']))).toBe(2);
    expect(seal.upstreamIndex(opened, fakePool(['api-2']))).toBeUndefined();
    expect(seal.upstreamIndex(opened, fakePool([]))).toBeUndefined();
  });
});

test('what is remembered has its own copy of the text, not a slice of a request head', () => {
  const one = new CookieSeal('default', [SECRET]);
  expect(one.open(`${'x'.repeat(10_000)}${GOLDEN}`.slice(10_000))).toBe(one.open(GOLDEN));
});
