import { describe, expect, it } from 'vitest';
import { readProxyHeader } from './proxy-header.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const V4 = `${SIGNATURE}2111000ccb007109c000020104d201bb`;
const V6 = `${SIGNATURE}21210024${'20010db8000000000000000000000001'.repeat(2)}04d201bb`;

/** Text, or bytes in hexadecimal behind a colon. */
function bytes(text: string): Buffer {
  return text.startsWith(':') ? Buffer.from(text.slice(1), 'hex') : Buffer.from(text, 'latin1');
}

const GOOD: [string, string | undefined][] = [
  ['PROXY TCP4 203.0.113.9 192.0.2.1 1234 443\r\n', '203.0.113.9'],
  ['PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 1234 443\r\n', '2001:db8::1'],
  ['PROXY TCP6 ::ffff:203.0.113.9 ::1 1234 443\r\n', '203.0.113.9'],
  ['PROXY UNKNOWN\r\n', undefined],
  ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
  [`:${V4}`, '203.0.113.9'],
  [`:${V6}`, '2001:db8::1'],
  // With fields behind the addresses (§2.2.1), which are passed over.
  [`:${V4.replace('2111000c', '21110011')}0400020102`, '203.0.113.9'],
  // LOCAL: the balancer's own health check, whatever stands behind it.
  [`:${SIGNATURE}20000000`, undefined],
  [`:${SIGNATURE}2011000ccb007109c000020104d201bb`, undefined],
  // A unix socket, and no family at all.
  [`:${SIGNATURE}213100d8${'00'.repeat(216)}`, undefined],
  [`:${SIGNATURE}21000000`, undefined],
];

const BAD: [string, string][] = [
  ['a request', 'GET / HTTP/1.1\r\n\r\n'],
  ['another name', 'PROXI TCP4 203.0.113.9 192.0.2.1 1 2\r\n'],
  ['lower case', 'proxy TCP4 203.0.113.9 192.0.2.1 1 2\r\n'],
  ['an address of the other family', 'PROXY TCP4 ::1 192.0.2.1 1 2\r\n'],
  ['and the other way round', 'PROXY TCP6 203.0.113.9 ::1 1 2\r\n'],
  ['no address', 'PROXY TCP4 localhost 192.0.2.1 1 2\r\n'],
  ['an address with zeros in front', 'PROXY TCP4 203.0.113.009 192.0.2.1 1 2\r\n'],
  ['a port above 65535', 'PROXY TCP4 203.0.113.9 192.0.2.1 65536 2\r\n'],
  ['a port that is no number', 'PROXY TCP4 203.0.113.9 192.0.2.1 0x1 2\r\n'],
  ['a port too few', 'PROXY TCP4 203.0.113.9 192.0.2.1 1\r\n'],
  ['two spaces', 'PROXY TCP4  203.0.113.9 192.0.2.1 1 2\r\n'],
  ['something behind the ports', 'PROXY TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n'],
  ['another protocol', 'PROXY UDP4 203.0.113.9 192.0.2.1 1 2\r\n'],
  ['a line without end', `PROXY UNKNOWN ${'x'.repeat(200)}`],
  ['a line that ends too late', `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
  ['a bare LF', `PROXY UNKNOWN\n${'x'.repeat(200)}`],
  ['version 1 in binary', `:${SIGNATURE}1111000ccb007109c000020104d201bb`],
  ['version 3', `:${SIGNATURE}3111000ccb007109c000020104d201bb`],
  ['an unknown command', `:${SIGNATURE}2211000ccb007109c000020104d201bb`],
  ['addresses cut short', `:${SIGNATURE}21110004cb007109`],
  ['a length beyond all need', `:${SIGNATURE}2111ffff`],
];

describe('a header of the PROXY protocol', () => {
  it.each(GOOD)('%s says %s', (text, address) => {
    const header = bytes(text);
    const behind = Buffer.from('GET / HTTP/1.1\r\n');
    expect(readProxyHeader(Buffer.concat([header, behind]))).toEqual({ address, end: header.length });
  });

  it.each(GOOD)('decides nothing on a part: %s', (text) => {
    const header = bytes(text);
    for (let cut = 0; cut < header.length; cut++)
      expect(readProxyHeader(header.subarray(0, cut))).toBe('more');
  });

  it.each(BAD)('is none: %s', (_, text) => {
    expect(readProxyHeader(bytes(text))).toBe('none');
  });
});
