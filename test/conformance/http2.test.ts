import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { setting, uint32, frame, frameHead } from '../../src/proxy/http2/frames.js';
import { startTestGateway } from '../proxy/gateway.js';
import { block, FrameClient, GET, POST } from '../support/http2-frames.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';

/*
 * The cases of h2spec, with its numbers, and attacks on framing: what the client sends, and what must come of
 * it. A stream's error may also end the connection (RFC 9113 §5.4.2), as h2spec allows.
 */
const [DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
];
const [END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY] = [1, 4, 8, 0x20];
const [PROTOCOL, FLOW_CONTROL, STREAM_CLOSED, FRAME_SIZE, REFUSED, COMPRESSION, CALM] = [
  1, 3, 5, 6, 7, 9, 11,
];

const get = block(...GET);
const post = block(...POST);
const request = (id: number, fields = get): string => frame(HEADERS, END_STREAM | END_HEADERS, id, fields);
const begin = (id: number, fields = post): string => frame(HEADERS, END_HEADERS, id, fields);
const data = (id: number, text: string, flags = END_STREAM): string => frame(DATA, flags, id, text);
const ping = frame(PING, 0, 0, 'h2spec!!');

let upstream: FakeUpstream;
let port = 0;

beforeAll(async () => {
  upstream = await startUpstream();
  const gateway = await startTestGateway([upstream], { http2: true, limits: { headTime: '1s' } });
  port = gateway.port;
});

/** Literals of HPACK: the pattern of the form, and an indexed name (58: user-agent) or a new one. */
const HUFFMAN = { name: '\x85\xf2\xb2\x4a\x84\xff', value: '\x84\x9c\x48\xac\xa4' };
const literal = (form: 'incremental' | 'without' | 'never', isNew: boolean, isHuffman: boolean): string => {
  const indexed = { incremental: '\x7a', without: '\x0f\x2b', never: '\x1f\x2b' }[form];
  const fresh = { incremental: '\x40', without: '\x00', never: '\x10' }[form];
  const name = isHuffman ? HUFFMAN.name : '\x06x-test';
  return (isNew ? fresh + name : indexed) + (isHuffman ? HUFFMAN.value : '\x06h2spec');
};
const priority = (dependency: number, weight: number): string =>
  uint32(dependency) + String.fromCharCode(weight);
const head = block([':method', 'HEAD'], ...GET.slice(1));

describe('goes on', () => {
  it.each<[string, string]>([
    ['generic/1/1 the preface', request(1)],
    ['generic/2/2 WINDOW_UPDATE on a half-closed stream', request(1) + frame(WINDOW, 0, 1, uint32(1))],
    ['generic/2/3 PRIORITY on a half-closed stream', request(1) + frame(PRIORITY, 0, 1, priority(0, 16))],
    ['generic/2/4 RST_STREAM on a half-closed stream', request(1) + frame(RST, 0, 1, uint32(8)) + request(3)],
    ['generic/3.1/1 DATA', begin(1) + data(1, 'test')],
    ['generic/3.1/2 several DATA', begin(1) + data(1, 'test', 0) + data(1, 'test')],
    ['generic/3.2/1 HEADERS', request(1)],
    ['generic/3.3/1 PRIORITY of weight 1', frame(PRIORITY, 0, 1, priority(0, 0)) + request(1)],
    ['generic/3.3/2 PRIORITY of weight 256', frame(PRIORITY, 0, 1, priority(0, 255)) + request(1)],
    ['generic/3.3/3 PRIORITY with a dependency', frame(PRIORITY, 0, 1, priority(3, 255)) + request(1)],
    ['generic/3.3/4 an exclusive PRIORITY', frame(PRIORITY, 0, 1, priority(0x80000003, 255)) + request(1)],
    [
      'generic/3.3/5 PRIORITY of an idle stream, then HEADERS of a lower one',
      frame(PRIORITY, 0, 5, priority(0, 255)) + request(3),
    ],
    ['generic/3.4/1 RST_STREAM', begin(1) + frame(RST, 0, 1, uint32(8)) + request(3)],
    ['generic/3.5/1 SETTINGS', frame(SETTINGS, 0, 0, setting(3, 100)) + request(1)],
    ['generic/3.7/1 PING', frame(PING, 0, 0, 'another!') + request(1)],
    ['generic/3.8/1 GOAWAY', frame(GOAWAY, 0, 0, uint32(0) + uint32(0)) + request(1)],
    ['generic/3.9/2 WINDOW_UPDATE on a stream', begin(1) + frame(WINDOW, 0, 1, uint32(1)) + data(1, 'a')],
    [
      'generic/3.10/1 a CONTINUATION',
      frame(HEADERS, 1, 1, get.slice(0, 2)) + frame(CONTINUATION, 4, 1, get.slice(2)),
    ],
    ['generic/4/1 GET', request(1)],
    ['generic/4/2 HEAD', request(1, head)],
    ['generic/4/3 POST', begin(1) + data(1, 'test')],
    ['generic/5/1 an indexed field', request(1, get + '\x90')],
    ...(['incremental', 'without', 'never'] as const).flatMap((form, at) =>
      [false, true].flatMap((isNew, kind) =>
        [false, true].map((isHuffman, coding): [string, string] => [
          `generic/5/${2 + at * 4 + kind * 2 + coding} a literal, ${form}, ${isNew ? 'new' : 'indexed'} name, ${isHuffman ? 'Huffman' : 'plain'}`,
          request(1, get + literal(form, isNew, isHuffman)),
        ]),
      ),
    ),
    ['generic/5/14 a size update', request(1, `\x3f\xe1\x1f${get}`)],
    ['generic/5/15 several size updates', request(1, `\x20\x3f\xe1\x1f${get}`)],
    ['3.5/1 a valid preface', request(1)],
    [
      '6.10/1 several CONTINUATIONs',
      frame(HEADERS, 1, 1, '') + frame(CONTINUATION, 0, 1, get) + frame(CONTINUATION, 4, 1, ''),
    ],
    ['7/1 GOAWAY with an unknown code', frame(GOAWAY, 0, 0, uint32(0) + uint32(0xff)) + request(1)],
    ['generic/2/1 PRIORITY on an idle stream', frame(PRIORITY, 0, 1, `${uint32(0)}\xff`) + request(1)],
    ['generic/2/5 PRIORITY on a closed stream', request(1) + frame(PRIORITY, 0, 1, `${uint32(0)}\x10`)],
    ['generic/3.1/3 DATA with padding', begin(1) + frame(DATA, PADDED | END_STREAM, 1, '\x03abc\0\0\0')],
    ['generic/3.2/2 HEADERS with padding', frame(HEADERS, 5 | PADDED, 1, `\x02${get}\0\0`)],
    ['generic/3.2/3 HEADERS with priority', frame(HEADERS, 5 | WITH_PRIORITY, 1, `${uint32(0)}\x10${get}`)],
    ['generic/3.9/1 WINDOW_UPDATE', frame(WINDOW, 0, 0, uint32(100)) + request(1)],
    [
      'generic/3.10/2 several CONTINUATIONs',
      frame(HEADERS, 1, 1, get.slice(0, 2)) +
        frame(CONTINUATION, 0, 1, get.slice(2, 3)) +
        frame(CONTINUATION, 4, 1, get.slice(3)),
    ],
    [
      'generic/4/4 POST with trailers',
      begin(1) + data(1, 'a', 0) + frame(HEADERS, 5, 1, block(['x-sum', '1'])),
    ],
    ['4.1/1 an unknown type', frame(0x16, 0, 0, 'what') + request(1)],
    ['4.1/2 an undefined flag', frame(PING, 0x16, 0, 'h2spec!!') + request(1)],
    ['4.1/3 the reserved bit', frame(PING, 0, 0x80000000, 'h2spec!!') + request(1)],
    ['4.2/1 DATA of 2^14 bytes', begin(1) + data(1, 'x'.repeat(16_384))],
    ['5.5/1 an unknown extension', frame(0xff, 0, 1, '') + request(1)],
    ['6.5.2/5 an unknown setting', frame(SETTINGS, 0, 0, setting(0xff, 1)) + request(1)],
    ['7/2 RST_STREAM with an unknown code', begin(1) + frame(RST, 0, 1, uint32(0xff)) + request(3)],
    ['hpack 4.2 a size update at the start', frame(HEADERS, 5, 1, `\x20${get}`)],
  ])('%s', async (_, sent) => {
    const client = FrameClient.open(port);
    client.write(sent + ping);
    await client.frame(PING);
    await until('an answer', () =>
      client.frames.some(({ type, flags }) => type < 2 && (flags & END_STREAM) !== 0),
    );
    expect(client.find(GOAWAY)).toBeUndefined();
    expect(client.find(RST)).toBeUndefined();
  });

  it('6.5.3/2, 6.7/1 and 6.7/2: SETTINGS and PING are acknowledged, a PING ack is not', async () => {
    const client = FrameClient.open(port);
    client.write(frame(PING, 1, 0, 'not this') + ping);
    const answer = await client.frame(PING);
    expect([answer.flags, answer.payload.toString()]).toEqual([1, 'h2spec!!']);
    expect(client.frames.filter(({ type, flags }) => type === SETTINGS && flags === 1)).toHaveLength(1);
  });
});

describe('ends the stream', () => {
  it.each<[string, string, number[]]>([
    ['5.1/6 HEADERS behind END_STREAM', request(1) + request(1), [STREAM_CLOSED]],
    [
      '5.1/7 CONTINUATION behind END_STREAM',
      request(1) + frame(CONTINUATION, 4, 1, get),
      [STREAM_CLOSED, PROTOCOL],
    ],
    ['5.1/8 DATA behind RST_STREAM', begin(1) + frame(RST, 0, 1, uint32(8)) + data(1, 'a'), [STREAM_CLOSED]],
    ['5.1/9 HEADERS behind RST_STREAM', begin(1) + frame(RST, 0, 1, uint32(8)) + request(1), [STREAM_CLOSED]],
    [
      '5.1/10 CONTINUATION behind RST_STREAM',
      begin(1) + frame(RST, 0, 1, uint32(8)) + frame(CONTINUATION, 4, 1, get),
      [STREAM_CLOSED, PROTOCOL],
    ],
    ['6.1/2 DATA on a stream that is not open', request(1) + data(1, 'a'), [STREAM_CLOSED]],
    ['8.1.2.3/6 :scheme twice', request(1, block(GET[1]) + get), [PROTOCOL]],
    ['8.1.2.3/7 :path twice', request(1, block(GET[2]) + get), [PROTOCOL]],
    ['5.1/5 DATA behind END_STREAM', request(1) + data(1, 'a'), [STREAM_CLOSED]],
    ['6.9/2 WINDOW_UPDATE of 0', begin(1) + frame(WINDOW, 0, 1, uint32(0)), [PROTOCOL]],
    [
      '6.9.1/3 a window above the maximum',
      begin(1) + frame(WINDOW, 0, 1, uint32(2 ** 31 - 1)),
      [FLOW_CONTROL],
    ],
    ['8.1/1 a second HEADERS without END_STREAM', begin(1) + begin(1), [PROTOCOL]],
    ['8.1.2/1 an upper-case name', request(1, get + block(['X-Test', '1'])), [PROTOCOL]],
    ['8.1.2.1/1 an unknown pseudo-field', request(1, get + block([':test', '1'])), [PROTOCOL]],
    ['8.1.2.1/2 a pseudo-field of answers', request(1, get + block([':status', '200'])), [PROTOCOL]],
    [
      '8.1.2.1/3 a pseudo-field in trailers',
      begin(1) + frame(HEADERS, 5, 1, block([':method', 'GET'])),
      [PROTOCOL],
    ],
    ['8.1.2.1/4 a pseudo-field behind a field', request(1, block(['x-a', '1']) + get), [PROTOCOL]],
    ['8.1.2.2/1 a connection field', request(1, get + block(['connection', 'keep-alive'])), [PROTOCOL]],
    ['8.1.2.2/2 TE other than trailers', request(1, get + block(['te', 'trailers, deflate'])), [PROTOCOL]],
    ['8.1.2.3/1 an empty :path', request(1, block(GET[0], GET[1], [':path', ''], GET[3])), [PROTOCOL]],
    ['8.1.2.3/2 no :method', request(1, block(...GET.slice(1))), [PROTOCOL]],
    ['8.1.2.3/3 no :scheme', request(1, block(GET[0], GET[2], GET[3])), [PROTOCOL]],
    ['8.1.2.3/4 no :path', request(1, block(GET[0], GET[1], GET[3])), [PROTOCOL]],
    ['8.1.2.3/5 :method twice', request(1, block(GET[0]) + get), [PROTOCOL]],
    [
      '8.1.2.6/1 a length that one DATA is not',
      begin(1, post + block(['content-length', '1'])) + data(1, 'test'),
      [PROTOCOL],
    ],
    [
      '8.1.2.6/2 a length that the sum of DATA is not',
      begin(1, post + block(['content-length', '9'])) + data(1, 'test', 0) + data(1, 'test'),
      [PROTOCOL],
    ],
    ['attack: a length with END_STREAM', request(1, post + block(['content-length', '5'])), [PROTOCOL]],
    ['attack: a field with CR LF', request(1, get + block(['x-a', 'b\r\nHost: evil'])), [PROTOCOL]],
    ['attack: a field with NUL', request(1, get + block(['x-a', 'b\0c'])), [PROTOCOL]],
    ['attack: a blank outside of a value', request(1, get + block(['x-a', ' b'])), [PROTOCOL]],
    ['attack: a name with CR LF', request(1, get + block(['x-a\r\nhost', 'evil'])), [PROTOCOL]],
    ['attack: a name with a colon', request(1, get + block(['x:a', 'b'])), [PROTOCOL]],
    ['attack: an empty name', request(1, get + block(['', 'b'])), [PROTOCOL]],
    [
      'attack: Transfer-Encoding (H2.TE)',
      request(1, get + block(['transfer-encoding', 'chunked'])),
      [PROTOCOL],
    ],
    ['attack: Upgrade', request(1, get + block(['upgrade', 'h2c'])), [PROTOCOL]],
    [
      'attack: a request line in :path',
      request(1, block(GET[0], GET[1], [':path', '/ HTTP/1.1\r\nHost: b'], GET[3])),
      [PROTOCOL],
    ],
    [
      'attack: a request line in :method',
      request(1, block([':method', 'GET / HTTP/1.1'], ...GET.slice(1))),
      [PROTOCOL],
    ],
    ['attack: a URL in :path', request(1, block(GET[0], GET[1], [':path', 'http://b/'], GET[3])), [PROTOCOL]],
    [
      'attack: another scheme',
      request(1, block(GET[0], [':scheme', 'ftp'], [':path', '/'], GET[3])),
      [PROTOCOL],
    ],
    ['attack: no authority at all', request(1, block(GET[0], GET[1], GET[2])), [PROTOCOL]],
    [
      'attack: :protocol, which was not announced',
      request(1, get + block([':protocol', 'websocket'])),
      [PROTOCOL],
    ],
  ])('%s', async (_, sent, codes) => {
    const client = FrameClient.open(port);
    client.write(sent);
    const reset = await until('an error', () => client.find(RST, 1) ?? client.find(GOAWAY));
    expect(codes).toContain(reset.payload.readUInt32BE(reset.payload.length - 4));
    expect(upstream.faults).toEqual([]);
  });
});

describe('ends the connection', () => {
  it.each<[string, string, number[]]>([
    [
      '5.3.1/1 HEADERS that depend on themselves',
      frame(HEADERS, 5 | WITH_PRIORITY, 1, priority(1, 16) + get),
      [PROTOCOL],
    ],
    ['5.3.1/2 PRIORITY that depends on itself', frame(PRIORITY, 0, 1, priority(1, 16)), [PROTOCOL]],
    ['5.4.1/1 and 5.4.1/2 a bad PING: GOAWAY, then the end', frame(PING, 0, 1, 'h2spec!!'), [PROTOCOL]],
    [
      '6.2/1 HEADERS without END_HEADERS, then PRIORITY',
      frame(HEADERS, 1, 1, get) + frame(PRIORITY, 0, 1, priority(0, 16)),
      [PROTOCOL],
    ],
    ['6.2/2 HEADERS without END_HEADERS, then others', frame(HEADERS, 1, 1, get) + request(3), [PROTOCOL]],
    ['6.4/2 RST_STREAM on an idle stream', frame(RST, 0, 1, uint32(8)), [PROTOCOL]],
    [
      '6.10/2 CONTINUATION followed by another type',
      frame(HEADERS, 1, 1, get) + frame(CONTINUATION, 0, 1, '') + data(1, 'a'),
      [PROTOCOL],
    ],
    [
      '6.10/3 CONTINUATION on stream 0',
      frame(HEADERS, 1, 1, get) + frame(CONTINUATION, 4, 0, ''),
      [PROTOCOL],
    ],
    [
      '6.10/5 CONTINUATION behind END_HEADERS of a CONTINUATION',
      frame(HEADERS, 0, 1, post) + frame(CONTINUATION, 4, 1, '') + frame(CONTINUATION, 4, 1, ''),
      [PROTOCOL],
    ],
    [
      'hpack 2.3.3/2 a literal whose name is beyond the tables',
      request(1, `${get}\x7f\x80\x01\x01a`),
      [COMPRESSION],
    ],
    ['hpack 5.2/1 padding of more than 7 bits', request(1, `${get}\x40\x01a\x83\x1f\xff\xff`), [COMPRESSION]],
    ['hpack 5.2/2 padding of zeros', request(1, `${get}\x40\x01a\x81\x18`), [COMPRESSION]],
    ['hpack 5.2/3 EOS in a text', request(1, `${get}\x40\x01a\x85\x1f\xff\xff\xff\xff`), [COMPRESSION]],
    ['hpack 6.1/1 index 0', request(1, `${get}\x80`), [COMPRESSION]],
    [
      '4.2/2 DATA above the frame size',
      begin(1) + frameHead(16_385, DATA, 0, 1) + 'x'.repeat(16_385),
      [FRAME_SIZE],
    ],
    [
      '4.2/3 HEADERS above the frame size',
      frameHead(16_385, HEADERS, 5, 1) + 'x'.repeat(16_385),
      [FRAME_SIZE],
    ],
    ['4.3/1 a broken header block', request(1, '\x40'), [COMPRESSION]],
    [
      '4.3/2 PRIORITY inside a block',
      frame(HEADERS, 1, 1, get) + frame(PRIORITY, 0, 1, `${uint32(0)}\x10`),
      [PROTOCOL],
    ],
    ['4.3/3 HEADERS of another stream inside a block', frame(HEADERS, 1, 1, get) + request(3), [PROTOCOL]],
    ['5.1/1 DATA on an idle stream', data(1, 'a'), [PROTOCOL, STREAM_CLOSED]],
    ['5.1/2 RST_STREAM on an idle stream', frame(RST, 0, 1, uint32(8)), [PROTOCOL]],
    ['5.1/3 WINDOW_UPDATE on an idle stream', frame(WINDOW, 0, 1, uint32(100)), [PROTOCOL]],
    ['5.1/4 CONTINUATION on an idle stream', frame(CONTINUATION, 4, 1, get), [PROTOCOL]],
    ['5.1.1/1 an even stream', request(2), [PROTOCOL]],
    ['5.1.1/2 a stream lower than before', request(5) + request(3), [PROTOCOL, STREAM_CLOSED]],
    [
      '5.5/2 an unknown extension inside a block',
      frame(HEADERS, 1, 1, get) + frame(0xff, 0, 1, ''),
      [PROTOCOL],
    ],
    ['6.1/1 DATA on stream 0', data(0, 'a'), [PROTOCOL]],
    ['6.1/3 padding longer than the frame', begin(1) + frame(DATA, PADDED, 1, '\x06abc'), [PROTOCOL]],
    ['6.2/3 HEADERS on stream 0', request(0), [PROTOCOL]],
    ['6.2/4 padding longer than HEADERS', frame(HEADERS, 5 | PADDED, 1, `\xff${get}`), [PROTOCOL]],
    ['6.3/1 PRIORITY on stream 0', frame(PRIORITY, 0, 0, `${uint32(0)}\x10`), [PROTOCOL]],
    ['6.3/2 PRIORITY of another length', frame(PRIORITY, 0, 1, 'abcd'), [FRAME_SIZE]],
    ['6.4/1 RST_STREAM on stream 0', frame(RST, 0, 0, uint32(8)), [PROTOCOL]],
    ['6.4/3 RST_STREAM of another length', begin(1) + frame(RST, 0, 1, 'abc'), [FRAME_SIZE]],
    ['6.5/1 a SETTINGS ack with a payload', frame(SETTINGS, 1, 0, setting(3, 1)), [FRAME_SIZE]],
    ['6.5/2 SETTINGS on a stream', frame(SETTINGS, 0, 1, setting(3, 1)), [PROTOCOL]],
    ['6.5/3 SETTINGS of another length', frame(SETTINGS, 0, 0, 'abc'), [FRAME_SIZE]],
    ['6.5.2/1 ENABLE_PUSH of 2', frame(SETTINGS, 0, 0, setting(2, 2)), [PROTOCOL]],
    ['6.5.2/2 a window above the maximum', frame(SETTINGS, 0, 0, setting(4, 2 ** 31)), [FLOW_CONTROL]],
    ['6.5.2/3 a frame size below 2^14', frame(SETTINGS, 0, 0, setting(5, 16_383)), [PROTOCOL]],
    ['6.5.2/4 a frame size above 2^24 - 1', frame(SETTINGS, 0, 0, setting(5, 2 ** 24)), [PROTOCOL]],
    ['6.7/3 PING on a stream', frame(PING, 0, 1, 'h2spec!!'), [PROTOCOL]],
    ['6.7/4 PING of another length', frame(PING, 0, 0, 'h2spec'), [FRAME_SIZE]],
    ['6.8/1 GOAWAY on a stream', frame(GOAWAY, 0, 1, uint32(0) + uint32(0)), [PROTOCOL]],
    ['6.9/1 WINDOW_UPDATE of 0 on stream 0', frame(WINDOW, 0, 0, uint32(0)), [PROTOCOL]],
    ['6.9/3 WINDOW_UPDATE of another length', frame(WINDOW, 0, 0, 'abc'), [FRAME_SIZE]],
    ['6.9.1/2 a window above the maximum', frame(WINDOW, 0, 0, uint32(2 ** 31 - 1)), [FLOW_CONTROL]],
    [
      '6.9.2/3 windows above the maximum by a setting',
      begin(1) +
        frame(WINDOW, 0, 1, uint32(2 ** 31 - 65_536)) +
        frame(SETTINGS, 0, 0, setting(4, 2 ** 31 - 1)),
      [FLOW_CONTROL],
    ],
    ['6.10/4 CONTINUATION behind END_HEADERS', begin(1) + frame(CONTINUATION, 4, 1, get), [PROTOCOL]],
    [
      '6.10/6 CONTINUATION behind DATA',
      begin(1) + data(1, 'a', 0) + frame(CONTINUATION, 4, 1, get),
      [PROTOCOL],
    ],
    ['8.2/1 PUSH_PROMISE', frame(PUSH, 4, 1, uint32(2) + get), [PROTOCOL]],
    ['hpack 2.3.3/1 an index beyond the tables', request(1, `${get}\xc6`), [COMPRESSION]],
    ['hpack 4.2/1 a size update at the end', request(1, `${get}\x20`), [COMPRESSION]],
    ['hpack 6.3/1 a size update above the setting', request(1, `\x3f\xe2\x1f${get}`), [COMPRESSION]],
    [
      'attack: CONTINUATIONs without end',
      frame(HEADERS, 1, 1, get) + frame(CONTINUATION, 0, 1, '').repeat(20),
      [CALM],
    ],
    ['attack: a flood of PINGs', ping.repeat(3000), [CALM]],
    ['attack: a flood of SETTINGS', frame(SETTINGS, 0, 0, '').repeat(3000), [CALM]],
    ['attack: a flood of empty DATA', begin(1) + data(1, '', 0).repeat(3000), [CALM]],
    ['attack: a flood of PRIORITY', frame(PRIORITY, 0, 1, `${uint32(0)}\x10`).repeat(3000), [CALM]],
    [
      'attack: rapid reset (CVE-2023-44487)',
      Array.from(
        { length: 1200 },
        (_, at) => request(at * 2 + 1) + frame(RST, 0, at * 2 + 1, uint32(8)),
      ).join(''),
      [CALM],
    ],
    [
      'attack: the gateway is made to reset (CVE-2025-8671)',
      Array.from(
        { length: 1200 },
        (_, at) => begin(at * 2 + 1) + frame(WINDOW, 0, at * 2 + 1, uint32(0)),
      ).join(''),
      [CALM],
    ],
  ])('%s', async (_, sent, codes) => {
    const client = FrameClient.open(port);
    client.write(sent);
    const goAway = await client.frame(GOAWAY);
    expect(codes).toContain(goAway.payload.readUInt32BE(4));
    await client.closed();
  });

  it('3.5/2 another preface', async () => {
    const client = new FrameClient(port);
    client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX');
    await client.closed();
  });

  it.each([
    ['SETTINGS that never come', (client: FrameClient) => client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['half a preface', (client: FrameClient) => client.write('PRI')],
    ['half a header block', (client: FrameClient) => client.write(frame(HEADERS, 1, 1, get))],
  ])('attack: %s', async (title, send) => {
    const client = title.startsWith('half a header') ? FrameClient.open(port) : new FrameClient(port);
    send(client);
    await client.closed();
  });
});

describe('flow control', () => {
  it('6.9.1/1 sends a byte into a window of one byte, and the rest as it grows', async () => {
    const client = FrameClient.open(port, setting(4, 1));
    client.write(request(1));
    const first = await client.frame(DATA, 1);
    expect([first.payload.length, first.flags]).toEqual([1, 0]);
    client.write(frame(WINDOW, 0, 1, uint32(10_000)));
    await until('the end', () => client.frames.some(({ type, flags }) => type === DATA && flags === 1));
  });

  it('6.5.3/1 takes the last of several windows in one frame', async () => {
    const client = FrameClient.open(port, setting(4, 100) + setting(4, 1));
    client.write(request(1) + ping);
    expect((await client.frame(DATA, 1)).payload.length).toBe(1);
  });

  it('6.9.2/1 follows a window that is changed behind HEADERS', async () => {
    const client = FrameClient.open(port, setting(4, 0));
    client.write(request(1) + ping);
    await client.frame(PING);
    await client.frame(HEADERS, 1);
    expect(client.find(DATA)).toBeUndefined();
    client.write(frame(SETTINGS, 0, 0, setting(4, 1)));
    expect((await client.frame(DATA, 1)).payload.length).toBe(1);
  });

  it.each([
    ['5.1/11 DATA', data(1, 'a')],
    ['5.1/12 HEADERS', request(1)],
    ['5.1/13 CONTINUATION', frame(CONTINUATION, 4, 1, get)],
  ])('%s on a closed stream ends it, or the connection', async (_, sent) => {
    const client = FrameClient.open(port);
    client.write(request(1));
    await until('the answer', () => client.frames.some(({ stream, flags }) => stream === 1 && flags === 1));
    client.write(sent);
    const error = await until('an error', () => client.find(RST, 1) ?? client.find(GOAWAY));
    expect([STREAM_CLOSED, PROTOCOL]).toContain(error.payload.readUInt32BE(error.payload.length - 4));
  });

  it('6.9.2/2 waits while a setting has made the window negative', async () => {
    const client = FrameClient.open(port, setting(4, 3));
    client.write(request(1));
    expect((await client.frame(DATA, 1)).payload.length).toBe(3);
    client.write(frame(SETTINGS, 0, 0, setting(4, 0)) + frame(WINDOW, 0, 1, uint32(2)) + ping);
    await client.frame(PING);
    expect(client.frames.filter(({ type }) => type === DATA)).toHaveLength(1);
    client.write(frame(WINDOW, 0, 1, uint32(2)));
    await until('one byte more', () => client.frames.filter(({ type }) => type === DATA).length === 2);
    expect(client.frames.filter(({ type }) => type === DATA)[1]!.payload.length).toBe(1);
  });

  it('5.1.2/1 refuses streams above the limit, which their client may repeat', async () => {
    upstream.behaviour = ({ target }) => (target === '/wait' ? { kind: 'silent' } : { kind: 'answer' });
    const client = FrameClient.open(port);
    const waiting = block(GET[0], GET[1], [':path', '/wait'], GET[3]);
    for (let at = 0; at < 101; at++) client.write(request(at * 2 + 1, waiting));
    const refused = await client.frame(RST);
    expect([refused.stream, refused.payload.readUInt32BE(0)]).toEqual([201, REFUSED]);
  });

  it('answers a head that is too large with 431', async () => {
    const client = FrameClient.open(port);
    const fields = Array.from({ length: 20 }, (_, at) => [`x-${at}`, 'v'.repeat(1000)] as const);
    const text = get + block(...fields);
    client.write(frame(HEADERS, 1, 1, text.slice(0, 16_000)) + frame(CONTINUATION, 4, 1, text.slice(16_000)));
    const answer = await client.frame(HEADERS, 1);
    expect(answer.payload.toString('latin1')).toContain('431');
    client.write(request(3) + ping);
    await client.frame(HEADERS, 3);
  });
});

describe('the suite', () => {
  it('has every case of h2spec (147)', () => {
    const counts: Readonly<Record<string, number>> = {
      'generic/1': 1,
      'generic/2': 5,
      'generic/3.1': 3,
      'generic/3.2': 3,
      'generic/3.3': 5,
      'generic/3.4': 1,
      'generic/3.5': 1,
      'generic/3.7': 1,
      'generic/3.8': 1,
      'generic/3.9': 2,
      'generic/3.10': 2,
      'generic/4': 4,
      'generic/5': 15,
      '3.5': 2,
      '4.1': 3,
      '4.2': 3,
      '4.3': 3,
      '5.1': 13,
      '5.1.1': 2,
      '5.1.2': 1,
      '5.3.1': 2,
      '5.4.1': 2,
      '5.5': 2,
      '6.1': 3,
      '6.2': 4,
      '6.3': 2,
      '6.4': 3,
      '6.5': 3,
      '6.5.2': 5,
      '6.5.3': 2,
      '6.7': 4,
      '6.8': 1,
      '6.9': 3,
      '6.9.1': 3,
      '6.9.2': 3,
      '6.10': 6,
      '7': 2,
      '8.1': 1,
      '8.1.2': 1,
      '8.1.2.1': 4,
      '8.1.2.2': 2,
      '8.1.2.3': 7,
      '8.1.2.6': 2,
      '8.2': 1,
      'hpack 2.3.3': 2,
      'hpack 4.2': 1,
      'hpack 5.2': 3,
      'hpack 6.1': 1,
      'hpack 6.3': 1,
    };
    const wanted = Object.entries(counts).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, at) => `${section}/${at + 1}`),
    );
    expect(wanted).toHaveLength(147);
    const titles = titlesIn(expect.getState().testPath!);
    expect(wanted.filter((id) => !titles.has(id))).toEqual([]);
  });
});

/** The numbers of cases that titles of this file name; those of HPACK's twelve literals are counted out. */
function titlesIn(path: string): Set<string> {
  const text = readFileSync(path, 'utf8');
  const named = [...text.matchAll(/['\x60 ]((?:generic\/|hpack )?\d+(?:\.\d+)*\/\d+)[ :,]/g)].map(
    (match) => match[1]!,
  );
  return new Set([...named, ...Array.from({ length: 12 }, (_, at) => `generic/5/${at + 2}`)]);
}
