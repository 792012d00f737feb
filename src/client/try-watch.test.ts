import { describe, expect, it } from 'vitest';
import { scriptedFetch } from '../../test/support/scripted-fetch.js';
import { createManualClock } from '../testing/manual-clock.js';
import type { CallError } from './call-error.js';
import type { ClientOptions } from './client-options.js';
import { createClient, type CallOptions } from './client.js';

const KEY = 'user:42';

function setUp(options: Partial<ClientOptions> = {}) {
  const net = scriptedFetch();
  const clock = createManualClock();
  const upstreams = { 'api-1': 'http://api-1', 'api-2': 'http://api-2', 'api-3': 'http://api-3' };
  const client = createClient({
    upstreams,
    placement: 'ring',
    fetch: net.fetch,
    clock,
    deadline: '2s',
    ...options,
  });
  const [first, second] = client.candidates(KEY) as [string, string];
  const caught = (init?: CallOptions): Promise<CallError> =>
    client.fetch(KEY, '/', init).then(
      () => Promise.reject(new Error('It was answered.')),
      (error) => error,
    );
  /** Refuses after so long. */
  const refusedAfter = (ms: number) => () =>
    new Promise<Response>((_, reject) =>
      clock.after(ms, () => reject(new TypeError('fetch failed', { cause: { syscall: 'connect' } }))),
    );
  const condition = (id: string) => client.upstreams.find((upstream) => upstream.id === id)!.condition;
  return { net, clock, client, first, second, caught, refusedAfter, condition };
}

/** A body that gives what is pushed, when it is pushed. */
function pushed() {
  let push!: (text: string) => void;
  let end!: () => void;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      push = (text) => controller.enqueue(Buffer.from(text));
      end = () => controller.close();
    },
  });
  return { body, push, end };
}

describe('the deadline', () => {
  it('ends a call whose upstream is silent, also where fetch pays no heed', async () => {
    const { net, clock, first, caught } = setUp();
    net.script(first, 'hang');
    const error = caught();
    await net.askedFor(1);
    clock.advance(1999);
    expect((net.asked[0]!.init.signal as AbortSignal).aborted).toBe(false);
    clock.advance(1);
    expect(await error).toMatchObject({
      code: 'STICKY_DEADLINE',
      status: 504,
      tries: [{ upstream: first, result: 'silent' }],
    });
    expect((await error).message).toContain('2000 ms');
    expect((net.asked[0]!.init.signal as AbortSignal).aborted).toBe(true);
  });

  it('is one for all tries', async () => {
    const { net, clock, first, second, caught, refusedAfter } = setUp();
    net.script(first, refusedAfter(1500));
    net.script(second, 'hang');
    const error = caught();
    await net.askedFor(1);
    clock.advance(1500);
    await net.askedFor(2);
    clock.advance(499);
    expect((net.asked[1]!.init.signal as AbortSignal).aborted).toBe(false);
    clock.advance(1);
    expect(await error).toMatchObject({
      code: 'STICKY_DEADLINE',
      tries: [
        { upstream: first, result: 'unreachable' },
        { upstream: second, result: 'silent' },
      ],
    });
  });

  it('that passes while a try fails leaves no time for another', async () => {
    const { net, clock, first, caught } = setUp();
    let fail!: (error: Error) => void;
    net.script(first, () => new Promise((_, reject) => (fail = reject)));
    const error = caught();
    await net.askedFor(1);
    fail(new TypeError('fetch failed', { cause: { syscall: 'connect' } }));
    clock.advance(2000);
    expect(await error).toMatchObject({ code: 'STICKY_DEADLINE' });
    expect(net.asked).toHaveLength(1);
  });

  it('leaves no time for another try where the clock went on without its timers', async () => {
    const clock = createManualClock();
    let skewMs = 0;
    const { net, first, caught } = setUp({
      clock: { ...clock, monotonic: () => clock.monotonic() + skewMs },
    });
    net.script(first, () => {
      skewMs = 3000;
      throw new TypeError('fetch failed', { cause: { syscall: 'connect' } });
    });
    expect(await caught()).toMatchObject({
      code: 'STICKY_DEADLINE',
      tries: [{ upstream: first, result: 'unreachable' }],
    });
    expect(net.asked).toHaveLength(1);
  });

  it('leaves no time for another try where its timer was a moment early', async () => {
    const clock = createManualClock();
    const { net, first, caught } = setUp({ clock: { ...clock, monotonic: () => clock.monotonic() * 0.999 } });
    net.script(first, 'hang');
    const error = caught();
    await net.askedFor(1);
    clock.advance(2000);
    expect(await error).toMatchObject({ code: 'STICKY_DEADLINE' });
    expect(net.asked).toHaveLength(1);
  });

  it('can be another for one call, shorter or longer', async () => {
    const { net, clock, first, client, caught } = setUp();
    net.script(first, 'hang');
    const short = caught({ deadline: '50ms' });
    await net.askedFor(1);
    clock.advance(50);
    expect(await short).toMatchObject({ code: 'STICKY_DEADLINE' });
    net.script(first, () => new Promise((resolve) => clock.after(9000, () => resolve(new Response('late')))));
    const long = client.fetch(KEY, '/', { deadline: '10s' });
    await net.askedFor(2);
    clock.advance(9000);
    expect(await (await long).text()).toBe('late');
  });

  it('holds to the last byte of the answer', async () => {
    const { net, clock, first, client, condition } = setUp({ passive: { maxFails: 1 } });
    const { body, push } = pushed();
    net.script(first, () => new Response(body));
    const response = await client.fetch(KEY, '/');
    push('a beginning');
    clock.advance(1000);
    const text = response.text().catch((error: unknown) => error);
    clock.advance(1000);
    expect(await text).toMatchObject({
      code: 'STICKY_DEADLINE',
      tries: [{ upstream: first, result: 'silent' }],
    });
    // Who was too slow, the upstream or the reader, can't be told.
    expect(condition(first)).toBe('up');
    await client.close();
  });

  it('does not run against who reads late what came in time', async () => {
    const { net, clock, first, client } = setUp();
    const { body, push, end } = pushed();
    net.script(first, () => new Response(body));
    const response = await client.fetch(KEY, '/');
    push('x'.repeat(10_000));
    end();
    await client.close();
    clock.advance(60_000);
    expect(await response.text()).toHaveLength(10_000);
  });

  it('leaves no timer behind', async () => {
    const timers = new Set<object>();
    const clock = createManualClock();
    const counted = {
      ...clock,
      after: (ms: number, task: () => void) => {
        const timer = clock.after(ms, task);
        const own = { stop: () => (timers.delete(own), timer.stop()) };
        timers.add(own);
        return own;
      },
    };
    const { net, client, first } = setUp({ clock: counted });
    net.script(first, 'refused', 'reset', 503, 200);
    for (let at = 0; at < 4; at++) await (await client.fetch(KEY, '/')).text();
    await (await client.fetch(KEY, '/')).body!.cancel();
    expect(timers.size).toBe(0);
  });
});

describe('answerTime', () => {
  it('sends a call that may be repeated to the next upstream, and ends one that may not', async () => {
    const { net, clock, first, second, client, caught } = setUp({ answerTime: '500ms' });
    net.script(first, 'hang');
    const answer = client.fetch(KEY, '/');
    await net.askedFor(1);
    clock.advance(500);
    expect(await answer).toMatchObject({
      upstream: second,
      tries: [
        { upstream: first, result: 'silent' },
        { upstream: second, result: 'answered' },
      ],
    });
    const error = caught({ method: 'POST' });
    await net.askedFor(3);
    clock.advance(500);
    expect(await error).toMatchObject({
      code: 'STICKY_DEADLINE',
      tries: [{ upstream: first, result: 'silent' }],
    });
  });

  it('does not bound the body', async () => {
    const { net, clock, first, client } = setUp({ answerTime: '500ms' });
    const { body, push, end } = pushed();
    net.script(first, () => new Response(body));
    const response = await client.fetch(KEY, '/');
    clock.advance(1500);
    push('slow');
    end();
    expect(await response.text()).toBe('slow');
  });
});

describe('silence', () => {
  it('counts against an upstream that had the time it may take', async () => {
    const { net, clock, first, second, caught, condition } = setUp({ passive: { maxFails: 2 } });
    net.script(first, 'hang');
    net.script(second, 'hang');
    for (let at = 1; at <= 2; at++) {
      const error = caught();
      await net.askedFor(at);
      clock.advance(2000);
      await error;
    }
    expect([condition(first), condition(second)]).toEqual(['down', 'up']);
  });

  it('does not count where a short deadline or an earlier try took that time away', async () => {
    const { net, clock, first, second, caught, refusedAfter, condition } = setUp({
      passive: { maxFails: 2 },
    });
    net.script(first, 'hang', 'hang', 'hang', refusedAfter(1999));
    net.script(second, 'hang');
    for (let at = 1; at <= 3; at++) {
      const error = caught({ deadline: '100ms' });
      await net.askedFor(at);
      clock.advance(100);
      await error;
    }
    expect(condition(first)).toBe('up');
    for (let at = 0; at < 2; at++) {
      const error = caught();
      await net.askedFor(4 + at * 2);
      clock.advance(1999);
      await net.askedFor(5 + at * 2);
      clock.advance(1);
      await error;
    }
    expect(condition(second)).toBe('up');
  });

  it('of a trial that was given little time lets the next call try', async () => {
    const { net, clock, client, first, caught, condition } = setUp({
      passive: { maxFails: 1, failTimeout: '30s' },
    });
    net.script(first, 'refused', 'hang', 200);
    await client.fetch(KEY, '/');
    clock.advance(30_000);
    const error = caught({ deadline: '100ms' });
    await net.askedFor(3);
    clock.advance(100);
    expect(await error).toMatchObject({ code: 'STICKY_DEADLINE' });
    expect(condition(first)).toBe('trial');
    expect((await client.fetch(KEY, '/')).upstream).toBe(first);
  });
});
