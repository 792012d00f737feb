import { describe, expect, it } from 'vitest';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();
const gateway = await startTestGateway([upstream], { affinity: ['cookie'] });

describe('fields between neighbours, towards the upstream', () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'TE',
    'Upgrade',
    'HTTP2-Settings',
  ])('%s goes no further', async (name) => {
    await request(gateway.port, { headers: { [name]: 'a' } });
    expect(upstream.seen.at(-1)!.header(name)).toBeUndefined();
  });

  it('what Connection names goes no further, in any case and over several fields', async () => {
    await request(gateway.port, {
      headers: [
        ['Connection', 'x-one, X-TWO'],
        ['X-One', '1'],
        ['x-two', '2'],
        ['Connection', '\t,X-Three ,'],
        ['X-Three', '3'],
        ['X-Four', '4'],
      ],
    });
    const seen = upstream.seen.at(-1)!;
    expect(['x-one', 'x-two', 'x-three', 'x-four'].map((name) => seen.header(name))).toEqual([
      undefined,
      undefined,
      undefined,
      '4',
    ]);
  });

  it.each([
    ['Authorization', 'Bearer a'],
    ['Cookie', 'a=b'],
    ['Content-Type', 'text/plain'],
  ])(
    "attack: Connection names %s, so that the upstream takes the request for another user's",
    async (name, value) => {
      await request(gateway.port, {
        method: 'POST',
        headers: { Connection: `close, ${name}`, [name]: value },
        body: 'a',
      });
      expect(upstream.seen.at(-1)!.header(name)).toBe(value);
    },
  );

  it.each(['Host', 'Content-Length', 'X-Forwarded-For', 'X-Real-IP', 'X-Request-Id'])(
    'attack: Connection names %s, so that the upstream misses it',
    async (name) => {
      await request(gateway.port, { method: 'POST', headers: { Connection: name }, body: 'a' });
      expect(upstream.seen.at(-1)!.header(name)).toBeDefined();
      expect(upstream.seen.at(-1)).toMatchObject({ isComplete: true, bodyBytes: 1 });
    },
  );

  it('everything else goes on in its order, spelling and number', async () => {
    const fields = [
      ['X-b', '2'],
      ['x-A', '1'],
      ['X-b', ' 3  4'],
      ['Accept', '*/*'],
      ['X-Odd', '\xe4"\\'],
      ['X-Empty', ''],
    ] as const;
    await request(gateway.port, { headers: fields });
    const names = new Set(fields.map(([name]) => name.toLowerCase()));
    expect(upstream.seen.at(-1)!.fields.filter(([name]) => names.has(name.toLowerCase()))).toEqual(
      fields.map(([name, value]) => [name, value.trim()]),
    );
  });
});

describe('fields between neighbours, towards the client', () => {
  it('go no further, nor does what Connection names', async () => {
    upstream.behaviour = {
      kind: 'bytes',
      bytes:
        'HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nConnection: keep-alive, X-One\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-One: 1\r\nX-Two: 2\r\nUpgrade: h2c\r\n\r\nok',
    };
    const answer = await request(gateway.port, { headers: { Cookie: 'a=b' } });
    expect([answer.status, answer.reason, answer.text()]).toEqual([200, 'Fine', 'ok']);
    expect(answer.fields.map(([name]) => name)).toEqual(['Content-Length', 'X-Two', 'Date', 'Set-Cookie']);
  });

  it("an upstream that names Set-Cookie in Connection takes nobody's binding away", async () => {
    upstream.behaviour = {
      kind: 'bytes',
      bytes:
        'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: set-cookie, content-length\r\nSet-Cookie: app=1\r\n\r\n',
    };
    const answer = await request(gateway.port);
    expect(answer.headers('set-cookie')).toEqual(['app=1', expect.stringMatching(/^[\w-]+=/)]);
    expect(answer.header('content-length')).toBe('0');
  });

  it("x-upstream and x-affinity are the gateway's alone", async () => {
    upstream.behaviour = {
      kind: 'bytes',
      bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Upstream: other\r\nx-affinity: bound\r\n\r\n',
    };
    const answer = await request(gateway.port);
    expect([answer.header('x-upstream'), answer.header('x-affinity')]).toEqual([undefined, undefined]);
  });
});
