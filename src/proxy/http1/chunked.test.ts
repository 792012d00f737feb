import { describe, expect, it } from 'vitest';
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
    chunkText: (piece: string) => void (out += piece),
  };
  const bounds = [0, ...cuts, text.length];
  for (let i = 0; i + 1 < bounds.length; i++) {
    const bytes = Buffer.from(text.slice(bounds[i], bounds[i + 1]), 'latin1');
    const stop = reader.read(bytes, 0, bytes.length, sink);
    if (reader.state === DONE)
      return { out, state: DONE, rest: text.slice(bounds[i]! + stop), dataBytes: reader.dataBytes };
    if (reader.state === BROKEN) break;
  }
  return { out, state: reader.state, rest: '', dataBytes: reader.dataBytes };
}

describe('a chunked body', () => {
  const body = '5\r\nhello\r\n6;ext=1\r\n world\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n';
  const canonical = '5\r\nhello\r\n6\r\n world\r\n00a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n';

  it('goes on as it came, without chunk extensions', () => {
    expect(read(`${body}GET /`)).toEqual({ out: canonical, state: DONE, rest: 'GET /', dataBytes: 21 });
  });

  it('means the same however it is cut', () => {
    for (let first = 0; first <= body.length; first++) {
      for (let second = first; second <= body.length; second++) {
        const { out, state, dataBytes } = read(body, [first, second]);
        expect([state, dataBytes, read(out).out, read(out, [], false).out]).toEqual([
          DONE,
          21,
          out,
          'hello world0123456789',
        ]);
        expect(read(body, [first, second], false).out).toBe('hello world0123456789');
      }
    }
  });

  it('never shows a size before it is known whether it is the last one', () => {
    expect(read('3\r\nabc\r\n0').out).toBe('3\r\nabc\r\n');
    expect(read('3\r\nabc\r\n0\r').out).toBe('3\r\nabc\r\n');
    expect(read('3\r\nabc\r\n0\r\n').out).toBe('3\r\nabc\r\n');
  });

  it('drops trailers that would change who asks, where to, or how long the message is (RFC 9110 §6.5.1)', () => {
    const trailers =
      'Content-Length: 5\r\nHost: b\r\nAuthorization: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Sum: 1\r\n';
    expect(read(`0\r\n${trailers}\r\n`).out).toBe('0\r\nX-Sum: 1\r\n\r\n');
  });

  it.each([
    ['no size', '\r\nhello'],
    ['a size that is no number', 'g\r\n'],
    ['a signed size', '+5\r\nhello\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n'],
    ['a size with a blank', '5 \r\nhello\r\n'],
    ['a size with an underscore', '1_0\r\n'],
    ['a size that integers fold', '10000000000000005\r\nhello\r\n'],
    ['a bare LF behind the size', '5\nhello\r\n'],
    ['a bare CR behind the size', '5\rhello\r\n'],
    ['a bare LF in an extension', '5;a\nhello\r\n'],
    ['a NUL in an extension', '5;a\0\r\nhello\r\n'],
    ['an endless extension', `5;${'a'.repeat(300)}\r\nhello\r\n`],
    ['data longer than its size', '5\r\nhello!\r\n'],
    ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['a bare LF among the trailers', '0\r\nX: 1\nY: 2\r\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
    ['a folded trailer', '0\r\nX: 1\r\n 2\r\n\r\n'],
    ['a trailer that is no field', '0\r\nhello\r\n\r\n'],
    ['endless trailers', `0\r\n${'X: 1\r\n'.repeat(2000)}\r\n`],
  ])('is refused: %s', (_name, text) => {
    expect(read(text).state).toBe(BROKEN);
  });
});
