import { describe, expect, it } from 'vitest';
import { scriptedFetch } from '../../test/support/scripted-fetch.js';
import { until } from '../../test/support/until.js';
import { createClient } from './client.js';
import { KEPT_BODY_BYTES_MAX } from './call-body.js';

function setUp() {
  const net = scriptedFetch();
  const client = createClient({
    upstreams: { 'api-1': 'http://api-1', 'api-2': 'http://api-2' },
    placement: 'ring',
    fetch: net.fetch,
    passive: { maxFails: 1 },
  });
  const [first, second] = client.candidates('42') as [string, string];
  const bodies = () => net.asked.map(({ body }) => body);
  return { net, client, first, second, bodies };
}

/** A stream that counts what is taken from it. */
function source(chunks: number, chunkBytes: number, failsAt = Infinity) {
  const state = { taken: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (state.taken === failsAt) controller.error(new Error('the disk is gone'));
        else if (state.taken === chunks) controller.close();
        else controller.enqueue(Buffer.alloc(chunkBytes, 97 + state.taken++));
      },
      cancel: () => void (state.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  return { state, stream };
}

describe('a body', () => {
  it.each<[string, () => RequestInit['body'], RegExp]>([
    ['text', () => 'hello', /^hello$/],
    ['bytes', () => new TextEncoder().encode('hello'), /^hello$/],
    ['a form', () => new URLSearchParams({ a: 'b' }), /^a=b$/],
    ['a form of parts', () => new FormData(), /^--/],
    ['a blob', () => new Blob(['hello']), /^hello$/],
    ['a small stream', () => source(3, 2).stream, /^aabbcc$/],
    [
      'an async iterable',
      () =>
        (async function* () {
          yield Buffer.from('hel');
          yield Buffer.from('lo');
        })(),
      /^hello$/,
    ],
  ])('of %s is sent whole to each upstream asked', async (_, make, whole) => {
    const { net, client, first, bodies } = setUp();
    net.script(first, 'reset');
    expect((await client.fetch('42', '/', { method: 'PUT', body: make() })).status).toBe(200);
    expect(bodies()).toEqual([expect.stringMatching(whole), expect.stringMatching(whole)]);
  });

  it('of a stream above the limit is sent once, to its last byte', async () => {
    const { net, client, first, bodies } = setUp();
    const large = source(5, KEPT_BODY_BYTES_MAX / 4);
    net.script(first, 'reset');
    await expect(client.fetch('42', '/', { method: 'PUT', body: large.stream })).rejects.toMatchObject({
      code: 'STICKY_UPSTREAM_BROKEN',
    });
    expect(bodies().map((body) => body!.length)).toEqual([KEPT_BODY_BYTES_MAX * 1.25]);
  });

  it('of a stream above the limit, once read, is not sent by halves where nobody was reached either', async () => {
    const { net, client, first } = setUp();
    net.script(first, 'refused');
    await expect(
      client.fetch('42', '/', { method: 'POST', body: source(5, KEPT_BODY_BYTES_MAX / 4).stream }),
    ).rejects.toMatchObject({ code: 'STICKY_NO_UPSTREAM' });
    expect(net.hosts).toEqual([first]);
  });

  it('of a stream loses nothing when a try fails while a piece is on its way', async () => {
    let give!: (chunk: string) => void;
    const pieces = (async function* () {
      yield Buffer.from('one ');
      yield Buffer.from(await new Promise<string>((resolve) => (give = resolve)));
      yield Buffer.from('three');
    })();
    let tries = 0;
    const client = createClient({
      upstreams: { 'api-1': 'http://api-1', 'api-2': 'http://api-2' },
      placement: 'ring',
      fetch: async (_, init) => {
        const body = init!.body as ReadableStream;
        if (++tries === 2) return new Response(body as never);
        const reader = body.getReader();
        await reader.read();
        void reader.read().catch(() => {});
        throw new TypeError('fetch failed', { cause: { syscall: 'connect' } });
      },
    });
    const answer = client.fetch('42', '/', { method: 'POST', body: pieces });
    await until('the second try', () => tries === 2);
    give('two ');
    expect(await (await answer).text()).toBe('one two three');
  });

  it('of a stream at the limit is kept', async () => {
    const { net, client, first, bodies } = setUp();
    net.script(first, 'reset');
    await client.fetch('42', '/', { method: 'PUT', body: source(4, KEPT_BODY_BYTES_MAX / 4).stream });
    expect(bodies().map((body) => body!.length)).toEqual([KEPT_BODY_BYTES_MAX, KEPT_BODY_BYTES_MAX]);
  });

  it("that fails is the caller's own failure: nobody else is asked, and nobody blamed", async () => {
    const { client, net } = setUp();
    await expect(client.fetch('42', '/', { method: 'PUT', body: source(3, 2, 1).stream })).rejects.toThrow(
      'the disk is gone',
    );
    expect(net.asked).toHaveLength(0);
    expect(client.upstreams.map(({ condition }) => condition)).toEqual(['up', 'up']);
  });

  it('that nobody wanted to the end is told so', async () => {
    const unread = source(3, 2);
    const client = createClient({
      upstreams: { 'api-1': 'http://api-1' },
      placement: 'ring',
      fetch: async () => new Response('enough'),
    });
    await (await client.fetch('42', '/', { method: 'POST', body: unread.stream })).text();
    expect(unread.state).toEqual({ taken: 0, cancelled: true });
  });

  it('read on after the call is over never ends as if it were whole', async () => {
    const kept: { body?: ReadableStream } = {};
    const client = createClient({
      upstreams: { 'api-1': 'http://api-1' },
      placement: 'ring',
      fetch: async (_, init) => {
        kept.body = init!.body as ReadableStream;
        return new Response('enough');
      },
    });
    await (await client.fetch('42', '/', { method: 'POST', body: source(3, 2).stream })).text();
    await expect(new Response(kept.body as never).text()).rejects.toThrow('The call is over.');
  });
});
