import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { md5 } from './md5.js';

const SEED = 6;

function hex(bytes: string): string {
  const digest = new Int32Array(4);
  md5(bytes, digest);
  const view = Buffer.alloc(16);
  digest.forEach((word, i) => view.writeInt32LE(word, 4 * i));
  return view.toString('hex');
}

// RFC 1321, appendix A.5.
const KNOWN: [string, string][] = [
  ['', 'd41d8cd98f00b204e9800998ecf8427e'],
  ['a', '0cc175b9c0f1b6a831c399e269772661'],
  ['abc', '900150983cd24fb0d6963f7d28e17f72'],
  ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
  ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
  [
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
    '57edf4a22be3c955ac49da2e2107b67a',
  ],
];

describe('md5', () => {
  it.each(KNOWN)('of %j is as in the RFC', (bytes, digest) => {
    expect(hex(bytes)).toBe(digest);
  });

  it(`of bytes of every length is node:crypto's (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    let bytes = '';
    for (let length = 0; length < 300; length++) {
      expect(hex(bytes), `${length} bytes`).toBe(createHash('md5').update(bytes, 'latin1').digest('hex'));
      bytes += String.fromCharCode(random.below(256));
    }
  });
});
