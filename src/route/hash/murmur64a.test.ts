import { describe, expect, it } from 'vitest';
import { murmur64a } from './murmur64a.js';
import { Word64 } from './word64.js';

// What Envoy checks (test/common/common/hash_test.cc), then `std::hash<std::string>()(text)` of g++ 12.2,
// printed as %llu.
const KNOWN: [string, bigint][] = [
  ['', 6142509188972423790n],
  ['foo', 9631199822919835226n],
  ['bar', 11474628671133349555n],
  ['foo\nbar', 16306510975912980159n],
  ['lyft', 12847078931730529320n],
  ['12345678', 10113836418918046885n],
  ['127.0.0.1:80_0', 17613279263364193813n],
  ['0123456789abcdef', 10613591747391057286n],
  ['10.0.0.5:8080_1023', 5907107572631430041n],
];

function hashOf(bytes: string): bigint {
  const hash = new Word64();
  murmur64a(bytes, hash);
  return hash.toBigInt();
}

describe('murmur64a', () => {
  it.each(KNOWN)('hashes %j as Envoy and libstdc++ do', (bytes, hash) => {
    expect(hashOf(bytes)).toBe(hash);
  });

  it('hashes bytes of every value, at every length, as libstdc++ does', () => {
    // With g++ 12.2: for i in 0 … 299 append byte i * 151, sum = sum * 31 + std::hash of it all.
    let sum = 0n;
    let bytes = '';
    for (let i = 0; i < 300; i++) {
      bytes += String.fromCharCode((i * 151) & 255);
      sum = BigInt.asUintN(64, sum * 31n + hashOf(bytes));
    }
    expect(sum).toBe(6383798988859383196n);
  });
});
