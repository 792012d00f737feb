import { describe, expect, it } from 'vitest';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { Engine, Wire } from '../../src/proxy/wire.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const upstream = await startUpstream();
const gateway = await startTestGateway([upstream], {
  limits: {
    headBytes: 2048,
    fields: 10,
    headTime: '200ms',
    idleTime: '200ms',
    bodyIdleTime: '200ms',
    answerTime: '200ms',
    tunnelIdleTime: '1s',
    upstreamIdleTime: '100ms',
  },
});
const fields = (count: number): string => Array.from({ length: count }, (_, at) => `X-${at}: a\r\n`).join('');

/** What a test has seen closed is counted at an upstream of its own. */
async function startAlone(): Promise<[FakeUpstream, TestGateway]> {
  const lone = await startUpstream({ id: 'lone' });
  return [
    lone,
    await startTestGateway([lone], { limits: { bodyIdleTime: '200ms', upstreamIdleTime: '100ms' } }),
  ];
}

describe('the size of a head', () => {
  it('is 431 above the limit, also before its end has come, and fits at the limit', async () => {
    const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-A: ';
    for (const [bytes, status] of [
      [2048, 200],
      [2049, 431],
    ] as const) {
      const client = await connect(gateway.port);
      client.write(`${head}${'a'.repeat(bytes - head.length - 4)}\r\n\r\n`);
      expect((await client.response()).status).toBe(status);
    }
    const endless = await connect(gateway.port);
    endless.write(head + 'a'.repeat(2048));
    expect((await endless.response()).status).toBe(431);
    expect(await endless.closed()).toBe('end');
  });

  it('is counted in fields too', async () => {
    for (const [count, status] of [
      [10, 200],
      [11, 431],
    ] as const) {
      const client = await connect(gateway.port);
      client.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields(count - 1)}\r\n`);
      expect((await client.response()).status).toBe(status);
    }
  });

  it.each([
    ['bytes', `X-A: ${'a'.repeat(3000)}\r\n`, 'head-too-large'],
    ['fields', fields(11), 'too-many-fields'],
  ])('is bounded for answers as well: 502 for too many %s', async (_name, lines, fault) => {
    upstream.behaviour = { kind: 'bytes', bytes: `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${lines}\r\n` };
    const answer = await request(gateway.port);
    expect([answer.status, answer.text()]).toEqual([502, `502 Bad Gateway: upstream-${fault}\n`]);
  });
});

describe('attack: slow loris', () => {
  it('a head that drips in is cut at the head time limit, however steadily it drips', async () => {
    const client = await connect(gateway.port);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nX-A: ');
    await until('the gateway to lose patience', () => {
      client.write('a');
      return client.isClosed;
    });
    expect((await client.response()).status).toBe(408);
  });

  it('so is the second head on a connection', async () => {
    upstream.behaviour = { kind: 'answer' };
    const client = await connect(gateway.port);
    expect((await client.request()).status).toBe(200);
    await until('the gateway to lose patience', () => {
      client.write('G');
      return client.isClosed;
    });
    expect((await client.response()).status).toBe(408);
  });

  it('a connection that never says anything is closed without a word', async () => {
    const client = await connect(gateway.port);
    expect(await client.closed()).toBe('end');
    expect(client.received).toBe('');
  });

  it('a body that stops is answered with 408, and cut upstream', async () => {
    const [lone, { port }] = await startAlone();
    const client = await connect(port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
    expect((await client.response()).status).toBe(408);
    await until('the upstream to lose the connection', () => lone.connections === 0);
    expect(lone.seen).toMatchObject([{ isComplete: false, bodyBytes: 5 }]);
  });

  it('a body that drips is not cut', async () => {
    const client = await connect(gateway.port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n');
    const startedAt = performance.now();
    let sent = 0;
    await until('40 bytes, one each 15 ms', () => {
      if (performance.now() - startedAt > sent * 15) {
        client.write('a');
        sent++;
      }
      return sent === 40;
    });
    expect((await client.response()).json()).toMatchObject({ bodyBytes: 40 });
  });

  // Passive health counts failures of an upstream; a client that stalls must not be able to take upstreams
  // away from everybody else.
  it('bodies that stop are held against the client, not against the upstream', async () => {
    const careful = await startTestGateway([upstream], {
      passive: { maxFails: 1, failTimeout: '1h' },
      limits: { bodyIdleTime: '200ms' },
    });
    expect((await request(careful.port)).status).toBe(200);
    for (let turn = 0; turn < 3; turn++) {
      // The connection upstream is older than the client's: its limit is looked at first.
      const client = await connect(careful.port);
      client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
      expect((await client.response()).status).toBe(408);
      expect((await request(careful.port)).status).toBe(200);
    }
  });
});

describe('time', () => {
  it('a connection without a request is closed in order', async () => {
    const client = await connect(gateway.port);
    await client.request();
    expect(await client.closed()).toBe('end');
  });

  it('an upstream that does not answer is 504', async () => {
    upstream.behaviour = { kind: 'silent' };
    const answer = await request(gateway.port);
    expect([answer.status, answer.text()]).toEqual([504, '504 Gateway Timeout: upstream-timeout\n']);
    expect(gateway.log.at(-1)).toMatchObject({ fault: 'answer-timeout', tries: 1 });
  });

  it('an answer that stops is cut', async () => {
    upstream.behaviour = { kind: 'bytes', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello' };
    const client = await connect(gateway.port);
    client.send();
    expect(await client.closed()).toBe('end');
    expect(client.received).toMatch(/hello$/);
    expect(gateway.log.at(-1)).toMatchObject({ status: 200, fault: 'body-timeout' });
  });

  it('a client that does not take its answer is let go, and so is the upstream', async () => {
    const [lone, { port, log }] = await startAlone();
    lone.behaviour = { kind: 'flood', bodyBytes: 100_000_000 };
    const client = await connect(port);
    client.socket.pause();
    client.send();
    await until('the flood', () => lone.connections === 1);
    await until('the upstream to lose the connection', () => lone.connections === 0);
    expect(log).toMatchObject([{ status: 499 }]);
    client.destroy();
  });

  it('an upgraded connection that nobody uses is closed, one that is used stays', async () => {
    upstream.behaviour = { kind: 'answer' };
    const [quiet, busy] = [await connect(gateway.port), await connect(gateway.port)];
    for (const client of [quiet, busy])
      expect((await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'test' } })).status).toBe(
        101,
      );
    await until('the quiet one to be closed', async () => {
      busy.write('a');
      await busy.raw(1);
      return quiet.isClosed;
    });
    busy.write('b');
    expect((await busy.raw(1)).toString()).toBe('b');
    busy.destroy();
  });

  it('an unused connection to an upstream is closed', async () => {
    const [lone, { port }] = await startAlone();
    await request(port);
    expect(lone.connections).toBe(1);
    await until('it to be closed', () => lone.connections === 0);
  });

  it('an upstream that takes no connection is left for the next one, and 503 when there is none', async () => {
    const nowhere = await startUpstream({ id: 'nowhere' });
    const engine: Engine = {
      listen: nodeEngine.listen,
      connect: (target, handler) =>
        target.port === nowhere.port ? silence(handler) : nodeEngine.connect(target, handler),
    };
    const limits = { connectTime: '100ms' };
    const both = await startTestGateway([nowhere, upstream], { limits }, { engine });
    expect((await request(both.port, { method: 'POST', body: 'a' })).header('x-served-by')).toBe(upstream.id);
    const one = await startTestGateway([nowhere], { limits }, { engine });
    const answer = await request(one.port);
    expect(answer.status).toBe(503);
    expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
    expect(one.log.at(-1)).toMatchObject({ fault: 'connect-timeout' });
    expect(nowhere.accepted).toBe(0);
  });
});

describe('connections', () => {
  it('more than the limit are closed at once, and taken again when others have gone', async () => {
    const small = await startTestGateway([upstream], { limits: { connections: 2 } });
    const first = await connect(small.port);
    const second = await connect(small.port);
    expect((await first.request()).status).toBe(200);
    expect((await second.request()).status).toBe(200);
    const third = await connect(small.port);
    await third.closed();
    expect(third.received).toBe('');
    first.destroy();
    const fourth = await until('room for another', async () => {
      const client = await connect(small.port);
      return await client.request().then(
        () => client,
        () => undefined,
      );
    });
    expect((await fourth.request()).status).toBe(200);
  });

  it('none is kept to an upstream where the limit says so', async () => {
    const shy = await startTestGateway([upstream], { limits: { upstreamIdleConnections: 0 } });
    const before = upstream.accepted;
    const client = await connect(shy.port);
    for (let turn = 0; turn < 3; turn++) expect((await client.request()).status).toBe(200);
    expect(upstream.accepted - before).toBe(3);
  });
});

/** A connection that is never made: what a full backlog, or a firewall that drops packets, looks like. */
function silence(handler: { onClose(error: Error | undefined): void }): Wire {
  const close = (): void => queueMicrotask(() => handler.onClose(undefined));
  return {
    remoteAddress: '',
    isOpen: true,
    bufferedBytes: 0,
    writeText() {},
    write() {},
    cork() {},
    uncork() {},
    pause() {},
    resume() {},
    end() {},
    destroy: close,
    reset: close,
  };
}
