import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { scriptedFetch, type Scripted } from '../../test/support/scripted-fetch.js';
import { createManualClock } from '../testing/manual-clock.js';
import { CallError } from './call-error.js';
import type { ClientOptions } from './client-options.js';
import { createClient, type CallOptions } from './client.js';

const KEY = 'user:42';

/** Three upstreams without sockets. `first`, `second` and `third` are the candidates of KEY, in order. */
function setUp(options: Partial<ClientOptions> = {}) {
  const net = scriptedFetch();
  const clock = createManualClock();
  const upstreams = { 'api-1': 'http://api-1', 'api-2': 'http://api-2', 'api-3': 'http://api-3' };
  const client = createClient({ upstreams, placement: 'ring', fetch: net.fetch, clock, ...options });
  const [first, second, third] = client.candidates(KEY) as [string, string, string];
  const call = (init?: CallOptions) => client.fetch(KEY, '/a?b=c', init);
  /** The call's error, which must come. */
  const failure = async (init?: CallOptions): Promise<CallError> => {
    const error = await call(init).then(
      (response) => `answered ${response.status}`,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(CallError);
    return error as CallError;
  };
  const script = (...does: (Scripted | Scripted[])[]) =>
    [first, second, third].forEach(
      (id, at) => does[at] !== undefined && net.script(id, ...[does[at]].flat()),
    );
  return {
    net,
    clock,
    client,
    first,
    second,
    third,
    call,
    failure,
    script,
    condition: (id: string) => client.upstreams.find((upstream) => upstream.id === id)!.condition,
  };
}

describe('a call', () => {
  it('goes to the owner, as it was written', async () => {
    const { call, net, first } = setUp();
    const response = await call({ method: 'PUT', headers: { 'X-Tenant': 'acme' }, body: 'text' });
    expect([response.status, await response.text()]).toEqual([200, `200 of ${first}`]);
    expect(response).toMatchObject({
      upstream: first,
      outcome: 'keyed',
      tries: [{ upstream: first, result: 'answered' }],
    });
    expect(net.asked).toMatchObject([{ upstream: first, method: 'PUT', target: '/a?b=c', body: 'text' }]);
    expect(net.asked[0]!.headers.get('x-tenant')).toBe('acme');
    expect(net.asked[0]!.init.redirect).toBe('manual');
  });

  it.each([200, 204, 302, 404, 409, 500, 502, 504, 599])(
    "returns the app's own %i as it is, and asks nobody else",
    async (status) => {
      const { call, net, first, script } = setUp();
      script(
        () =>
          new Response(status === 204 ? null : 'mine', {
            status,
            headers: [
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
              ['location', 'http://elsewhere.example/'],
            ],
          }),
      );
      const response = await call();
      expect([response.status, await response.text(), response.upstream]).toEqual([
        status,
        status === 204 ? '' : 'mine',
        first,
      ]);
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
      expect(net.hosts).toEqual([first]);
    },
  );

  it('falls to the backups in order, and says who failed and how', async () => {
    const { call, net, first, second, third, script } = setUp();
    script('refused', 'reset');
    const response = await call();
    expect(net.hosts).toEqual([first, second, third]);
    expect(response).toMatchObject({
      upstream: third,
      outcome: 'borrowed',
      tries: [
        { upstream: first, result: 'unreachable' },
        { upstream: second, result: 'broken' },
        { upstream: third, result: 'answered' },
      ],
    });
    expect(response.tries[0]!.error).toMatchObject({
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('asks no more than `tries` upstreams', async () => {
    const { failure, net, script } = setUp({ tries: 2 });
    script('refused', 'refused');
    expect(await failure()).toMatchObject({ code: 'STICKY_NO_UPSTREAM', status: 503 });
    expect(net.asked).toHaveLength(2);
  });

  it('asks nobody but the owner where onFailure is reject, not even while it is down', async () => {
    const { failure, net, first, script } = setUp({ onFailure: 'reject', passive: { maxFails: 1 } });
    script('refused');
    expect(await failure()).toMatchObject({
      code: 'STICKY_NO_UPSTREAM',
      tries: [{ upstream: first, result: 'unreachable' }],
    });
    expect(await failure()).toMatchObject({ code: 'STICKY_NO_UPSTREAM', tries: [] });
    expect(net.hosts).toEqual([first]);
  });

  it('passes over a draining owner', async () => {
    const { client, call, first, second } = setUp();
    client.setUpstreams(
      Object.fromEntries(client.upstreams.map(({ id, url }) => [id, { url, draining: id === first }])),
    );
    expect(await call()).toMatchObject({
      upstream: second,
      outcome: 'borrowed',
      tries: [{ upstream: second, result: 'answered' }],
    });
  });
});

describe('a call is sent again', () => {
  const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH'];
  const isIdempotent = (method: string) => method !== 'POST' && method !== 'PATCH';

  it.each(METHODS)('when nothing of it was sent: %s', async (method) => {
    const { call, net, script } = setUp();
    script('refused', 'refused');
    expect((await call({ method })).status).toBe(200);
    expect(net.asked).toHaveLength(3);
  });

  it.each(METHODS)('after it may have arrived only where the method is idempotent: %s', async (method) => {
    const { call, failure, net, first, script } = setUp();
    script('reset');
    if (isIdempotent(method)) expect((await call({ method })).status).toBe(200);
    else
      expect(await failure({ method })).toMatchObject({
        code: 'STICKY_UPSTREAM_BROKEN',
        status: 502,
        tries: [{ upstream: first, result: 'broken' }],
        cause: { cause: { code: 'ECONNRESET' } },
      });
    expect(net.asked).toHaveLength(isIdempotent(method) ? 2 : 1);
  });

  it.each(METHODS)('after a 503 only where the method is idempotent: %s', async (method) => {
    const { call, net, first, second, script } = setUp();
    script(503);
    const response = await call({ method });
    expect(response).toMatchObject(
      isIdempotent(method) ? { status: 200, upstream: second } : { status: 503, upstream: first },
    );
    expect(net.asked).toHaveLength(isIdempotent(method) ? 2 : 1);
  });

  it('where the caller says that it is idempotent', async () => {
    const { call, net, script } = setUp();
    script('reset', 503);
    expect((await call({ method: 'POST', body: 'once', idempotent: true })).status).toBe(200);
    expect(net.asked.map(({ body }) => body)).toEqual(['once', 'once', 'once']);
  });

  it('never when the request itself is none', async () => {
    const { client, call, net } = setUp();
    await expect(call({ method: 'GET', body: 'x' })).rejects.toThrow(TypeError);
    await expect(call({ headers: { 'not a name': 'x' } })).rejects.toThrow(TypeError);
    expect(net.asked).toEqual([]);
    await client.close();
  });

  it('with the same fields, also where these can be read only once', async () => {
    const { call, net, script } = setUp();
    script('reset');
    function* fields() {
      yield ['x-once', 'here'];
    }
    await call({ headers: fields() as unknown as Headers });
    expect(net.asked.map(({ headers }) => headers.get('x-once'))).toEqual(['here', 'here']);
  });
});

describe('when no upstream answers, the error says', () => {
  it('503 when none could be reached', async () => {
    const { failure, script, first, second, third } = setUp();
    script('refused', 'refused', 'refused');
    const error = await failure({ method: 'POST' });
    expect(error).toMatchObject({
      name: 'CallError',
      code: 'STICKY_NO_UPSTREAM',
      status: 503,
      cause: { cause: { code: 'ECONNREFUSED' } },
    });
    expect(error.message).toContain(`(${first} unreachable, ${second} unreachable, ${third} unreachable)`);
  });

  it('502 when the last one was reached and gave no answer', async () => {
    const { failure, script } = setUp();
    script('refused', 'reset', 'reset');
    expect(await failure()).toMatchObject({ code: 'STICKY_UPSTREAM_BROKEN', status: 502 });
  });

  it("but the last upstream's own 503 is an answer", async () => {
    const { call, script, first, second, third } = setUp();
    script(503, 'refused', () => new Response('later', { status: 503, headers: { 'retry-after': '7' } }));
    const response = await call();
    expect([
      response.status,
      response.headers.get('retry-after'),
      await response.text(),
      response.outcome,
    ]).toEqual([503, '7', 'later', 'borrowed']);
    expect(response.tries.map(({ upstream, result }) => [upstream, result])).toEqual([
      [first, 'unavailable'],
      [second, 'unreachable'],
      [third, 'answered'],
    ]);
  });

  it('and neither key nor path nor fields', async () => {
    const { client, script } = setUp();
    script('refused', 'refused', 'refused');
    const error: CallError = await client
      .fetch('user-secret', '/path-secret', { headers: { authorization: 'Bearer token-secret' } })
      .catch((thrown) => thrown);
    expect(error.message).toMatch(/^No upstream could take this request/);
    expect(error.message + JSON.stringify(error)).not.toContain('secret');
  });
});

describe('an abort', () => {
  it('before the call asks nobody', async () => {
    const { call, net } = setUp();
    const reason = new Error('not needed');
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(net.asked).toEqual([]);
  });

  it('during a try ends it with the same reason, also where fetch pays no heed, and counts against nobody', async () => {
    const { call, net, script, condition, first } = setUp({ passive: { maxFails: 1 } });
    script('hang');
    const reason = new Error('the user left');
    const abort = new AbortController();
    const answer = call({ signal: abort.signal });
    await net.askedFor(1);
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect((net.asked[0]!.init.signal as AbortSignal).reason).toBe(reason);
    expect(net.hosts).toEqual([first]);
    expect(condition(first)).toBe('up');
  });

  it('of a trial lets the next call try', async () => {
    const { call, net, script, clock, condition, first } = setUp({
      passive: { maxFails: 1, failTimeout: '30s' },
    });
    script(['refused', 'hang', 200]);
    await call();
    clock.advance(30_000);
    const abort = new AbortController();
    const trial = call({ signal: abort.signal });
    await net.askedFor(3);
    expect(condition(first)).toBe('down');
    abort.abort();
    await expect(trial).rejects.toThrow();
    expect(condition(first)).toBe('trial');
    expect((await call()).upstream).toBe(first);
    expect(condition(first)).toBe('up');
  });

  it('within the answer gives up the rest of it, also where fetch pays no heed', async () => {
    const { call, script } = setUp();
    let isCancelled = false;
    script(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(Buffer.from('half')),
            cancel: () => void (isCancelled = true),
          }),
        ),
    );
    const abort = new AbortController();
    const response = await call({ signal: abort.signal });
    const reason = new Error('the user left');
    abort.abort(reason);
    await expect(response.text()).rejects.toBe(reason);
    expect(isCancelled).toBe(true);
  });

  it('after the answer does nothing, and the signal is let go of', async () => {
    const { call, first, script } = setUp();
    script(['reset', 200]);
    const abort = new AbortController();
    await (await call({ signal: abort.signal })).text();
    const response = await call({ signal: abort.signal });
    expect(await response.text()).toBe(`200 of ${first}`);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
  });
});
