import { describe, expect, it } from 'vitest';
import { CHUNKED } from './request-head.js';
import { parseResponseHead, UNTIL_CLOSE, type ResponseHead } from './response-head.js';
import { statusLine } from './start-line.js';

function parse(text: string, method = 'GET'): ResponseHead | string {
  const bytes = Buffer.from(text, 'latin1');
  return parseResponseHead(bytes, 0, bytes.length, method, 100);
}

/** As they go on. */
function linesOf(head: ResponseHead): string {
  return statusLine(head) + head.fields;
}

function accepted(text: string, method = 'GET'): ResponseHead {
  const head = parse(text, method);
  if (typeof head === 'string') throw new Error(`refused: ${head}`);
  return head;
}

describe('an answer head', () => {
  it('is read into status, reason, fields and framing', () => {
    const head = accepted(
      'HTTP/1.1 200 Very OK\r\nContent-Length: 5\r\nX-A: 1\r\nKeep-Alive: timeout=5, max=9\r\n\r\n',
    );
    expect([head.status, head.bodyBytes, head.keepAlive, head.keepAliveMs]).toEqual([200, 5, true, 5000]);
    expect(linesOf(head)).toBe('HTTP/1.1 200 Very OK\r\nContent-Length: 5\r\nX-A: 1\r\n');
  });

  it.each([
    ['200', 'GET', '', UNTIL_CLOSE],
    ['200', 'GET', 'Transfer-Encoding: chunked\r\n', CHUNKED],
    ['200', 'HEAD', 'Content-Length: 5\r\n', 0],
    ['200', 'HEAD', '', 0],
    ['204', 'GET', 'Content-Length: 5\r\n', 0],
    ['304', 'GET', 'Content-Length: 5\r\n', 0],
    ['103', 'GET', '', 0],
  ])('%s to %s with %j has a body of %i', (status, method, lines, bytes) => {
    expect(accepted(`HTTP/1.1 ${status} X\r\n${lines}\r\n`, method).bodyBytes).toBe(bytes);
  });

  it('keeps the length of what HEAD and 304 speak of, and drops it where there is nothing to speak of', () => {
    expect(linesOf(accepted('HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n'))).toContain('Content-Length');
    expect(linesOf(accepted('HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n'))).toBe('HTTP/1.1 204 X\r\n');
  });

  it.each([
    ['Content-Length: 5', 'Content-Length: 5'],
    ['content-length: 5', 'content-length: 5'],
    ['Content-Length:\t5', 'Content-Length: 5'],
    ['Content-Length: 5\t ', 'Content-Length: 5'],
    ['Content-Length:5', 'Content-Length: 5'],
    ['Content-Length: 05', 'Content-Length: 5'],
    ['Content-Length: 00', 'Content-Length: 0'],
    ['Content-Length: 0', 'Content-Length: 0'],
  ])('passes the length on in one spelling: %j', (line, sent) => {
    for (const method of ['GET', 'HEAD']) {
      const head = accepted(`HTTP/1.1 200 X\r\nX-A: 1\r\n${line}\r\n\r\n`, method);
      expect(linesOf(head)).toBe(`HTTP/1.1 200 X\r\nX-A: 1\r\n${sent}\r\n`);
    }
  });

  it('loses blanks between a name and its colon (RFC 9112 §5.1), and is read as without them', () => {
    const head = accepted(
      'HTTP/1.1 200 X\r\nServer : a : b\r\nContent-Length\t : 5\r\nConnection :close\r\nX-A: 1\r\n\r\n',
    );
    expect([head.bodyBytes, head.keepAlive]).toEqual([5, false]);
    expect(linesOf(head)).toBe('HTTP/1.1 200 X\r\nServer: a : b\r\nContent-Length: 5\r\nX-A: 1\r\n');
    expect(parse('HTTP/1.1 200 X\r\nContent-Length : 5\r\nContent-Length: 6\r\n\r\n')).toBe(
      'length-repeated',
    );
    expect(parse('HTTP/1.1 200 X\r\nA : 1\r\nNo name: 5\r\n\r\n')).toBe('space-before-colon');
    expect(parse('HTTP/1.1 200 X\r\nA : 1\nB : 2\r\n\r\n')).toBe('bare-cr-or-lf');
  });

  it.each([
    ['timeout=5, max=9', 5000],
    ['max=9,timeout=5', 5000],
    ['timeout=0x5', -1],
    ['timeout=5e3', -1],
    ['timeout=-5', -1],
    ['xtimeout=5', -1],
    ['timeout=9999999', -1],
    ['', -1],
  ])('Keep-Alive: %s is a time of %i ms', (value, ms) => {
    expect(accepted(`HTTP/1.1 200 X\r\nKeep-Alive: ${value}\r\n\r\n`).keepAliveMs).toBe(ms);
  });

  it('may lack its reason and the space before it', () => {
    expect(linesOf(accepted('HTTP/1.1 200 \r\n\r\n'))).toBe('HTTP/1.1 200 \r\n');
    expect(linesOf(accepted('HTTP/1.1 200\r\n\r\n'))).toBe('HTTP/1.1 200 \r\n');
    expect(linesOf(accepted('HTTP/1.0 200 Fine\r\nX: 1\r\n\r\n'))).toBe('HTTP/1.1 200 Fine\r\nX: 1\r\n');
  });

  it.each([
    [
      'both framings',
      'HTTP/1.1 200 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'length-and-transfer-encoding',
    ],
    ['two lengths', 'HTTP/1.1 200 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 'length-repeated'],
    ['an odd length', 'HTTP/1.1 200 X\r\nContent-Length: 5a\r\n\r\n', 'length'],
    ['an unknown coding', 'HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'transfer-encoding'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n', 'transfer-encoding'],
    ['a folded field', 'HTTP/1.1 200 X\r\nX-A: 1\r\n 2\r\n\r\n', 'folded-line'],
    [
      'a bare LF, which would split the answer',
      'HTTP/1.1 200 X\r\nX-A: 1\nSet-Cookie: a=b\r\n\r\n',
      'bare-cr-or-lf',
    ],
    ['another protocol', 'ICY 200 OK\r\n\r\n', 'status-line'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'status-line'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'status-line'],
    ['101 without the fields that make it one', 'HTTP/1.1 101 X\r\n\r\n', 'upgrade'],
  ])('is refused: %s', (_name, text, error) => {
    expect(parse(text)).toBe(error);
  });
});
