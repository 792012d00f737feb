import { describe, expect, it } from 'vitest';
import { frame, setting, uint32 } from '../../src/proxy/http2/frames.js';
import { FrameUpstream, type FrameConnection } from '../support/frame-upstream.js';
import { block } from '../support/http2-frames.js';
import { connect } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startTestGateway } from '../proxy/gateway.js';

/*
 * What an upstream may send and what it may not, row by row (RFC 9113, and the known attacks): each answer
 * beside a neighbour on the same connection, which has its own answer whatever becomes of the first.
 */
const upstream = await FrameUpstream.start();
const gateway = await startTestGateway(
  { app: upstream.url },
  { upstreamHttp2: true, limits: { headBytes: '4KiB', interimAnswers: 3 } },
);

interface Outcome {
  readonly status: number;
  readonly text: string;
  readonly fault: unknown;
  /** The error code with which the gateway reset the stream. */
  readonly reset: number | undefined;
  /** The error code with which it ended the connection. */
  readonly goAway: number | undefined;
}

/** A request whose answer is these frames; `odd` may also do as it likes with the connection. */
async function answeredWith(
  odd: string | ((connection: FrameConnection, stream: number) => void),
  method = 'GET',
): Promise<Outcome> {
  let at: { connection: FrameConnection; stream: number } | undefined;
  upstream.onRequest = (connection, request) => {
    if (request.get(':path') !== '/odd' || at !== undefined) {
      connection.answer(request.stream);
      return;
    }
    at = { connection, stream: request.stream };
    if (typeof odd === 'string') connection.write(odd.replaceAll('ID', uint32(request.stream)));
    else odd(connection, request.stream);
  };
  const logged = gateway.log.length;
  const client = await connect(gateway.port);
  client.send({ method, target: '/odd' });
  let answer = { status: 0, text: '' };
  try {
    for (;;) {
      const { status, body } = await client.response(2000);
      answer = { status, text: body.toString() };
      if (status >= 200) break;
    }
  } catch {
    answer = { status: 0, text: '' };
  }
  await until('the log', () => gateway.log.length > logged);
  // A neighbour, over the same connection or a new one.
  const next = await connect(gateway.port);
  const neighbour = await next.request({ target: '/next' });
  expect(neighbour.body.toString()).toBe('ok');
  const { connection, stream } = at!;
  const code = (type: number, id: number, place: number): number | undefined =>
    connection.frames.find((each) => each.type === type && each.stream === id)?.payload.readUInt32BE(place);
  const outcome = {
    ...answer,
    fault: gateway.log[logged]!['fault'],
    reset: code(3, stream, 0),
    goAway: code(7, 0, 4),
  };
  // Each row begins with a connection of its own.
  connection.end();
  await until('its end', () => connection.isClosed);
  return outcome;
}

/** A frame of the stream under test. */
function own(type: number, flags: number, payload: string): string {
  return `${frame(type, flags, 0, payload).slice(0, 5)}ID${payload}`;
}

const [END_STREAM, END_HEADERS, PADDED] = [1, 4, 8];
const HEAD = own(1, END_HEADERS, '\x88');
const DATA = own(0, END_STREAM, 'ok');
const head = (...fields: readonly (readonly [string, string])[]): string =>
  own(1, END_HEADERS, block(...fields));
const status = [':status', '200'] as const;

describe('an answer goes on', () => {
  it.each([
    ['in one DATA frame', HEAD + DATA, 'ok'],
    [
      'in several, empty ones too',
      HEAD + own(0, 0, 'o') + own(0, 0, '') + own(0, 0, 'k') + own(0, END_STREAM, ''),
      'ok',
    ],
    ['padded', HEAD + own(0, END_STREAM | PADDED, '\x03ok\0\0\0'), 'ok'],
    ['with CONTINUATION', own(1, 0, '') + own(9, 0, '') + own(9, END_HEADERS, '\x88') + DATA, 'ok'],
    ['with its length', head(status, ['content-length', '2']) + DATA, 'ok'],
    ['with trailers', HEAD + own(0, 0, 'ok') + own(1, END_HEADERS | END_STREAM, block(['x-sum', '1'])), 'ok'],
    ['behind 1xx', head([':status', '103'], ['link', '</a>']) + HEAD + DATA, 'ok'],
    [
      'beside unknown frames and settings',
      HEAD + own(99, 0, 'x') + frame(4, 0, 0, setting(999, 1)) + DATA,
      'ok',
    ],
    ['without a body', own(1, END_HEADERS | END_STREAM, '\x88'), ''],
  ])('%s', async (_name, frames, text) => {
    expect(await answeredWith(frames)).toMatchObject({ status: 200, text, goAway: undefined });
  });
});

describe('an answer is refused, and its stream alone', () => {
  it.each([
    ['no :status', head(['x-a', '1']) + DATA, 'pseudo-field'],
    [':status twice', head(status, status) + DATA, 'pseudo-field'],
    [':status behind a field', head(['x-a', '1'], status) + DATA, 'pseudo-field'],
    ['a pseudo-field of requests', head(status, [':path', '/']) + DATA, 'pseudo-field'],
    [':status 99', head([':status', '99']) + DATA, 'status-line'],
    [':status 1000', head([':status', '1000']) + DATA, 'status-line'],
    [':status that is no number', head([':status', '2x0']) + DATA, 'status-line'],
    ['101', head([':status', '101']) + DATA, 'upgrade'],
    ['an upper-case name', head(status, ['X-A', '1']) + DATA, 'field-name'],
    ['a colon in a name', head(status, ['x:a', '1']) + DATA, 'field-name'],
    ['CR LF in a name', head(status, ['a\r\nb', '1']) + DATA, 'field-name'],
    ['an empty name', head(status, ['', '1']) + DATA, 'field-name'],
    [
      'CR LF in a value (answer splitting)',
      head(status, ['a', 'b\r\nset-cookie: c=d']) + DATA,
      'field-value',
    ],
    ['NUL in a value', head(status, ['a', 'b\0']) + DATA, 'field-value'],
    ['a blank around a value', head(status, ['a', ' b']) + DATA, 'field-value'],
    ['connection', head(status, ['connection', 'close']) + DATA, 'connection-field'],
    ['transfer-encoding', head(status, ['transfer-encoding', 'chunked']) + DATA, 'connection-field'],
    ['keep-alive', head(status, ['keep-alive', 'timeout=5']) + DATA, 'connection-field'],
    ['upgrade', head(status, ['upgrade', 'h2c']) + DATA, 'connection-field'],
    [
      'content-length twice',
      head(status, ['content-length', '2'], ['content-length', '2']) + DATA,
      'length-repeated',
    ],
    ['content-length +2', head(status, ['content-length', '+2']) + DATA, 'length'],
    [
      'content-length without data',
      own(1, END_HEADERS | END_STREAM, block(status, ['content-length', '2'])),
      'length',
    ],
    ['1xx that ends the stream', own(1, END_HEADERS | END_STREAM, block([':status', '103'])), 'length'],
    ['DATA before its head', DATA, 'http2'],
    ['a head of more than headBytes', head(status, ['a', 'x'.repeat(5000)]) + DATA, 'head-too-large'],
    ['too many 1xx', head([':status', '103']).repeat(4) + HEAD + DATA, 'too-many-interim'],
    ['a reset', own(3, 0, uint32(2)), 'reset'],
    ['WINDOW_UPDATE of 0', own(8, 0, uint32(0)), 'http2'],
    ['a window beyond the largest', own(8, 0, uint32(2 ** 31 - 1)), 'http2'],
  ])('%s', async (_name, frames, fault) => {
    const { status: told, fault: found, goAway } = await answeredWith(frames, 'POST');
    expect([told, found, goAway]).toEqual([502, fault, undefined]);
  });

  it.each([
    ['less data than its length', head(status, ['content-length', '3']) + DATA, 'length'],
    ['more data than its length', head(status, ['content-length', '1']) + DATA, 'length'],
    ['a second head', HEAD + own(0, 0, 'o') + HEAD, 'http2'],
    [
      'a pseudo-field in trailers',
      HEAD + own(0, 0, 'o') + own(1, END_HEADERS | END_STREAM, '\x88'),
      'trailer',
    ],
    [
      'a bad trailer',
      HEAD + own(0, 0, 'o') + own(1, END_HEADERS | END_STREAM, block(['a', 'b\r\nc: d'])),
      'trailer',
    ],
    ['a reset with NO_ERROR in the middle', HEAD + own(0, 0, 'o') + own(3, 0, uint32(0)), 'reset'],
  ])('%s: the client sees a cut, never an end', async (_name, frames, fault) => {
    const { status: told, fault: found, goAway } = await answeredWith(frames, 'POST');
    expect([told, found, goAway]).toEqual([0, fault, undefined]);
  });

  it('data in an answer to HEAD', async () => {
    expect(await answeredWith(HEAD + DATA, 'HEAD')).toMatchObject({
      fault: 'length',
      reset: 1,
      goAway: undefined,
    });
  });
});

describe('the connection ends, with this code', () => {
  it.each([
    ['a header block that nobody can decode', own(1, END_HEADERS, '\xff\xff\xff\xff\xff'), 9],
    ['a frame larger than it may be', '\x01\0\x01\0\0' + 'ID', 6],
    ['PUSH_PROMISE', own(5, 4, `${uint32(2)}\x88`), 1],
    ['DATA on stream 0', frame(0, 0, 0, 'x'), 1],
    ['HEADERS on a stream that nobody opened', frame(1, 5, 99, '\x88'), 1],
    ['HEADERS on an even stream', frame(1, 5, 2, '\x88'), 1],
    ['another frame inside of a header block', own(1, 0, '\x88') + frame(6, 0, 0, '12345678'), 1],
    ['CONTINUATION without a block', own(9, END_HEADERS, '\x88'), 1],
    ['padding as long as its frame', HEAD + own(0, PADDED, '\x02x'), 1],
    ['PING of 7 bytes', frame(6, 0, 0, '1234567'), 6],
    ['PING on a stream', own(6, 0, '12345678'), 1],
    ['SETTINGS of 5 bytes', frame(4, 0, 0, '12345'), 6],
    ['SETTINGS with ENABLE_PUSH 2', frame(4, 0, 0, setting(2, 2)), 1],
    ['SETTINGS with a window beyond the largest', frame(4, 0, 0, setting(4, 2 ** 31)), 3],
    ['ENABLE_CONNECT_PROTOCOL taken back', frame(4, 0, 0, setting(8, 1)) + frame(4, 0, 0, setting(8, 0)), 1],
    ['WINDOW_UPDATE of 0 on the connection', frame(8, 0, 0, uint32(0)), 1],
    ['the connection’s window beyond the largest', frame(8, 0, 0, uint32(2 ** 31 - 1)), 3],
    ['RST_STREAM on a stream that nobody opened', frame(3, 0, 99, uint32(8)), 1],
    ['GOAWAY of 7 bytes', frame(7, 0, 0, '1234567'), 6],
    [
      'more CONTINUATIONs than there may be',
      own(1, 0, '') + own(9, 0, '').repeat(9) + own(9, END_HEADERS, '\x88'),
      11,
    ],
    ['a flood of PINGs', frame(6, 0, 0, '12345678').repeat(5000), 11],
    ['a flood of SETTINGS', frame(4, 0, 0, '').repeat(5000), 11],
    ['a flood of empty DATA', HEAD + own(0, 0, '').repeat(5000), 11],
    ['a flood of unknown frames', frame(99, 0, 0, '').repeat(5000), 11],
    ['a flood of windows', frame(8, 0, 0, uint32(1)).repeat(5000), 11],
  ])('%s', async (_name, frames, code) => {
    const { status: told, goAway } = await answeredWith(frames, 'POST');
    expect([0, 502]).toContain(told);
    expect(goAway).toBe(code);
  });

  it('an end in the middle of an answer is a cut', async () => {
    const cut = (connection: FrameConnection, stream: number): void => {
      connection.write((HEAD + own(0, 0, 'o')).replaceAll('ID', uint32(stream)));
      connection.end();
    };
    expect(await answeredWith(cut, 'POST')).toMatchObject({ status: 0, fault: 'closed' });
    expect(await answeredWith((connection) => connection.end(), 'POST')).toMatchObject({
      status: 502,
      fault: 'closed',
    });
    expect(await answeredWith((connection) => connection.reset(), 'POST')).toMatchObject({
      status: 502,
      fault: 'closed',
    });
  });
});
