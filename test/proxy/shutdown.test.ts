import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/control/index.js';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { Engine } from '../../src/proxy/wire.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { Newcomers } from '../support/newcomers.js';
import { accepts } from '../support/ports.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { settingsOf, startTestGateway } from './gateway.js';

describe('closing', () => {
  it('takes no more connections, finishes what runs, and says so', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'answer', body: 'slow', delayMs: 300 } });
    const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' });
    const client = await connect(gateway.port);
    client.send();
    await upstream.request();
    let isClosed = false;
    const closed = gateway.close().then(() => (isClosed = true));
    // What had reached the port is let in; then it is closed, while the answer is still due.
    await until('the port to be closed', async () => !(await accepts(gateway.port)));
    expect(isClosed).toBe(false);
    const answer = await client.response();
    expect([answer.text(), answer.header('connection')]).toEqual(['slow', 'close']);
    expect(await client.closed()).toBe('end');
    client.destroy();
    await closed;
  });

  it('answers whoever comes while the port is being closed when it is: then nobody comes back too late', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' });
    const clients = new Newcomers(gateway.port, 24);
    await until('some load', () => clients.fates.answered > 100);
    const before = clients.fates.answered;
    await gateway.close();
    const { answered, refused, lost } = await clients.gone();
    expect([refused, lost]).toEqual([24, []]);
    // One answer to the request in progress, and one to the connection that came then.
    expect(answered - before).toBeLessThanOrEqual(48);
  });

  it('closes idle connections in order, but answers a request that was on its way', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' });
    const [idle, late] = [await connect(gateway.port), await connect(gateway.port)];
    for (const client of [idle, late]) await client.request();
    const closed = gateway.close();
    const answer = await late.request();
    expect([answer.status, answer.header('connection')]).toEqual([200, 'close']);
    expect(await idle.closed()).toBe('end');
    idle.destroy();
    late.destroy();
    await closed;
  });

  it('gives a connection that is accepted late as long for its first request as the others had', async () => {
    const upstream = await startUpstream();
    const clock = createManualClock();
    let letGo: (() => void) | undefined;
    // The port stays open after the gateway began to close, as it does while the system has connections left.
    const engine: Engine = {
      ...nodeEngine,
      async listen(target, accept) {
        const listener = await nodeEngine.listen(target, accept);
        return { ...listener, close: (done) => (letGo = () => listener.close(done)) };
      },
    };
    const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' }, { clock, engine });
    const closed = gateway.close();
    clock.advance(450);
    const late = await connect(gateway.port);
    clock.advance(400);
    // The end of the turn, in which idle connections are closed, has passed when another client is answered.
    expect((await request(gateway.port)).status).toBe(200);
    expect((await late.request()).status).toBe(200);
    const idle = await connect(gateway.port);
    clock.advance(600);
    expect(await idle.closed()).toBe('end');
    for (const client of [late, idle]) client.destroy();
    letGo!();
    await closed;
  });

  it('is over for everyone who asked only when it is over', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'answer', delayMs: 100 } });
    const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' });
    const client = await connect(gateway.port);
    client.send();
    await upstream.request();
    const both = [gateway.close(), gateway.close()];
    void client.response().then(() => client.destroy());
    await both[1];
    expect(gateway.log).toHaveLength(1);
    await both[0];
  });

  it('ends at the grace what has not ended: cut, so that nothing looks whole', async () => {
    const upstream = await startUpstream({
      behaviour: { kind: 'bytes', bytes: 'HTTP/1.1 200 OK\r\n\r\nhello' },
    });
    const gateway = await startTestGateway([upstream], { shutdownGrace: '100ms' });
    const client = await connect(gateway.port);
    // For HTTP/1.0 the end of the connection is the end of the answer.
    client.write('GET / HTTP/1.0\r\n\r\n');
    await until('the beginning', () => client.received.includes('hello'));
    await gateway.close();
    expect(await client.closed()).toBe('reset');
    await until('the upstream to lose the connection', () => upstream.connections === 0);
  });

  it.each(['GET', 'POST'])(
    'under load nothing fails: each %s is answered, or its connection was closed in order before it was sent',
    async (method) => {
      const upstream = await startUpstream();
      const gateway = await startTestGateway([upstream], { shutdownGrace: '10s' });
      let answered = 0;
      const workers = Array.from({ length: 8 }, async () => {
        const client = await connect(gateway.port);
        for (;;) {
          const answer = await client.request({ method, body: 'a' });
          expect(answer.status).toBe(200);
          answered++;
          if (answer.header('connection') === 'close') break;
        }
        expect(await client.closed()).toBe('end');
        client.destroy();
      });
      await until('some load', () => answered > 200);
      await gateway.close();
      await Promise.all(workers);
      expect(upstream.faults).toEqual([]);
    },
  );
});

describe('a reload', () => {
  it('under load fails no request, also of an upstream that leaves', async () => {
    const [stays, leaves] = [
      await startUpstream({ id: 'stays' }),
      await startUpstream({ id: 'leaves', behaviour: { kind: 'answer', delayMs: 10 } }),
    ];
    const gateway = await startTestGateway([stays, leaves]);
    let answered = 0;
    let isDone = false;
    const workers = Array.from({ length: 4 }, async () => {
      const client = await connect(gateway.port);
      while (!isDone) {
        expect((await client.request({ method: 'POST', body: 'a' })).status).toBe(200);
        answered++;
      }
    });
    await until('some load', () => answered > 50);
    await gateway.operations.reload(readConfig(settingsOf([stays])));
    const { requests } = leaves;
    const before = answered;
    await until('more load', () => answered > before + 50);
    isDone = true;
    await Promise.all(workers);
    expect(leaves.requests).toBe(requests);
    expect(leaves.seen.every((seen) => seen.isComplete)).toBe(true);
    await until('the connections of the one that left to be closed', () => leaves.connections === 0);
  });

  it('changes limits and expose from the next request on', async () => {
    const upstream = await startUpstream();
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port);
    expect((await client.request()).header('x-upstream')).toBeUndefined();
    await gateway.operations.reload(
      readConfig(settingsOf([upstream], { expose: true, limits: { fields: 10 } })),
    );
    expect((await client.request()).header('x-upstream')).toBe(upstream.id);
    expect(
      (
        await request(gateway.port, {
          headers: Array.from({ length: 11 }, (_, at) => [`X-${at}`, 'a'] as const),
        })
      ).status,
    ).toBe(431);
  });
});
