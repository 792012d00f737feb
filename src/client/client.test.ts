import { describe, expect, it } from 'vitest';
import { scriptedFetch } from '../../test/support/scripted-fetch.js';
import { framedKey, toByteString } from '../base/framed-key.js';
import { rendezvous, ring } from '../route/placement/index.js';
import type { ConditionChange } from '../route/pool/pool.js';
import { createManualClock } from '../testing/manual-clock.js';
import { seededRandom } from '../testing/seeded-random.js';
import type { ClientOptions } from './client-options.js';
import { createClient, type CallOptions } from './client.js';

const UPSTREAMS = {
  'api-1': 'http://api-1',
  'api-2': { url: 'http://api-2', weight: 2 },
  'api-3': 'http://api-3',
  'api-4': 'http://api-4',
};
const MEMBERS = ['api-1', { id: 'api-2', weight: 2 }, 'api-3', 'api-4'];

function setUp(options: Partial<ClientOptions> = {}) {
  const net = scriptedFetch();
  const clock = createManualClock();
  const changes: string[] = [];
  const onChange = ({ id, from, to, why }: ConditionChange) =>
    void changes.push(`${id} ${from} > ${to} ${why}`);
  const client = createClient({
    upstreams: UPSTREAMS,
    placement: 'ring',
    fetch: net.fetch,
    clock,
    onChange,
    ...options,
  });
  const upstreamOf = async (key: string, init?: CallOptions) => (await client.fetch(key, '/', init)).upstream;
  return { net, clock, client, changes, upstreamOf };
}

describe('owner and candidates', () => {
  it('are those of stickyroute/placement', () => {
    const { client } = setUp();
    const placed = ring(MEMBERS);
    const small = createClient({ upstreams: UPSTREAMS, placement: { rendezvous: { slots: 1024 } } });
    const table = rendezvous(MEMBERS, { slots: 1024 });
    for (let at = 0; at < 500; at++) {
      expect(client.candidates(`user:${at}`)).toEqual(placed.candidates(`user:${at}`));
      expect(client.owner(`user:${at}`)).toBe(placed.get(`user:${at}`));
      expect(small.candidates(`user:${at}`, 2)).toEqual(table.candidates(`user:${at}`, 2));
    }
  });

  it('a text and its UTF-8 bytes are one key; a list is framed by the length of its parts in bytes', () => {
    const { client } = setUp();
    for (const text of ['42', 'Zoë', '王小明', '\u0000', 'a'.repeat(5000)]) {
      expect(client.candidates(new TextEncoder().encode(text))).toEqual(client.candidates(text));
      expect(client.candidates([text])).toEqual(client.candidates(text));
      expect(client.candidates(['Zoë', text])).toEqual(
        client.candidates(Buffer.from(framedKey(toByteString('Zoë'), toByteString(text)), 'latin1')),
      );
    }
    const pairs = Array.from({ length: 50 }, (_, at) => [
      client.candidates([`a${at}`, 'b']),
      client.candidates(['a', `${at}b`]),
    ]);
    expect(pairs.some(([one, other]) => String(one) !== String(other))).toBe(true);
  });

  it('do not change with health', async () => {
    const { client, net, upstreamOf } = setUp({ passive: { maxFails: 1 } });
    const before = client.candidates('42');
    net.script(before[0]!, 'refused');
    expect(await upstreamOf('42')).toBe(before[1]);
    expect([client.owner('42'), client.candidates('42')]).toEqual([before[0], before]);
  });
});

describe('passive health', () => {
  it('passes over an upstream that failed often enough, and tries it with one call after the time-out', async () => {
    const { client, net, clock, changes, upstreamOf } = setUp({
      passive: { maxFails: 3, failTimeout: '30s' },
    });
    const [first, second] = client.candidates('42') as [string, string];
    net.script(first, 'refused');
    for (let at = 0; at < 5; at++) expect(await upstreamOf('42')).toBe(second);
    expect(net.hosts.filter((host) => host === first)).toHaveLength(3);
    clock.advance(29_000);
    await upstreamOf('42');
    clock.advance(1000);
    let answer!: (response: Response) => void;
    net.script(first, () => new Promise((resolve) => (answer = resolve)), 200);
    const trial = upstreamOf('42');
    await net.askedFor(10);
    expect(await upstreamOf('42')).toBe(second);
    answer(new Response('back'));
    expect(await trial).toBe(first);
    expect(await upstreamOf('42')).toBe(first);
    expect(changes).toEqual([
      `${first} up > down requestsFailed`,
      `${first} down > trial timeoutPassed`,
      `${first} trial > down trialBegun`,
      `${first} down > up trialSucceeded`,
    ]);
  });

  it('is no concern of what the app answers, its 503 included', async () => {
    const { client, net, changes, upstreamOf } = setUp({ passive: { maxFails: 1 } });
    const [first, second] = client.candidates('42') as [string, string];
    net.script(first, 500, 502, 503, 504);
    for (const expected of [first, first, second, first]) expect(await upstreamOf('42')).toBe(expected);
    expect(changes).toEqual([]);
  });

  it('counts an answer that was cut short', async () => {
    const { client, net, changes } = setUp({ passive: { maxFails: 1 } });
    const first = client.owner('42');
    const cut = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull: (controller) => (
          controller.enqueue(Buffer.from('half')),
          controller.error(new TypeError('terminated'))
        ),
      });
    net.script(first, () => new Response(cut()));
    const response = await client.fetch('42', '/');
    await expect(response.text()).rejects.toMatchObject({
      code: 'STICKY_UPSTREAM_BROKEN',
      status: 502,
      tries: [{ upstream: first, result: 'broken' }],
      cause: { message: 'terminated' },
    });
    expect(changes).toEqual([`${first} up > down requestsFailed`]);
    await client.close();
  });

  it('turns every call away at once while all are down', async () => {
    const { client, net } = setUp({ passive: { maxFails: 1 }, tries: 4 });
    for (const id of Object.keys(UPSTREAMS)) net.script(id, 'refused');
    for (let at = 0; at < 2; at++)
      await expect(client.fetch('42', '/')).rejects.toMatchObject({
        code: 'STICKY_NO_UPSTREAM',
        status: 503,
      });
    expect(net.asked).toHaveLength(4);
  });

  it('whatever fails, upstreams are asked in the order of the key, each once and no more than `tries`', async () => {
    const seed = 20_261;
    const random = seededRandom(seed);
    const { client, net, clock } = setUp({ passive: { maxFails: 2, failTimeout: '1s' } });
    for (let at = 0; at < 500; at++) {
      for (const id of Object.keys(UPSTREAMS))
        net.script(id, (['refused', 'reset', 503, 200, 200] as const)[random.below(5)]!);
      clock.advance(random.below(400));
      const key = random.id();
      const from = net.asked.length;
      const up = client.upstreams.filter(({ condition }) => condition !== 'down').map(({ id }) => id);
      const ending = await client.fetch(key, '/').catch((error) => error);
      const hosts = net.hosts.slice(from);
      expect(hosts, `seed ${seed}, call ${at}`).toEqual(
        client
          .candidates(key)
          .filter((id) => up.includes(id))
          .slice(0, hosts.length),
      );
      expect(hosts.length).toBeLessThanOrEqual(3);
      expect(
        ending.tries.map(({ upstream }: { upstream: string }) => upstream),
        `seed ${seed}, call ${at}`,
      ).toEqual(hosts);
    }
  });
});

describe('setUpstreams', () => {
  it('moves keys only to the newcomer, and what stays keeps its health', async () => {
    const { client, net, upstreamOf } = setUp({ passive: { maxFails: 1 } });
    const keys = Array.from({ length: 2000 }, (_, at) => `user:${at}`);
    const before = keys.map((key) => client.owner(key));
    net.script('api-1', 'refused');
    await upstreamOf(keys[before.indexOf('api-1')]!);
    client.setUpstreams({ ...UPSTREAMS, 'api-5': 'http://api-5' });
    const moved = keys.filter((key, at) => client.owner(key) !== before[at]);
    expect(new Set(moved.map((key) => client.owner(key)))).toEqual(new Set(['api-5']));
    expect(moved.length / keys.length).toBeLessThan(0.25);
    expect(client.upstreams.map(({ id, condition }) => `${id} ${condition}`)).toEqual([
      'api-1 down',
      'api-2 up',
      'api-3 up',
      'api-4 up',
      'api-5 up',
    ]);
  });

  it('leaves calls under way as they began', async () => {
    const { client, net } = setUp();
    const [first, second] = client.candidates('42') as [string, string];
    let fail!: (error: Error) => void;
    net.script(first, () => new Promise((_, reject) => (fail = reject)));
    const answer = client.fetch('42', '/');
    await net.askedFor(1);
    client.setUpstreams({ 'api-9': 'http://api-9' });
    fail(new TypeError('fetch failed'));
    expect((await answer).upstream).toBe(second);
    expect((await client.fetch('42', '/')).upstream).toBe('api-9');
  });

  it("refuses what can't be a pool, and changes nothing", () => {
    const { client } = setUp();
    for (const wrong of [{}, { a: 'ftp://a' }, { a: { url: 'http://a', weight: 0 } }])
      expect(() => client.setUpstreams(wrong)).toThrow();
    expect(client.upstreams).toHaveLength(4);
  });
});

describe('close', () => {
  it('takes no more calls and waits for those under way, to the last byte of their answers', async () => {
    const { client, net } = setUp();
    let end!: () => void;
    net.script(
      client.owner('42'),
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => (
              controller.enqueue(Buffer.from('half')),
              (end = () => controller.close())
            ),
          }),
        ),
    );
    const response = await client.fetch('42', '/');
    let isClosed = false;
    const closed = client.close().then(() => (isClosed = true));
    await expect(client.fetch('42', '/')).rejects.toMatchObject({ code: 'STICKY_CLIENT_CLOSED' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    end();
    await closed;
    expect(await response.text()).toBe('half');
    await client.close();
  });
});
