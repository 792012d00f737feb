import { describe, expect, it } from 'vitest';
import { cutsOf, pieces, shownCut } from '../../../test/support/cuts.js';
import { BROKEN, ChunkedReader, DONE } from './chunked.js';

interface Reading {
  out: string;
  state: number;
  /** What stood behind the body. */
  rest: string;
  dataBytes: number;
}

/** Reads `text` cut at the given places. */
function read(text: string, cuts: readonly number[] = [], keepsFraming = true): Reading {
  const reader = new ChunkedReader(keepsFraming);
  let out = '';
  const sink = {
    chunkBytes: (bytes: Buffer, start: number, end: number) =>
      void (out += bytes.toString('latin1', start, end)),
    chunkEnd: (trailers: string) => void (out += keepsFraming ? `0\r\n${trailers}\r\n` : ''),
  };
  let at = 0;
  for (const piece of pieces(text, cuts)) {
    // In the middle of a larger buffer with other bytes around it, as a read from a socket is.
    const bytes = Buffer.from(`0a\r\n${piece}0\r\n\r\n5\r\n`, 'latin1');
    const stop = reader.read(bytes, 4, 4 + piece.length, sink) - 4;
    if (reader.state === DONE)
      return { out, state: DONE, rest: text.slice(at + stop), dataBytes: reader.dataBytes };
    if (reader.state === BROKEN) break;
    expect(stop).toBe(piece.length);
    at += piece.length;
  }
  return { out, state: reader.state, rest: '', dataBytes: reader.dataBytes };
}

const body =
  '5\r\nhello\r\n6;ext=1\r\n world\r\n00a\r\n0123456789\r\nA\r\n9876543210\r\n0\r\nX-Sum: 1\r\n\r\n';
const canonical = '5\r\nhello\r\n6\r\n world\r\na\r\n0123456789\r\na\r\n9876543210\r\n0\r\nX-Sum: 1\r\n\r\n';

const GOOD: readonly (readonly [name: string, text: string, sent: string])[] = [
  ['an empty body', '0\r\n\r\n', '0\r\n\r\n'],
  ['a last chunk of many zeros', '0000\r\n\r\n', '0\r\n\r\n'],
  ['an extension of the last chunk', '0;a=b\r\n\r\n', '0\r\n\r\n'],
  ['an extension without a value', '5;a\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['an extension in quotes', '5;a="0x5; b"\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['an extension that is empty', '5;\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['an extension that reads like a size', '5;0x5\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['an extension that goes on with digits', '5;_0\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['a size of 13 digits', '0000000000005\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ['data that looks like chunks', '5\r\n0\r\n\r\n\r\n0\r\n\r\n', '5\r\n0\r\n\r\n\r\n0\r\n\r\n'],
  [
    'a size above 9',
    '1F\r\n0123456789abcdef0123456789abcde\r\n0\r\n\r\n',
    '1f\r\n0123456789abcdef0123456789abcde\r\n0\r\n\r\n',
  ],
  ['trailers', '1\r\na\r\n0\r\nX-A: 1\r\nX-B:2 \r\n\r\n', '1\r\na\r\n0\r\nX-A: 1\r\nX-B:2 \r\n\r\n'],
  ['all kinds of chunks', body, canonical],
];

const BAD: readonly (readonly [name: string, text: string])[] = [
  ['no size', '\r\nhello'],
  ['an extension without a size', ';a\r\nhello\r\n'],
  ['a size that is no number', 'g\r\n'],
  ['a signed size', '+5\r\nhello\r\n'],
  ['a size with 0x', '0x5\r\nhello\r\n'],
  ['a size with a blank', '5 \r\nhello\r\n'],
  ['a size with a blank before an extension', '5 ;a\r\nhello\r\n'],
  ['a size with a tab', '5\t\r\nhello\r\n'],
  ['a size with an underscore', '1_0\r\n'],
  ['a size that integers fold', '10000000000000005\r\nhello\r\n'],
  ['a size of 14 digits', '00000000000005\r\nhello\r\n'],
  ['a bare LF behind the size', '5\nhello\r\n'],
  ['a bare CR behind the size', '5\rhello\r\n'],
  ['CR CR LF behind the size', '5\r\r\nhello\r\n'],
  ['a bare LF in an extension', '5;a\nhello\r\n'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n'],
  ['a NUL in an extension', '5;a\0\r\nhello\r\n'],
  ['an endless extension', `5;${'a'.repeat(300)}\r\nhello\r\n`],
  ['data longer than its size', '5\r\nhello!\r\n'],
  ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
  ['a bare CR behind the data', '5\r\nhello\r0\r\n\r\n'],
  ['a bare LF behind the last chunk', '0\nX: 1\r\n\r\n'],
  ['a bare LF among the trailers', '0\r\nX: 1\nY: 2\r\n\r\n'],
  ['a bare CR among the trailers', '0\r\nX: 1\rY: 2\r\n\r\n'],
  ['a bare LF at the end', '0\r\n\n'],
  ['a folded trailer', '0\r\nX: 1\r\n 2\r\n\r\n'],
  ['a trailer that is no field', '0\r\nhello\r\n\r\n'],
  ['a trailer with a blank before its colon', '0\r\nX : 1\r\n\r\n'],
  ['endless trailers', `0\r\n${'X: 1\r\n'.repeat(2000)}\r\n`],
];

describe('a chunked body, in whatever pieces it comes', () => {
  it.each(GOOD)('goes on in our own spelling: %s', (_name, text, sent) => {
    const data = read(text, [], false).out;
    for (const cuts of cutsOf(text.length)) {
      const whole = { state: DONE, rest: '', dataBytes: data.length };
      expect({ cuts: shownCut(text, cuts), ...read(text, cuts) }).toEqual({
        cuts: shownCut(text, cuts),
        out: sent,
        ...whole,
      });
      expect(read(text, cuts, false)).toEqual({ out: data, ...whole });
    }
  });

  it('means the same when it is cut at two places', () => {
    for (let first = 0; first <= body.length; first++) {
      for (let second = first; second <= body.length; second++)
        expect(read(body, [first, second])).toEqual({ out: canonical, state: DONE, rest: '', dataBytes: 31 });
    }
  });

  it('ends where it ends, and what stands behind it is left', () => {
    for (const cuts of cutsOf(body.length)) {
      const { state, rest } = read(`${body}GET /`, cuts);
      expect([state, rest]).toEqual([DONE, 'GET /']);
    }
  });

  it.each(BAD)(
    'is refused, and what went on before is the beginning of the same bytes: %s',
    (_name, text) => {
      const cutSmallest = read(text, [...cutsOf(text.length)].at(-1)).out;
      expect(read(cutSmallest).state).not.toBe(DONE);
      const isLong = text.length > 1000;
      for (const cuts of isLong ? [[], [3], [text.length - 1]] : cutsOf(text.length)) {
        const { state, out } = read(text, cuts);
        expect([shownCut(text, cuts), state]).toEqual([shownCut(text, cuts), BROKEN]);
        expect(cutSmallest.startsWith(out)).toBe(true);
        expect(read(text, cuts, false).state).toBe(BROKEN);
      }
    },
  );

  it('never shows a part of a line', () => {
    for (const part of ['0', '0\r', '0\r\n', '5', '5;', '5;0x5', '5;0x5\r', '0\r\nX: 1\r\n'])
      for (const cuts of cutsOf(`3\r\nabc\r\n${part}`.length))
        expect(read(`3\r\nabc\r\n${part}`, cuts).out).toBe('3\r\nabc\r\n');
    expect(read('3\r\nabc\r').out).toBe('3\r\nabc');
  });

  it('goes on in one piece where it came in one piece', () => {
    let calls = 0;
    const bytes = Buffer.from('5\r\nhello\r\n6\r\n world\r\n', 'latin1');
    const sink = { chunkBytes: () => void calls++, chunkEnd: () => {} };
    new ChunkedReader(true).read(bytes, 0, bytes.length, sink);
    expect(calls).toBe(1);
  });
});

describe('the trailers of a chunked body', () => {
  it('lose what would change who asks, where to, or how long the message is (RFC 9110 §6.5.1)', () => {
    const trailers =
      'Content-Length: 5\r\nHost: b\r\nAuthorization: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 1\r\nIf-Match: *\r\n';
    for (const cuts of cutsOf(trailers.length + 5))
      expect(read(`0\r\n${trailers}\r\n`, cuts).out).toBe('0\r\nX-Sum: 1\r\n\r\n');
  });
});
