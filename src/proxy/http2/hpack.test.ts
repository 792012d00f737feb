import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.js';
import { HpackDecoder } from './hpack-decoder.js';
import { encodeField, encodeLines } from './hpack-encoder.js';

const TEXT_MAX = 16_384;

function decodeAll(decoder: HpackDecoder, hex: string): string[] | undefined {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex');
  const fields: string[] = [];
  const isWell = decoder.decode(bytes, 0, bytes.length, {
    hpackField: (name, value) => fields.push(`${name}: ${value}`),
  });
  return isWell ? fields : undefined;
}

const decodeOne = (hex: string): string[] | undefined => decodeAll(new HpackDecoder(4096, TEXT_MAX), hex);

describe('the examples of RFC 7541 Appendix C', () => {
  it.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key: custom-header',
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path'],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret'],
    ['C.2.4', '82', ':method: GET'],
  ])('%s', (_, hex, field) => {
    expect(decodeOne(hex)).toEqual([field]);
  });

  const REQUESTS = [
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
    [
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ],
  ];
  it.each([
    [
      'C.3, requests without Huffman',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4, requests with Huffman',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
  ])('%s', (_, blocks) => {
    const decoder = new HpackDecoder(4096, TEXT_MAX);
    expect(blocks.map((hex) => decodeAll(decoder, hex))).toEqual(REQUESTS);
  });

  const DATES = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT'];
  const PRIVATE = ['cache-control: private', `date: ${DATES[0]}`, 'location: https://www.example.com'];
  const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
  it.each([
    [
      'C.5, answers with eviction in 256 bytes',
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6, the same with Huffman',
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('%s', (_, blocks) => {
    const decoder = new HpackDecoder(256, TEXT_MAX);
    expect(blocks.map((hex) => decodeAll(decoder, hex))).toEqual([
      [':status: 302', ...PRIVATE],
      [':status: 307', ...PRIVATE],
      [
        ':status: 200',
        'cache-control: private',
        `date: ${DATES[1]}`,
        'location: https://www.example.com',
        'content-encoding: gzip',
        COOKIE,
      ],
    ]);
  });
});

describe('a broken block', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond both tables', 'be'],
    ['a name beyond both tables', '7e 01 61'],
    ['an integer without its end', 'ff'],
    ['an integer of more than four groups', 'ff ff ff ff ff 7f'],
    ['a text without its end', '40 05 61 62'],
    ['a name without a value', '40 01 61'],
    ['Huffman padding of more than seven bits', '00 82 1f ff 01 61'],
    ['Huffman padding of zeros', '00 81 18 01 61'],
    ['EOS inside of a text', '00 84 ff ff ff ff 01 61'],
    ['a table size above the setting', '3f e2 1f'],
    ['a table size behind a field', '82 20'],
  ])('%s', (_, hex) => {
    expect(decodeOne(hex)).toBeUndefined();
  });

  it('a text longer than allowed', () => {
    const decoder = new HpackDecoder(4096, 10);
    expect(decodeAll(decoder, '40 0b 6161 6161 6161 6161 6161 61 01 61')).toBeUndefined();
  });
});

describe('table sizes', () => {
  it('shrink and grow at the start of a block, and evict', () => {
    const decoder = new HpackDecoder(4096, TEXT_MAX);
    expect(decodeAll(decoder, '40 01 61 01 62')).toEqual(['a: b']);
    expect(decodeAll(decoder, 'be')).toEqual(['a: b']);
    expect(decodeAll(decoder, '20 3f e1 1f 82')).toEqual([':method: GET']);
    expect(decodeAll(decoder, 'be')).toBeUndefined();
  });

  it('an entry larger than the table empties it and is delivered', () => {
    const decoder = new HpackDecoder(40, TEXT_MAX);
    expect(decodeAll(decoder, '40 01 61 01 62 40 08 6161 6161 6161 6161 01 62')).toEqual([
      'a: b',
      'aaaaaaaa: b',
    ]);
    expect(decodeAll(decoder, 'be')).toBeUndefined();
  });
});

describe('what the encoder writes', () => {
  it('is read back as it was, in lower case, the second time from memory too', () => {
    const random = seededRandom(11);
    const names = ['Date', 'Content-Type', 'Set-Cookie', 'X-Odd_Name', 'vary', 'Accept-Encoding', 'x'];
    for (let round = 0; round < 500; round++) {
      const lines = Array.from({ length: random.below(12) }, () => {
        const name = names[random.below(names.length)]!;
        const length = [0, 1, 126, 127, 128, 300, 2000][random.below(7)]!;
        const value = String.fromCharCode(...Array.from({ length }, () => 0x21 + random.below(0xde)));
        return [name, random.below(3) === 0 ? 'gzip, deflate' : value] as const;
      });
      const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      const status = [200, 204, 404, 418, 503][random.below(5)]!;
      for (let time = 0; time < 2; time++) {
        const block = encodeField(':status', String(status)) + encodeLines(text);
        expect(decodeOne(Buffer.from(block, 'latin1').toString('hex')), `round ${round}`).toEqual([
          `:status: ${status}`,
          ...lines.map(([name, value]) => `${name.toLowerCase()}: ${value.replace(/^[\t ]+|[\t ]+$/g, '')}`),
        ]);
      }
    }
  });

  it('marks cookies and authorization as never to be indexed', () => {
    const block = Buffer.from(encodeLines('Set-Cookie: a=b\r\n'), 'latin1');
    expect(block[0]! & 0xf0).toBe(0x10);
    expect(decodeOne(block.toString('hex'))).toEqual(['set-cookie: a=b']);
  });
});
