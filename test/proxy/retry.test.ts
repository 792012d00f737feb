import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { CLIENT_SIDES } from '../support/client-sides.js';
import type { RequestOptions } from '../support/raw-client.js';
import { startUpstream, startUpstreams, type Behaviour, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/** Two upstreams, the first of which is asked first. */
async function startPair(
  behaviour: Behaviour,
  settings: object = {},
): Promise<{ gateway: TestGateway; first: FakeUpstream; second: FakeUpstream }> {
  const [first, second] = (await startUpstreams(2)) as [FakeUpstream, FakeUpstream];
  first.behaviour = behaviour;
  return { gateway: await startTestGateway([first, second], settings), first, second };
}

const DROP = { kind: 'drop' } as const;

describe.each(CLIENT_SIDES)('over $version', (side) => {
  describe('an upstream that refuses connections', () => {
    it.each<RequestOptions>([
      {},
      { method: 'POST', body: 'hello' },
      { method: 'PATCH', body: 'a'.repeat(300_000) },
    ])('is left for the next, whatever the request: %#', async (options) => {
      const { gateway, first, second } = await startPair(DROP);
      await first.stop();
      const answer = await side.request(gateway.port, options);
      expect([answer.status, answer.header('x-served-by')]).toEqual([200, second.id]);
      expect((await second.request()).bodyBytes).toBe(options.body?.length ?? 0);
      expect(gateway.log).toMatchObject([{ upstream: second.id, tries: 2, fault: 'connect' }]);
    });

    it('is 503 with Retry-After when there is no other', async () => {
      const gateway = await startTestGateway({
        gone: (await startPair(DROP).then(async ({ first }) => (await first.stop(), first))).url,
      });
      const answer = await side.request(gateway.port);
      expect(answer.status).toBe(503);
      expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
    });
  });

  describe('an upstream that breaks off before it answers', () => {
    it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])(
      'costs a %s nothing: the next one is asked',
      async (method) => {
        const { gateway, first, second } = await startPair({ kind: 'drop', isReset: true });
        const answer = await side.request(gateway.port, { method });
        expect([answer.status, answer.header('x-served-by')]).toEqual([200, second.id]);
        expect([first.requests, second.requests]).toEqual([1, 1]);
      },
    );

    it.each(['POST', 'PATCH', 'LOCK'])(
      'leaves a %s undecided: 502, and it is not repeated',
      async (method) => {
        const { gateway, first, second } = await startPair(DROP);
        const answer = await side.request(gateway.port, { method, body: 'hello' });
        expect([answer.status, answer.text()]).toEqual([502, '502 Bad Gateway: upstream-closed\n']);
        expect([first.requests, second.requests]).toEqual([1, 0]);
        expect(gateway.log).toMatchObject([{ status: 502, fault: 'closed', tries: 1 }]);
      },
    );

    it('a small body is repeated whole', async () => {
      const { gateway, second } = await startPair(DROP);
      await side.request(gateway.port, { method: 'PUT', body: 'hello world' });
      expect((await second.request()).body.toString()).toBe('hello world');
    });

    it('a small body of unknown length is repeated whole, with its trailers', async () => {
      const { gateway, first, second } = await startPair({ kind: 'drop', at: 'head' });
      const client = await side.open(gateway.port);
      const request = client.begin({ method: 'PUT' }, true);
      request.write('hello');
      await until('the first upstream to break off', () => first.requests === 1 && second.requests === 1);
      request.write(' world');
      request.end([['x-sum', '9']]);
      expect((await request.answer()).status).toBe(200);
      const seen = await second.request();
      expect([seen.body.toString(), seen.trailers]).toEqual(['hello world', [['x-sum', '9']]]);
    });

    it('a body above keptBodyBytes is not repeated: 502', async () => {
      const { gateway, second } = await startPair(DROP, { limits: { keptBodyBytes: 1024 } });
      expect((await side.request(gateway.port, { method: 'PUT', body: 'a'.repeat(1024) })).status).toBe(200);
      second.behaviour = DROP;
      const before = second.requests;
      // Whoever is asked first breaks off.
      expect((await side.request(gateway.port, { method: 'PUT', body: 'a'.repeat(1025) })).status).toBe(502);
      expect(second.requests - before).toBeLessThan(2);
      expect(gateway.log.at(-1)).toMatchObject({ tries: 1 });
    });

    it.each([
      ['an answer that is no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
      ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
      ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
      [
        'a change of protocol that nobody asked for',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nbytes',
      ],
    ])('%s is as good as none', async (_name, bytes) => {
      const { gateway, first, second } = await startPair({ kind: 'bytes', bytes });
      const client = await side.open(gateway.port);
      const answer = await client.request();
      expect([answer.status, answer.header('x-served-by')]).toEqual([200, second.id]);
      first.behaviour = { kind: 'answer' };
      for (let turn = 0; turn < 4; turn++) expect((await client.request()).status).toBe(200);
      expect(second.requests + first.requests).toBe(6);
      expect(gateway.log).toHaveLength(5);
    });

    it('is 502 when no other is left', async () => {
      const { gateway, second } = await startPair(DROP);
      second.behaviour = {
        kind: 'bytes',
        bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n',
      };
      const answer = await side.request(gateway.port);
      expect([answer.status, answer.text()]).toEqual([502, '502 Bad Gateway: upstream-upgrade\n']);
    });
  });

  describe('the number of tries', () => {
    it.each([1, 3])('is bounded by the limit: %i of 5', async (tries) => {
      const upstreams = await startUpstreams(5);
      for (const upstream of upstreams) upstream.behaviour = DROP;
      const gateway = await startTestGateway(upstreams, { limits: { tries } });
      expect((await side.request(gateway.port)).status).toBe(502);
      expect(upstreams.reduce((sum, upstream) => sum + upstream.requests, 0)).toBe(tries);
      expect(gateway.log).toMatchObject([{ tries }]);
    });
  });

  describe('once an answer has begun', () => {
    it('nothing is repeated: the client sees it cut', async () => {
      const { gateway, second } = await startPair({ kind: 'cut', framing: 'length' });
      expect(await side.request(gateway.port)).toMatchObject({ status: 200, isWhole: false });
      expect(second.requests).toBe(0);
    });

    it('nor after a 504: the upstream may still be at it', async () => {
      const { gateway, second } = await startPair({ kind: 'silent' }, { limits: { answerTime: '100ms' } });
      expect((await side.request(gateway.port)).status).toBe(504);
      expect(second.requests).toBe(0);
    });
  });

  describe('keep-alive races', () => {
    /** An upstream that has a connection waiting and is about to close it. */
    async function startWaiting(): Promise<{ gateway: TestGateway; upstream: FakeUpstream }> {
      const upstream = await startUpstream();
      const gateway = await startTestGateway([upstream], { passive: { maxFails: 1, failTimeout: '1h' } });
      expect((await side.request(gateway.port)).status).toBe(200);
      return { gateway, upstream };
    }

    it('a connection that closes on the request is no failure: a GET goes out on a new one, to the same upstream', async () => {
      const { gateway, upstream } = await startWaiting();
      const behaviours: Behaviour[] = [DROP];
      upstream.behaviour = () => behaviours.shift() ?? { kind: 'answer' };
      expect((await side.request(gateway.port)).status).toBe(200);
      expect([upstream.accepted, gateway.log.at(-1)!.tries]).toEqual([2, 1]);
      // One failure would have taken the upstream down.
      expect((await side.request(gateway.port)).status).toBe(200);
    });

    it.each(['GET', 'POST'])(
      'a connection that the upstream has closed already carries no %s',
      async (method) => {
        const { gateway, upstream } = await startWaiting();
        for (let turn = 0; turn < 20; turn++) {
          const client = await side.open(gateway.port);
          // Both are in the gateway's hands at once: the end of the one connection and the request on the
          // other.
          upstream.endConnections();
          expect((await client.request({ method, body: 'a' })).status).toBe(200);
          client.close();
        }
        expect(upstream.faults).toEqual([]);
      },
    );

    it('a POST goes out on a new connection when the waiting one may be stale', async () => {
      const { gateway, upstream } = await startWaiting();
      const startedAt = performance.now();
      await until('the connection to be more than a second old', () => performance.now() - startedAt > 1050);
      expect((await side.request(gateway.port, { method: 'POST', body: 'a' })).status).toBe(200);
      expect(upstream.accepted).toBe(2);
    });

    it('a connection is not used longer than its upstream says it is kept', async () => {
      const upstream = await startUpstream({
        behaviour: { kind: 'answer', headers: [['Keep-Alive', 'timeout=1']] },
      });
      const gateway = await startTestGateway([upstream]);
      for (let turn = 0; turn < 3; turn++) expect((await side.request(gateway.port)).status).toBe(200);
      expect(upstream.accepted).toBe(3);
    });

    it("attack: bytes behind an answer, to be taken for the next client's", async () => {
      const { gateway, upstream } = await startWaiting();
      upstream.behaviour = {
        kind: 'bytes',
        bytes:
          'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned',
      };
      expect((await side.request(gateway.port)).text()).toBe('ok');
      upstream.behaviour = { kind: 'answer', body: 'good' };
      expect((await side.request(gateway.port)).text()).toBe('good');
      expect(upstream.accepted).toBe(2);
    });

    it("attack: an answer on a connection that waits, to be taken for the next request's", async () => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'));
      });
      const port = await freePort();
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      afterAll(() => void server.close());
      const gateway = await startTestGateway({ evil: `http://127.0.0.1:${port}` });
      for (let turn = 0; turn < 20; turn++) {
        const client = await side.open(gateway.port);
        // The gateway finds both at once: the false answer on the one connection, the request on the other.
        for (const socket of sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned');
        expect((await client.request({ method: turn % 2 === 0 ? 'GET' : 'POST', body: 'a' })).text()).toBe(
          'good',
        );
        client.close();
      }
      await gateway.close();
    });
  });
});
