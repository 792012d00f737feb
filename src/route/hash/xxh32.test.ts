import { describe, expect, it } from 'vitest';
import { xxh32, xxh32Text } from './xxh32.js';

const PRIME = 2654435761;

/** The buffer of xxHash's own sanity check. */
const SANITY = (() => {
  let text = '';
  let state = BigInt(PRIME);
  for (let i = 0; i < 101; i++) {
    text += String.fromCharCode(Number(state >> 24n));
    state = (state * state) & 0xffffffffn;
  }
  return text;
})();

const ALL_BYTES = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));

// Made with xxhash 3 for Python: xxhash.xxh32_intdigest(bytes, seed), seed 0 and 2654435761.
const KNOWN: [string, string, number, number][] = [
  ['nothing', '', 0x02cc5d05, 0x36b78ae7],
  ['one byte', 'a', 0x550d7456, 0x9e1633e4],
  ['three bytes', 'abc', 0x32d153ff, 0xa1ae7709],
  ['fourteen bytes', 'message digest', 0x7c948494, 0x325ff26d],
  ['sixteen bytes, one full stripe', 'user:0123456789a', 0x0e0ed45d, 0x7934873b],
  ['41 bytes', 'user:0123456789abcdefghijklmnopqrstuvwxyz', 0xec756427, 0xdb0fb199],
  ['every byte', ALL_BYTES, 0x59441253, 0x2f6efc73],
  ['the first byte of the sanity buffer', SANITY.slice(0, 1), 0xb85cbee5, 0xd5845d64],
  ['14 bytes of the sanity buffer', SANITY.slice(0, 14), 0xe5aa0ab4, 0x4481951d],
  ['101 bytes of the sanity buffer', SANITY, 0x1f1aa412, 0x498ec8e2],
];

describe('xxh32', () => {
  it.each(KNOWN)('hashes %s as the reference does', (_what, bytes, unseeded, seeded) => {
    expect(xxh32(bytes) >>> 0).toBe(unseeded);
    expect(xxh32(bytes, PRIME) >>> 0).toBe(seeded);
  });

  it('hashes a text by its UTF-8 bytes', () => {
    expect(xxh32Text('żółw 🐢') >>> 0).toBe(0xe4a4a8cc);
    expect(xxh32Text('żółw 🐢', PRIME) >>> 0).toBe(0xcc4b30b7);
    expect(xxh32Text('message digest') >>> 0).toBe(0x7c948494);
  });

  it('tells a text from the byte string of the same characters', () => {
    expect(xxh32Text('é')).toBe(xxh32('\u00c3\u00a9'));
    expect(xxh32Text('é')).not.toBe(xxh32('é'));
  });

  it('finds a character above ASCII wherever it stands', () => {
    for (let length = 1; length < 40; length++) {
      for (let at = 0; at < length; at++) {
        const text = `${'x'.repeat(at)}ü${'y'.repeat(length - at - 1)}`;
        expect(xxh32Text(text)).toBe(xxh32(Buffer.from(text).toString('latin1')));
      }
    }
  });

  it('gives signed 32-bit numbers', () => {
    for (let i = 0; i < 1000; i++) expect(xxh32(`key ${i}`) | 0).toBe(xxh32(`key ${i}`));
  });
});
