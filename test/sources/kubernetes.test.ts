import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemRandom } from '../../src/base/random.js';
import { newsOfSlices, readSlice } from '../../src/control/sources/endpoint-slices.js';
import { kubernetesSource } from '../../src/control/sources/kubernetes-source.js';
import type { SourceNews } from '../../src/route/pool/source.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { sourceContract } from '../../src/testing/source-contract.js';
import { API_CA, startKubernetesApi, type FakePod, type KubernetesApi } from '../support/kubernetes-api.js';
import { until } from '../support/until.js';

const pod = (name: string, host: number, more: Partial<FakePod> = {}): FakePod => ({
  name,
  address: `10.1.0.${host}`,
  ...more,
});

const sourceOf = (api: KubernetesApi, more: object = {}, clock = createManualClock()) => {
  const written = { service: 'api', namespace: 'shop', server: api.url, caFile: API_CA, ...more };
  const options = kubernetesSource.options.parse(written);
  return kubernetesSource.create(options, { clock, random: systemRandom, folder: '/' });
};

function follow(api: KubernetesApi, more: object = {}) {
  const clock = createManualClock();
  const found: SourceNews[] = [];
  const failures: string[] = [];
  const timer = sourceOf(api, more, clock).start({
    found: (news) => void found.push(news),
    failed: (why) => void failures.push(why),
  });
  onTestFinished(() => timer.stop());
  return {
    clock,
    found,
    failures,
    /** `id(leaving,down)`, by id. */
    now: () =>
      (found.at(-1)?.upstreams ?? [])
        .map(({ id, draining }) => {
          const marks = [draining && 'leaving', found.at(-1)!.down?.includes(id) && 'down'].filter(Boolean);
          return marks.length === 0 ? id : `${id}(${marks.join()})`;
        })
        .sort()
        .join(' '),
    /** Waits, while time passes: slowly enough for an API server that answers. */
    until: (what: string, condition: () => boolean): Promise<true> =>
      until(what, () => {
        clock.advance(100);
        return condition();
      }),
  };
}

describe('the pods of a service', () => {
  const open = async () => {
    const api = await startKubernetesApi();
    const clock = createManualClock();
    const set = (names: readonly string[]): void => {
      api.mood = 'well';
      api.set('api-x1', { pods: names.map((name) => pod(name, name.charCodeAt(0))) });
    };
    set(['a', 'b']);
    return {
      source: sourceOf(api, {}, clock),
      set,
      break() {
        api.mood = 500;
        api.endWatches();
      },
      idOf: (name: string) => name,
      pass: () => clock.advance(20),
      close: () => api.close(),
    };
  };
  for (const { name, run } of sourceContract(open)) it(name, run);

  it('are upstreams with the name of the pod, its uid and the port, over all slices and pages', async () => {
    const api = await startKubernetesApi({
      'api-1': { pods: [pod('api-a', 1), pod('api-b', 2)] },
      'api-2': { pods: [pod('api-c', 3), pod('api-b', 2)] },
      'api-3': { pods: [] },
    });
    api.pageSize = 1;
    const source = follow(api, { port: 'http', https: true });
    await source.until('the list', () => source.found.length > 0);
    expect(source.now()).toBe('api-a api-b api-c');
    expect(source.found[0]!.upstreams[0]).toEqual({
      id: 'api-a',
      url: 'https://10.1.0.1:8080',
      weight: 1,
      draining: false,
      serverName: 'api.shop.svc',
      incarnation: 'uid-of-api-a',
    });
    expect(api.calls.slice(0, 3)).toEqual(['list', 'list continue=1', 'list continue=2']);
  });

  it('leave while they terminate, and are down while they are not ready', async () => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1), pod('b', 2), pod('c', 3)] } });
    const source = follow(api);
    await source.until('a watch', () => api.watches === 1);
    api.set('api-1', {
      pods: [
        pod('a', 1, { terminating: true, serving: true }),
        pod('b', 2, { ready: false }),
        pod('c', 3, { terminating: true, serving: false }),
        pod('d', 4),
      ],
    });
    await source.until('the change', () => source.now() === 'a(leaving) b(down) c(leaving,down) d');
    api.set('api-1', { pods: [pod('b', 2), pod('d', 4)] });
    await source.until('the end', () => source.now() === 'b d');
    api.set('api-1', undefined);
    await source.until('none', () => source.now() === '');
    expect(source.found.at(-1)!.problem).toContain('no EndpointSlice of service api in namespace shop');
  });

  it('are watched on from where a watch ended, and from a bookmark', async () => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    const source = follow(api);
    await source.until('a watch', () => api.watches === 1);
    api.bookmark();
    await source.until('it is heard', () => {
      if (api.watches === 1) api.endWatches();
      return api.calls.at(-1) === 'watch 102';
    });
    expect(api.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
    expect(source.failures).toEqual([]);
  });

  it('are listed anew when what was known is too old, in a watch and before one', async () => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    const source = follow(api);
    await source.until('a watch', () => api.watches === 1);
    api.expire();
    await source.until('another list', () => api.calls.filter((call) => call === 'list').length === 2);
    await source.until('another watch', () => api.watches === 1);
    api.compact();
    api.mood = 'reset';
    api.endWatches();
    await source.until('the fault', () => source.failures.length > 0);
    api.mood = 'well';
    api.set('api-2', { pods: [pod('b', 2)] });
    await source.until('both', () => source.now() === 'a b');
  });

  it.each([
    ['reset', /can't be reached \(ECONNRESET\)/],
    [500, /answered 500/],
    [403, /answered 403: this account may not list and watch endpointslices/],
    [404, /answered 404: it has no discovery/],
    ['endsAtOnce', /ended the watch at once/],
    ['silent', /said nothing for 10s/],
  ] as const)('stay while the API server is %s, and it is asked less and less often', async (mood, told) => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    const source = follow(api);
    await source.until('a watch', () => api.watches === 1);
    api.mood = mood;
    api.endWatches();
    await source.until('the fault', () => source.failures.some((why) => told.test(why)));
    const { length } = api.calls;
    const from = source.clock.now();
    await source.until('three more calls', () => api.calls.length >= length + 3);
    // At least a half of 2 + 4 s.
    expect(source.clock.now() - from).toBeGreaterThan(3000);
    expect(source.now()).toBe('a');
    api.mood = 'well';
    api.set('api-1', { pods: [pod('b', 2)] });
    await source.until('the change', () => source.now() === 'b');
  });

  it.each(['cutLine', 'noJson'] as const)(
    'stay when a watch sends a %s, and are right afterwards',
    async (mood) => {
      const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
      const source = follow(api);
      await source.until('a watch', () => api.watches === 1);
      api.mood = mood;
      api.set('api-1', { pods: [pod('b', 2)] });
      api.mood = 'well';
      await source.until('the change', () => source.now() === 'b');
      expect(source.found.map(({ upstreams }) => upstreams.map(({ id }) => id).join())).not.toContain('');
    },
  );

  it('are watched anew when a watch says nothing for 70 s', async () => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    const source = follow(api);
    await source.until('a watch', () => api.watches === 1);
    // Once something has come, its answer has begun.
    api.set('api-2', { pods: [pod('b', 2)] });
    await source.until('news', () => source.now() === 'a b');
    const { length } = api.calls;
    source.clock.advance(69_000);
    expect(source.failures).toEqual([]);
    await source.until(
      'the silence',
      () => source.failures.at(-1) === 'the API server said nothing for 70s.',
    );
    await source.until('another watch', () => api.calls.length > length);
  });

  it('are asked for with the token of now', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first-token\n');
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    api.token = 'first-token';
    const source = follow(api, { tokenFile });
    await source.until('the list', () => source.now() === 'a');
    api.token = 'second-token';
    api.endWatches();
    await source.until('a refusal', () => /answered 401/.test(source.failures.at(-1) ?? ''));
    writeFileSync(tokenFile, 'second-token\n');
    api.set('api-1', { pods: [pod('b', 2)] });
    await source.until('the change', () => source.now() === 'b');
    rmSync(tokenFile);
    api.endWatches();
    await source.until('no token', () => /token, which is not there/.test(source.failures.at(-1) ?? ''));
    expect(source.failures.join(' ')).not.toMatch(/(first|second)-token/);
  });

  it('are not asked of a server whose certificate nobody vouches for, or outside of a cluster', async () => {
    const api = await startKubernetesApi({ 'api-1': { pods: [pod('a', 1)] } });
    const source = follow(api, { caFile: undefined });
    await source.until('the fault', () => /SELF_SIGNED/.test(source.failures.at(-1) ?? ''));
    expect(api.calls).toEqual([]);
    const inside = follow(api, { caFile: undefined, server: undefined });
    await inside.until('the fault', () => inside.failures.length > 0);
    expect(inside.failures[0]).toBe(
      'KUBERNETES_SERVICE_HOST is not set, so this is no pod. Write server, caFile and tokenFile.',
    );
  });
});

describe('what slices say', () => {
  const choice = {
    service: 'api',
    namespace: 'shop',
    port: undefined,
    isHttps: false,
    serverName: undefined,
    family: undefined,
  };
  const read = (endpoints: readonly object[] | null, more: object = {}) =>
    readSlice({
      metadata: { name: 'api-1', resourceVersion: '7' },
      addressType: 'IPv4',
      endpoints,
      ports: [{ name: 'http', port: 8080 }],
      ...more,
    })!;
  const one = (address: string, more: object = {}): object => ({
    addresses: [address],
    targetRef: { kind: 'Pod', name: 'api-a', uid: 'u1' },
    ...more,
  });

  it('counts a pod once that has both families of addresses', () => {
    const both = [read([one('10.0.0.1')]), read([one('fd00::1')], { addressType: 'IPv6' })];
    const urls = (more: object): string[] =>
      newsOfSlices(both, { ...choice, ...more }).upstreams.map(({ url }) => url);
    expect(urls({})).toEqual(['http://10.0.0.1:8080']);
    expect(urls({ family: '6' })).toEqual(['http://[fd00::1]:8080']);
    both.reverse();
    expect(urls({})).toEqual(['http://10.0.0.1:8080']);
  });

  it('lets the last slice speak of a pod that moves between slices, and a successor go before who terminates', () => {
    const moved = [read([one('10.0.0.1')]), read([one('10.0.0.2')])];
    expect(newsOfSlices(moved, choice).upstreams[0]!.url).toBe('http://10.0.0.2:8080');
    const old = one('10.0.0.1', { conditions: { terminating: true, serving: true } });
    const successor = one('10.0.0.2', { targetRef: { name: 'api-a', uid: 'u2' } });
    expect(newsOfSlices([read([successor, old])], choice).upstreams[0]!.incarnation).toBe('u2');
  });

  it('takes what is absent for good, and what nobody can be reached by for nothing', () => {
    const news = newsOfSlices(
      [
        read([{ addresses: ['10.0.0.1'] }, { addresses: [] }, { addresses: ['not one'] }]),
        read(null),
        read([{ addresses: ['api.example.org'] }], { addressType: 'FQDN' }),
      ],
      choice,
    );
    expect(news).toMatchObject({ upstreams: [{ id: 'api[10.0.0.1]:8080' }], down: [] });
    expect(readSlice({ kind: 'Status' })).toBeUndefined();
  });

  it('says which ports there are', () => {
    const two = read([one('10.0.0.1')], {
      ports: [
        { name: 'http', port: 8080 },
        { name: 'admin', port: 9000 },
      ],
    });
    const problem = (port: string | number | undefined): string | undefined =>
      newsOfSlices([two], { ...choice, port }).problem;
    expect(problem(undefined)).toBe(
      'service api has 2 ports: http (8080), admin (9000). Write which: port: http.',
    );
    expect(problem('https')).toBe('service api has no port https. It has: http (8080), admin (9000).');
    expect(problem(9000)).toBeUndefined();
    expect(newsOfSlices([two], { ...choice, port: 'admin' }).upstreams[0]!.url).toBe('http://10.0.0.1:9000');
    const none = read([one('10.0.0.1')], { ports: null });
    expect(newsOfSlices([none], { ...choice, port: 80 }).upstreams[0]!.url).toBe('http://10.0.0.1');
  });
});

it.each([
  [{ service: 'Api' }, 'is not a name in Kubernetes'],
  [{ service: 'api', port: 0 }, 'is not the name or number of a port'],
  [{ service: 'api', server: 'api:443' }, 'is not a URL'],
  [{ service: 'api', server: 'https://api/path' }, 'has more than scheme, host and port'],
  [{ service: 'api', family: 5 }, 'Write 4 or 6'],
])('%j is refused: %s', (written, told) => {
  const result = kubernetesSource.options.safeParse(written);
  expect(result.error?.issues.map(({ message }) => message).join(' ')).toContain(told);
});
