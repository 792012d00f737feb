import http2 from 'node:http2';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { frame, setting, uint32 } from '../../src/proxy/http2/frames.js';
import { CLIENT_SIDES, type ClientAnswer, type SideClient } from '../support/client-sides.js';
import { cutsOf, pieces, shownCut } from '../support/cuts.js';
import { block, FrameClient, GET, POST } from '../support/http2-frames.js';
import { startUpstream, startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';
import { MemoryGateway } from './memory-gateway.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LOCALHOST = { cert: file('../config/tls/cert.pem'), key: file('../config/tls/key.pem') };
const HTTP2 = CLIENT_SIDES.find(({ version }) => version === 'HTTP/2')!;
const [DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW] = [0, 1, 3, 4, 6, 7, 8];

const get = block(...GET);
const post = block(...POST);
const path = (at: string): string => block(GET[0], GET[1], [':path', at], GET[3]);

async function askMany(client: SideClient, count: number, headers = {}): Promise<ClientAnswer[]> {
  return await Promise.all(Array.from({ length: count }, () => client.request({ headers })));
}

const upstreamsOf = (answers: readonly ClientAnswer[]): (string | undefined)[] => [
  ...new Set(answers.map((answer) => answer.header('x-served-by'))),
];

describe('first requests that come side by side over one connection', () => {
  it('go to one upstream, and are bound to it alone', async () => {
    const gateway = await startTestGateway(await startUpstreams(3), { affinity: ['cookie'], expose: true });
    const seen = new Set<string | undefined>();
    for (let visit = 0; visit < 3; visit++) {
      const client = await HTTP2.open(gateway.port);
      const answers = await askMany(client, 50);
      expect(upstreamsOf(answers)).toHaveLength(1);
      seen.add(answers[0]!.header('x-served-by'));
      expect(answers.map((answer) => answer.header('x-affinity')).sort()[1]).toBe('balanced (beside)');
      for (const answer of [answers[0]!, answers[49]!]) {
        const cookie = answer.header('set-cookie')!.split(';')[0]!;
        const again = await HTTP2.request(gateway.port, { headers: { cookie } });
        expect(again.header('x-served-by')).toBe(answers[0]!.header('x-served-by'));
      }
      client.close();
    }
    // Another connection is another client: these take turns.
    expect(seen.size).toBe(3);
    expect(gateway.log.some(({ why, outcome }) => why === 'beside' && outcome === 'balanced')).toBe(true);
  });

  it('all move together when that upstream is gone', async () => {
    const upstreams = await startUpstreams(3);
    const gateway = await startTestGateway(upstreams, { affinity: ['cookie'] });
    const client = await HTTP2.open(gateway.port);
    const [first] = upstreamsOf(await askMany(client, 5));
    await upstreams.find(({ id }) => id === first)!.stop();
    const then = upstreamsOf(await askMany(client, 20));
    expect(then).toHaveLength(1);
    expect(then[0]).not.toBe(first);
  });

  it('are spread where a trusted proxy has the requests of many on one connection', async () => {
    const gateway = await startTestGateway(await startUpstreams(3), {
      affinity: ['cookie'],
      trustedProxies: ['127.0.0.1'],
    });
    expect(upstreamsOf(await askMany(await HTTP2.open(gateway.port), 30))).toHaveLength(3);
  });

  it.each([
    ['no rule binds', []],
    ['a key places them', [{ cookie: {} }, { header: 'x-user' }]],
  ])('are spread where %s', async (_, affinity) => {
    const gateway = await startTestGateway(await startUpstreams(3), { affinity });
    const client = await HTTP2.open(gateway.port);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (__, at) => client.request({ headers: { 'x-user': `user-${at}` } })),
    );
    expect(upstreamsOf(answers)).toHaveLength(3);
  });

  it('over HTTP/1.1 are nobody’s affair: a connection has one at a time', async () => {
    const gateway = await startTestGateway(await startUpstreams(3), { affinity: ['cookie'] });
    const client = await CLIENT_SIDES[0]!.open(gateway.port);
    const answers = [await client.request(), await client.request(), await client.request()];
    expect(upstreamsOf(answers)).toHaveLength(3);
  });
});

describe('a request for another host than the connection was made for', () => {
  async function ask(authority: string, servername: string, settings = {}): Promise<number | undefined> {
    const gateway = await startTestGateway([await startUpstream()], { tls: LOCALHOST, ...settings });
    const session = http2.connect(`https://127.0.0.1:${gateway.port}`, {
      ca: readFileSync(LOCALHOST.cert),
      servername,
      rejectUnauthorized: false,
    });
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':authority': authority });
    stream.resume();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status']));
      stream.on('error', reject);
    });
    if (status === 421)
      expect(gateway.log).toContainEqual(expect.objectContaining({ status: 421, refused: 'misdirected' }));
    return status;
  }

  it('is 421 where the certificate does not cover it', async () => {
    expect(await ask('other.example', 'localhost')).toBe(421);
    expect(await ask('10.0.0.1', 'localhost')).toBe(421);
    expect(await ask('[::1]:8443', 'localhost')).toBe(421);
  });

  it('is answered where the certificate covers it', async () => {
    expect(await ask('127.0.0.1:8443', 'localhost')).toBe(200);
    expect(await ask('LOCALHOST:443', 'localhost')).toBe(200);
  });

  it('is answered where the client asked for it and did not mind the certificate, or named nothing', async () => {
    expect(await ask('other.example', 'other.example')).toBe(200);
    expect(await ask('other.example', '')).toBe(200);
  });

  it('is answered where a trusted proxy asks: it passes on what its own client named', async () => {
    expect(await ask('other.example', 'localhost', { trustedProxies: ['127.0.0.1'] })).toBe(200);
  });
});

describe('a connection that has lived long enough', () => {
  it.each([
    ['requests', { connectionRequests: 3 }, 3],
    ['age', { connectionAge: '1s' }, Infinity],
  ])('goes in two steps, and cuts nothing off: %s', async (_, limits, requests) => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { limits });
    const client = FrameClient.open(gateway.port);
    let id = -1;
    await until('the first GOAWAY', async () => {
      if ((id + 1) / 2 < requests) {
        id += 2;
        client.write(frame(HEADERS, 5, id, get));
        await client.frame(HEADERS, id);
      }
      return client.find(GOAWAY);
    });
    expect(client.find(GOAWAY)!.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    if (requests === 3) expect(id).toBe(5);
    // It was on its way.
    client.write(frame(HEADERS, 5, id + 2, get));
    await client.frame(HEADERS, id + 2);
    client.write(frame(PING, 1, 0, (await client.frame(PING)).payload.toString('latin1')));
    await client.closed();
    const goAways = client.frames.filter(({ type }) => type === GOAWAY);
    expect(goAways.map(({ payload }) => [payload.readUInt32BE(0), payload.readUInt32BE(4)])).toEqual([
      [2 ** 31 - 1, 0],
      [id + 2, 0],
    ]);
    expect(client.find(RST)).toBeUndefined();
  });
});

describe('requests in progress', () => {
  it('beyond those that all connections share wait, four of each connection never', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'silent' } });
    const gateway = await startTestGateway([upstream], { limits: { sharedStreams: 2 } });
    const [one, other] = [FrameClient.open(gateway.port), FrameClient.open(gateway.port)];
    for (let at = 0; at < 30; at++) one.write(frame(HEADERS, 5, at * 2 + 1, path(`/one/${at}`)));
    await until('six of them', () => upstream.requests === 6);
    for (let at = 0; at < 20; at++) other.write(frame(HEADERS, 5, at * 2 + 1, path(`/other/${at}`)));
    await until("the other's four", () => upstream.requests === 10);
    // A place that is free goes to each connection in its turn.
    one.write(frame(RST, 0, 1, uint32(8)) + frame(RST, 0, 3, uint32(8)));
    await until('two more', () => upstream.requests === 12);
    const begun = upstream.seen.slice(10).map(({ target }) => target.split('/')[1]);
    expect(begun.sort()).toEqual(['one', 'other']);
    // Those that wait may be taken back, too.
    one.write(Array.from({ length: 28 }, (_, at) => frame(RST, 0, 59 - at * 2, uint32(8))).join(''));
    const begunOf = (who: string): number =>
      upstream.seen.filter(({ target }) => target.startsWith(`/${who}/`)).length;
    await until('the other to have what all share', () => begunOf('other') === 6);
    expect(begunOf('one')).toBe(7);
    expect(upstream.faults).toEqual([]);
  });

  it('that wait too long are refused, so that their client may repeat them', async () => {
    const upstream = await startUpstream({
      behaviour: { kind: 'bytes', bytes: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n' },
    });
    const limits = { sharedStreams: 0, answerTime: '500ms' };
    const gateway = await startTestGateway([upstream], { limits });
    const client = FrameClient.open(gateway.port);
    client.write(Array.from({ length: 5 }, (_, at) => frame(HEADERS, 5, at * 2 + 1, get)).join(''));
    const refused = await client.frame(RST);
    expect([refused.stream, refused.payload.readUInt32BE(0)]).toEqual([9, 7]);
    expect(upstream.seen.length).toBe(4);
  });
});

describe('sending', () => {
  it('is fair: the streams share the connection’s window in pieces of 16 KiB, in turn', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'flood', bodyBytes: 3_000_000 } });
    const gateway = await startTestGateway([upstream]);
    const client = FrameClient.open(gateway.port, setting(4, 10_000_000));
    for (const id of [1, 3, 5]) client.write(frame(HEADERS, 5, id, get));
    const sentTo = (id: number): number =>
      client.frames
        .filter(({ type, stream }) => type === DATA && stream === id)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    await until('the default window to be used up', () => sentTo(1) + sentTo(3) + sentTo(5) === 65_535);
    await until('heads of all', () => [1, 3, 5].every((id) => client.find(HEADERS, id) !== undefined));
    const before = [1, 3, 5].map(sentTo);
    for (let round = 1; round <= 10; round++) {
      client.write(frame(WINDOW, 0, 0, uint32(3 * 16_384)));
      await until('more', () => sentTo(1) + sentTo(3) + sentTo(5) === 65_535 + round * 3 * 16_384);
    }
    const got = [1, 3, 5].map((id, at) => sentTo(id) - before[at]!);
    for (const bytes of got) expect(Math.abs(bytes - 10 * 16_384)).toBeLessThanOrEqual(2 * 16_384);
  });

  it('a stream whose own window is used up holds up nobody', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'answer', body: 'x'.repeat(30_000) } });
    const gateway = await startTestGateway([upstream]);
    const client = FrameClient.open(gateway.port, setting(4, 10));
    client.write(frame(HEADERS, 5, 1, get));
    await client.frame(DATA, 1);
    client.write(frame(SETTINGS, 0, 0, setting(4, 100_000)) + frame(WINDOW, 0, 1, uint32(1)));
    client.write(frame(HEADERS, 5, 3, get));
    await until('both', () =>
      [1, 3].every((id) => client.frames.some((each) => each.stream === id && each.flags === 1)),
    );
  });
});

describe('uploads that are stuck', () => {
  const piece = 'x'.repeat(16_384);

  async function start(limits: object): Promise<FrameClient> {
    const upstream = await startUpstream({
      behaviour: ({ target }) => (target === '/deaf' ? { kind: 'deaf' } : { kind: 'answer', body: 'ok' }),
    });
    const gateway = await startTestGateway([upstream], { limits });
    const client = FrameClient.open(gateway.port);
    // Each as far as its own window goes, and so often that the system's buffers are full.
    const deaf = block([':method', 'POST'], GET[1], [':path', '/deaf'], GET[3]);
    for (let at = 0; at < 10; at++) client.write(frame(HEADERS, 4, at * 2 + 1, deaf));
    return client;
  }

  it('do not stop their neighbours', async () => {
    const client = await start({});
    const credit = new Map<number, number>();
    let seen = 0;
    let total = 256 * 1024;
    for (let at = 0; at < 10; at++) credit.set(at * 2 + 1, 128 * 1024);
    let stillFor = 0;
    await until(
      'all to be stuck',
      () => {
        let hasMoved = false;
        for (; seen < client.frames.length; seen++) {
          const { type, stream, payload } = client.frames[seen]!;
          if (type !== WINDOW) continue;
          const bytes = payload.readUInt32BE(0);
          if (stream === 0) total += bytes;
          else credit.set(stream, credit.get(stream)! + bytes);
        }
        for (const [id, left] of credit) {
          if (left < piece.length || total < piece.length) continue;
          credit.set(id, left - piece.length);
          total -= piece.length;
          client.write(frame(DATA, 0, id, piece));
          hasMoved = true;
        }
        stillFor = hasMoved ? 0 : stillFor + 1;
        return stillFor > 40;
      },
      15_000,
    );
    // It is the streams that are stuck, and not the connection.
    for (const left of credit.values()) expect(left).toBeLessThan(piece.length);
    expect(total).toBeGreaterThan(100_000);
    client.write(frame(HEADERS, 4, 21, post) + frame(DATA, 1, 21, piece));
    await client.frame(HEADERS, 21);
  });
});

describe('what a request says', () => {
  it('of priority is passed on (RFC 9218)', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream]);
    await HTTP2.request(gateway.port, { headers: { priority: 'u=1, i' } });
    expect(upstream.seen[0]!.header('priority')).toBe('u=1, i');
  });

  it('a length of 0 is a body that ends with an empty frame', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream]);
    const client = FrameClient.open(gateway.port);
    client.write(frame(HEADERS, 4, 1, post + block(['content-length', '0'])) + frame(DATA, 1, 1, ''));
    await client.frame(DATA, 1);
    expect(upstream.seen[0]).toMatchObject({ method: 'POST', bodyBytes: 0 });
    client.write(frame(HEADERS, 5, 3, get));
    await client.frame(HEADERS, 3);
    expect(client.find(RST)?.payload.readUInt32BE(0) ?? 0).toBe(0);
  });

  it('stands in the log as HTTP/2', async () => {
    const gateway = await startTestGateway([await startUpstream()]);
    for (const { request } of CLIENT_SIDES) await request(gateway.port);
    expect(gateway.log.map(({ protocol }) => protocol)).toEqual(['HTTP/1.1', 'HTTP/2']);
  });
});

describe('frames, in whatever pieces they come', () => {
  it.each([
    ['a body with padding', frame(HEADERS, 4, 1, post) + frame(DATA, 9, 1, '\x03hello\0\0\0')],
    [
      'a body in frames, padding that is all, and trailers',
      frame(HEADERS, 4, 1, post) +
        frame(DATA, 0, 1, 'hel') +
        frame(DATA, 8, 1, '\x02\0\0') +
        frame(DATA, 0, 1, 'lo') +
        frame(HEADERS, 5, 1, block(['x-sum', '1'])),
    ],
    [
      'two requests and a frame of no known type',
      frame(HEADERS, 5, 1, get) + frame(0x42, 0, 0, 'abc') + frame(HEADERS, 5, 3, get),
    ],
  ])('make the same requests: %s', async (_, sent) => {
    const memory = await MemoryGateway.start();
    const beginning = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(SETTINGS, 0, 0, '')}`;
    const whole = await memory.converse([beginning + sent]);
    expect([whole.requests.length > 0, whole.faults]).toEqual([true, []]);
    for (const cuts of cutsOf(sent.length)) {
      const { requests, faults } = await memory.converse([beginning, ...pieces(sent, cuts)]);
      const cut = shownCut(sent, cuts);
      expect({ cut, requests, faults }).toEqual({ cut, requests: whole.requests, faults: [] });
    }
  });
});
