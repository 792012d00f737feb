import { afterEach, describe, expect, it } from 'vitest';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import type { Engine, Wire } from '../../src/proxy/wire.js';
import { request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const gateways: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});

/** A connection that can't be tried, as node:net tells it: what it lacks is here. */
function lacking(code: string, handler: { onClose(error: Error | undefined): void }): Wire {
  queueMicrotask(() => handler.onClose(Object.assign(new Error(`connect ${code}`), { code })));
  return {
    remoteAddress: '',
    isOpen: false,
    bufferedBytes: 0,
    writeText() {},
    write() {},
    cork() {},
    uncork() {},
    pause() {},
    resume() {},
    end() {},
    destroy() {},
    reset() {},
  } as unknown as Wire;
}

describe.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOMEM', 'ENOBUFS'])('own shortage: %s', (code) => {
  it('is no failure of an upstream: none goes down, nobody is moved, and all are served when it is over', async () => {
    const upstreams = await startUpstreams(2);
    let isShort = false;
    const engine: Engine = {
      listen: nodeEngine.listen,
      connect: (target, handler) => (isShort ? lacking(code, handler) : nodeEngine.connect(target, handler)),
    };
    const gateway = await startTestGateway(
      upstreams,
      {
        keys: ['a key for tests, of thirty-two characters or more'],
        affinity: ['cookie'],
        passive: { maxFails: 1, failTimeout: '1h' },
        limits: { upstreamIdleConnections: 0 },
      },
      { engine },
    );
    gateways.push(gateway);
    const first = await request(gateway.port);
    const headers = { Cookie: first.header('set-cookie')!.split(';')[0]! };
    isShort = true;
    for (let turn = 0; turn < 10; turn++) {
      const answer = await request(gateway.port, { headers });
      expect([answer.status, answer.header('set-cookie')]).toEqual([503, undefined]);
      expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
    }
    expect(gateway.log.filter(({ to }) => to !== undefined)).toEqual([]);
    expect(gateway.log.at(-1)).toMatchObject({ fault: 'local', cause: code });
    isShort = false;
    const after = await request(gateway.port, { headers });
    expect([after.status, after.header('x-served-by')]).toEqual([200, first.header('x-served-by')]);
  });
});
