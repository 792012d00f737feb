import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { CANCEL, frame } from '../../src/proxy/http2/frames.js';
import { block, FrameClient, GET } from '../support/http2-frames.js';
import { connect } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const TLS_FOLDER = fileURLToPath(new URL('tls/', import.meta.url));

const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});
async function setUp(behaviour: Parameters<typeof startUpstream>[0], settings: object = {}) {
  const upstream = await startUpstream(behaviour);
  const gateway = await startTestGateway([upstream], settings);
  gateways.push(gateway);
  return { upstream, gateway };
}

/** A FIN says that the client has gone: nothing else tells a gateway that nobody waits any more. */
describe('a client that closes while it waits', () => {
  it.each([
    ['for an answer', { kind: 'silent' } as const, {}],
    [
      'for an answer to a body that it has sent',
      { kind: 'silent' } as const,
      { method: 'POST', body: 'hello' },
    ],
    [
      'inside an answer',
      {
        kind: 'bytes',
        bytes: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n',
      } as const,
      {},
    ],
  ])('%s: the upstream is told at once, and the log says 499', async (_name, behaviour, options) => {
    const { upstream, gateway } = await setUp({ behaviour });
    const client = await connect(gateway.port);
    client.send(options);
    await until('the request', () => upstream.seen[0]?.isComplete === true);
    client.end();
    await until('the upstream to lose the connection', () => upstream.connections === 0);
    await until('the log', () => gateway.log.length === 1);
    expect(gateway.log).toMatchObject([{ status: 499 }]);
    await client.closed();
  });

  it('over TLS: the same', async () => {
    const tls = { cert: `${TLS_FOLDER}cert.pem`, key: `${TLS_FOLDER}key.pem` };
    const { upstream, gateway } = await setUp({ behaviour: { kind: 'silent' } }, { tls });
    const client = await connect(gateway.port, { tls: {} });
    client.send();
    await upstream.request();
    client.end();
    await until('the upstream to lose the connection', () => upstream.connections === 0);
    await until('the log', () => gateway.log.length === 1);
    expect(gateway.log).toMatchObject([{ status: 499 }]);
  });

  it('with requests behind: none of them is begun', async () => {
    const { upstream, gateway } = await setUp({ behaviour: { kind: 'silent' } });
    const client = await connect(gateway.port);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await upstream.request();
    client.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    client.destroy();
    await until('the upstream to lose the connection', () => upstream.connections === 0, 10_000);
    expect(upstream.requests).toBe(1);
  });

  it('gets its answer where halfClose: true says that it may still read', async () => {
    const { gateway } = await setUp(
      { behaviour: { kind: 'answer', body: 'late', delayMs: 50 } },
      { halfClose: true },
    );
    const client = await connect(gateway.port);
    client.send();
    client.end();
    const answer = await client.response();
    expect([answer.text(), answer.header('connection')]).toEqual(['late', 'close']);
    expect(await client.closed()).toBe('end');
  });

  it('keeps what was answered before: only what it still waits for ends', async () => {
    const { gateway } = await setUp({
      behaviour: (asked) => (asked.target === '/1' ? { kind: 'answer', body: 'one' } : { kind: 'silent' }),
    });
    const client = await connect(gateway.port);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.response()).text()).toBe('one');
    client.end();
    await until('the log', () => gateway.log.length === 2);
    expect(gateway.log.map(({ status }) => status)).toEqual([200, 499]);
  });

  it('and reads still, as nc does, gets an answer that comes at once, and a long one to its end', async () => {
    const { gateway, upstream } = await setUp({
      behaviour: { kind: 'answer', body: 'at once', delayMs: 30 },
    });
    const client = await connect(gateway.port);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    client.end();
    expect((await client.response()).text()).toBe('at once');
    expect((await client.response()).text()).toBe('at once');
    expect(await client.closed()).toBe('end');
    upstream.behaviour = { kind: 'flood', bodyBytes: 50_000_000 };
    const long = await connect(gateway.port);
    long.send();
    long.end();
    expect((await long.response(15_000)).body.length).toBe(50_000_000);
  });

  it('of an upgraded connection still hears the other side', async () => {
    const { gateway } = await setUp({});
    const client = await connect(gateway.port);
    expect((await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'test' } })).status).toBe(101);
    client.write('echo');
    client.end();
    expect((await client.raw(4)).toString()).toBe('echo');
    expect(await client.closed()).toBe('end');
  });
});

describe('a client on HTTP/2 that closes while it waits', () => {
  const begin = (port: number): FrameClient => {
    const client = FrameClient.open(port);
    client.write(frame(1, 5, 1, block(...GET)));
    return client;
  };

  it.each([
    ['for an answer', { kind: 'silent' } as const],
    [
      'inside an answer',
      {
        kind: 'bytes',
        bytes: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n',
      } as const,
    ],
  ])('%s: the upstream is told, the log says 499, and the connection ends', async (_name, behaviour) => {
    const { upstream, gateway } = await setUp({ behaviour });
    const client = begin(gateway.port);
    await until('the request', () => upstream.seen[0]?.isComplete === true);
    client.end();
    await until('the upstream to lose the connection', () => upstream.connections === 0);
    await until('the log', () => gateway.log.length === 1);
    expect(gateway.log).toMatchObject([{ status: 499, protocol: 'HTTP/2' }]);
    await client.closed();
    expect(client.find(3, 1)!.payload.readUInt32BE()).toBe(CANCEL);
  });

  it.each([
    ['that comes soon', 50, {}],
    ['however late, where halfClose: true says so', 900, { halfClose: true }],
  ])('gets an answer %s', async (_name, delayMs, settings) => {
    const { gateway } = await setUp({ behaviour: { kind: 'answer', body: 'late', delayMs } }, settings);
    const client = begin(gateway.port);
    client.end();
    expect((await client.frame(0, 1)).payload.toString()).toBe('late');
    await client.closed();
    expect(gateway.log).toMatchObject([{ status: 200 }]);
  });
});
