import { describe, expect, it } from 'vitest';
import { connect, request } from '../support/raw-client.js';
import { REQUEST_FIELDS } from '../../src/control/log-fields.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();

describe('the access log', () => {
  it('has a line for each request, without the query', async () => {
    const gateway = await startTestGateway([upstream], {
      affinity: ['cookie', { header: 'x-user-id' }],
      trustedProxies: ['127.0.0.1'],
    });
    const answer = await request(gateway.port, {
      method: 'POST',
      target: '/cart/7?token=secret',
      headers: { Host: 'shop.example:8080', 'X-User-Id': 'u1', 'X-Request-Id': 'r1' },
      body: 'hello',
    });
    expect(gateway.log).toEqual([
      {
        level: 30,
        requestId: 'r1',
        client: '127.0.0.1',
        protocol: 'HTTP/1.1',
        method: 'POST',
        host: 'shop.example:8080',
        path: '/cart/7',
        status: 200,
        route: 'default',
        upstream: upstream.id,
        outcome: 'keyed',
        rule: 'header',
        tries: 1,
        requestBytes: 5,
        answeredBytes: answer.head.length + answer.body.length,
        answerMs: expect.any(Number) as number,
        totalMs: expect.any(Number) as number,
      },
    ]);
    const { answerMs, totalMs } = gateway.log[0] as { answerMs: number; totalMs: number };
    expect(totalMs).toBeGreaterThanOrEqual(answerMs);
    expect(answerMs).toBeGreaterThan(0);
  });

  it('counts the bytes of each answer of a connection on its own, and of bodies without their framing', async () => {
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
    const answers = [await client.response(), await client.request()];
    expect(gateway.log).toMatchObject(
      answers.map((answer, at) => ({
        requestBytes: at === 0 ? 5 : 0,
        answeredBytes: answer.head.length + answer.body.length,
      })),
    );
  });

  it('has the fields of the table, in its order', async () => {
    const gateway = await startTestGateway([upstream], { affinity: [{ header: 'x-user-id' }] });
    await request(gateway.port, { headers: { 'X-User-Id': 'u1' } });
    upstream.behaviour = { kind: 'drop' };
    await request(gateway.port, { method: 'POST', body: 'a' });
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    client.write('GET / HTTP/1.1\r\n\r\n');
    await client.response();
    const order = REQUEST_FIELDS.map(({ name }) => name);
    expect(gateway.log).toHaveLength(3);
    for (const line of gateway.log) {
      const names = Object.keys(line);
      expect(names).toEqual(order.filter((name) => names.includes(name)));
    }
  });

  it('says why a head was refused, and by whom it was sent', async () => {
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port, { localAddress: '127.0.0.7' });
    client.write('GET / HTTP/1.1\r\n\r\n');
    expect((await client.response()).text()).toBe('400 Bad Request: host-missing\n');
    expect(gateway.log).toEqual([{ level: 30, client: '127.0.0.7', status: 400, refused: 'host-missing' }]);
  });

  it('holds requests that found no upstream, and those that found no route', async () => {
    const gone = await startUpstream({ id: 'gone' });
    await gone.stop();
    const gateway = await startTestGateway([], {
      pools: { api: { upstreams: { gone: gone.url } } },
      routes: [{ match: { path: '/api' }, pool: 'api', affinity: [] }],
    });
    await request(gateway.port, { target: '/api' });
    await request(gateway.port, { target: '/' });
    expect(gateway.log).toMatchObject([
      { status: 503, route: '/api', outcome: 'rejected', why: 'down', fault: 'connect', tries: 1 },
      { status: 404, path: '/', tries: 0 },
    ]);
  });

  it('is off where it is off', async () => {
    const gateway = await startTestGateway([upstream], { accessLog: false });
    await request(gateway.port);
    const client = await connect(gateway.port);
    client.write('nonsense\r\n\r\n');
    await client.closed();
    expect(gateway.log).toEqual([]);
  });

  it('writes an upgraded connection when it is over', async () => {
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port);
    await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'test' } });
    expect(gateway.log).toEqual([]);
    client.destroy();
    await until('the line', () => gateway.log.length === 1);
    expect(gateway.log).toMatchObject([{ status: 101, upstream: upstream.id }]);
  });
});

describe('expose', () => {
  it('tells the client which upstream answered and why, also when none did', async () => {
    const gateway = await startTestGateway([upstream], { expose: true, affinity: [{ header: 'x-user-id' }] });
    const keyed = await request(gateway.port, { headers: { 'X-User-Id': 'u1' } });
    expect([keyed.header('x-upstream'), keyed.header('x-affinity')]).toEqual([
      upstream.id,
      'keyed by header',
    ]);
    const balanced = await request(gateway.port);
    expect([balanced.header('x-upstream'), balanced.header('x-affinity')]).toEqual([upstream.id, 'balanced']);
    upstream.behaviour = { kind: 'drop' };
    const failed = await request(gateway.port, { method: 'POST', body: 'a' });
    expect([failed.status, failed.header('x-upstream'), failed.header('x-affinity')]).toEqual([
      502,
      upstream.id,
      'balanced',
    ]);
    upstream.behaviour = { kind: 'answer' };
  });

  it('is silent by default', async () => {
    const answer = await request((await startTestGateway([upstream])).port);
    expect([answer.header('x-upstream'), answer.header('x-affinity')]).toEqual([undefined, undefined]);
  });
});
