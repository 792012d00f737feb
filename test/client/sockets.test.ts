import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { createClient, type CallError, type Client } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { startUpstreamProcess } from '../support/upstream-process.js';

async function setUp(
  options: object = {},
): Promise<{ client: Client; first: FakeUpstream; second: FakeUpstream; third: FakeUpstream }> {
  const upstreams = await startUpstreams(3);
  const client = createClient({
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    placement: 'ring',
    ...options,
  });
  const [first, second, third] = client
    .candidates('42')
    .map((id) => upstreams.find((upstream) => upstream.id === id)!) as [
    FakeUpstream,
    FakeUpstream,
    FakeUpstream,
  ];
  return { client, first, second, third };
}

/**
 * A client whose only upstream begins as it is told, goes no further, and notes when its connection is given
 * up.
 */
async function stalled(begins: 'nothing' | 'an endless body', options: object = {}) {
  const state = { requests: 0, givenUp: 0 };
  const server = createServer((_, response) => {
    state.requests++;
    response.on('close', () => state.givenUp++);
    if (begins === 'nothing') return;
    const more = (): void => void response.write(Buffer.alloc(64 * 1024));
    response.on('drain', more);
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => (server.closeAllConnections(), void server.close()));
  const client = createClient({
    upstreams: { 'api-1': `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    placement: 'ring',
    ...options,
  });
  return { client, state };
}

async function failure(call: Promise<unknown>): Promise<CallError> {
  return await call.then(
    (answer) => Promise.reject(new Error(`There was an answer: ${String(answer)}`)),
    (error) => error,
  );
}

describe('an upstream', () => {
  it('that is killed loses its users to their backups, and has them again when it is back', async () => {
    const processes = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstreamProcess(id)));
    const urls = Object.fromEntries(processes.map(({ url }, at) => [`api-${at + 1}`, url]));
    const client = createClient({
      upstreams: urls,
      placement: 'ring',
      passive: { maxFails: 1, failTimeout: '200ms' },
    });
    const ask = async (): Promise<string> =>
      ((await (await client.fetch('user:7', '/load-balancer-test')).json()) as { service_name: string })
        .service_name;
    const [owner, backup] = client.candidates('user:7') as [string, string];
    expect(await ask()).toBe(owner);

    const victim = processes[Number(owner.at(-1)) - 1]!;
    victim.kill();
    await victim.waitForExit();
    for (let at = 0; at < 3; at++) expect(await ask()).toBe(backup);
    expect(client.upstreams.find(({ id }) => id === owner)!.condition).not.toBe('up');

    await startUpstreamProcess(owner, victim.port);
    await until('the owner to serve its user again', async () => (await ask()) === owner);
    await client.close();
  });

  it('that is slow past the deadline gets no more of the call, whose connection is closed', async () => {
    const { client, state } = await stalled('nothing', { deadline: '150ms' });
    expect(await failure(client.fetch('42', '/slow'))).toMatchObject({
      code: 'STICKY_DEADLINE',
      status: 504,
      tries: [{ upstream: 'api-1', result: 'silent' }],
    });
    await until('the connection to be given up', () => state.givenUp === 1);
    const endless = await stalled('an endless body', { deadline: '150ms' });
    const response = await endless.client.fetch('42', '/');
    expect(await failure(response.arrayBuffer())).toMatchObject({ code: 'STICKY_DEADLINE' });
    await until('the connection to be given up', () => endless.state.givenUp === 1);
  });

  it('that is silent past answerTime leaves the call to the next one', async () => {
    const { client, first, second } = await setUp({ deadline: '10s', answerTime: '100ms' });
    first.behaviour = { kind: 'silent' };
    expect(await client.fetch('42', '/')).toMatchObject({
      status: 200,
      upstream: second.id,
      outcome: 'borrowed',
    });
  });

  it('that says 503 is passed over for a GET, and believed for a POST', async () => {
    const { client, first, second, third } = await setUp();
    first.behaviour = { kind: 'answer', status: 503, body: 'closing' };
    expect(await client.fetch('42', '/')).toMatchObject({ status: 200, upstream: second.id });
    const post = await client.fetch('42', '/', { method: 'POST', body: 'order' });
    expect([post.status, await post.text(), post.upstream]).toEqual([503, 'closing', first.id]);
    second.behaviour = third.behaviour = first.behaviour;
    const last = await client.fetch('42', '/');
    expect([last.status, await last.text(), last.upstream]).toEqual([503, 'closing', third.id]);
    await client.close();
  });

  it.each(['length', 'chunked'] as const)(
    'that cuts its answer short (%s) is never taken for one that ended',
    async (framing) => {
      const { client, first, second } = await setUp();
      first.behaviour = { kind: 'cut', framing };
      const response = await client.fetch('42', '/');
      expect(response.status).toBe(200);
      expect(await failure(response.text())).toMatchObject({
        code: 'STICKY_UPSTREAM_BROKEN',
        status: 502,
        tries: [{ upstream: first.id, result: 'broken' }],
      });
      expect(second.requests).toBe(0);
      await client.close();
    },
  );

  it.each([false, true])(
    'that drops the connection (by reset: %s) leaves a GET to the next one, and a POST broken',
    async (isReset) => {
      const { client, first, second } = await setUp({ passive: { maxFails: 0 } });
      first.behaviour = { kind: 'drop', isReset };
      expect(await client.fetch('42', '/')).toMatchObject({
        upstream: second.id,
        tries: [{ upstream: first.id, result: 'broken' }, { result: 'answered' }],
      });
      expect(await failure(client.fetch('42', '/', { method: 'POST', body: 'order' }))).toMatchObject({
        code: 'STICKY_UPSTREAM_BROKEN',
      });
      expect(second.requests).toBe(1);
    },
  );

  it('that is not there lets a POST go on, its streamed body whole', async () => {
    const { client, first, second } = await setUp();
    await first.stop();
    const pieces = async function* () {
      for (const piece of ['one ', 'two ', 'three']) yield Buffer.from(piece);
    };
    const response = await client.fetch('42', '/orders', { method: 'POST', body: pieces() });
    expect(await response.json()).toMatchObject({ id: second.id, body: 'one two three' });
  });

  it('that redirects is not followed', async () => {
    const { client, first, third } = await setUp();
    first.behaviour = { kind: 'answer', status: 307, headers: [['Location', third.url]] };
    const response = await client.fetch('42', '/', { headers: { authorization: 'Bearer internal' } });
    expect([response.status, response.headers.get('location'), third.requests]).toEqual([307, third.url, 0]);
  });
});

describe('an abort', () => {
  it("reaches the upstream before its answer, and ends with the caller's own reason", async () => {
    const { client, state } = await stalled('nothing', { passive: { maxFails: 1 } });
    const abort = new AbortController();
    const call = failure(client.fetch('42', '/', { signal: abort.signal }));
    await until('the request', () => state.requests === 1);
    const reason = new Error('the user left');
    abort.abort(reason);
    expect(await call).toBe(reason);
    await until('the connection to be given up', () => state.givenUp === 1);
    expect(client.upstreams.map(({ condition }) => condition)).toEqual(['up']);
  });

  it('reaches the upstream within its answer', async () => {
    const { client, state } = await stalled('an endless body');
    const abort = new AbortController();
    const response = await client.fetch('42', '/', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(response.text()).rejects.toThrow('enough');
    await until('the connection to be given up', () => state.givenUp === 1);
    await client.close();
  });
});

it("an answer larger than memory should hold comes at the reader's pace, and what is not wanted is not sent", async () => {
  const { client, first } = await setUp();
  first.behaviour = { kind: 'flood', bodyBytes: 200_000_000 };
  const response = await client.fetch('42', '/');
  const reader = response.body!.getReader();
  let bytes = 0;
  while (bytes < 1_000_000) bytes += (await reader.read()).value!.length;
  let seen: number[] = [];
  await until('the upstream to wait for the reader', () => {
    seen = [...seen, first.sentBytes].slice(-10);
    return seen.length === 10 && new Set(seen).size === 1;
  });
  expect(first.sentBytes).toBeLessThan(50_000_000);
  await reader.cancel();
  await client.close();
});

it('connections are used again, also where nobody reads the answers', async () => {
  const { client, first } = await setUp();
  for (let at = 0; at < 30; at++) {
    await client.fetch('42', '/');
    await until('the answer to be over', () => first.seen[at]?.isComplete);
  }
  await client.close();
  expect(first.requests).toBe(30);
  expect(first.accepted).toBeLessThan(10);
});
