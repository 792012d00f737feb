import { expect, it } from 'vitest';
import { readConfig } from '../../src/control/config/load.js';
import { exportText, targets } from '../../src/interop/export.js';
import { Report } from '../../src/interop/report.js';
import { parseVersion } from '../../src/interop/version.js';
import { startTestGateway } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { skipUnless } from '../support/programs.js';
import { connect, type ConnectOptions, type RequestOptions } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startBalancer } from './balancers.js';

const USERS = 500;
const LANES = 10;
const KEY = 'a key for tests, of thirty-two characters or more';

type Target = 'nginx' | 'haproxy' | 'caddy';
type Request = RequestOptions & ConnectOptions;

interface Case {
  readonly title: string;
  readonly target: Target;
  readonly version?: string;
  readonly placement: unknown;
  readonly affinity: readonly unknown[];
  readonly weights?: readonly number[];
  readonly more?: object;
  /** What user number `at` sends. */
  request(at: number): Request;
}

const byHeader = (at: number): Request => ({ headers: { 'X-User-Id': `user-${at}` } });
/** 500 addresses of this machine; a connection for each. */
const byAddress = (at: number): Request => ({
  localAddress: `127.0.${1 + Math.floor(at / 200)}.${1 + (at % 200)}`,
});
/** Every third user has no header, and so goes by the parameter. */
const byChain = (at: number): Request => (at % 3 === 0 ? { target: `/?user_id=${at}` } : byHeader(at));
const byCookie = (at: number): Request => ({ headers: { Cookie: `a=b; my-session=s-${at}; c=d` } });
const byPath = (at: number): Request => ({ target: `/api/users/u${at}/orders?page=2` });
const PROBES = {
  health: { path: '/', every: '200ms', timeout: '200ms', healthyAfter: 1, unhealthyAfter: 2 },
};

const CASES: readonly Case[] = [
  {
    title: 'hash of a header, consistent',
    target: 'nginx',
    placement: 'nginxConsistent',
    affinity: [{ header: 'x-user-id' }],
    weights: [1, 2, 1],
    request: byHeader,
  },
  {
    title: 'hash of a header',
    target: 'nginx',
    placement: 'nginxHash',
    affinity: [{ header: 'x-user-id' }],
    request: byHeader,
  },
  // Addresses that never make nginx give up: from 127.20.60.7 its hash runs in a circle on the upstream that
  // falls, and then both balance.
  {
    title: 'ip_hash',
    target: 'nginx',
    placement: 'nginxIpHash',
    affinity: ['ip'],
    weights: [1, 2, 1],
    request: (at) => ({ localAddress: `127.${1 + (at % 50)}.${2 + Math.floor(at / 2)}.7` }),
  },
  {
    title: 'a header, then a parameter',
    target: 'nginx',
    placement: 'nginxConsistent',
    affinity: [{ header: 'x-user-id' }, { query: 'user_id' }],
    request: byChain,
  },
  {
    title: 'hash of a cookie',
    target: 'nginx',
    placement: 'nginxConsistent',
    affinity: [{ keyCookie: 'my-session' }],
    request: byCookie,
  },
  {
    title: 'a part of the path',
    target: 'nginx',
    placement: 'nginxConsistent',
    affinity: [{ path: '/api/users/:id' }],
    request: byPath,
  },
  {
    title: 'behind a trusted proxy',
    target: 'nginx',
    placement: 'nginxConsistent',
    affinity: ['ip'],
    more: { trustedProxies: ['127.0.0.1'] },
    request: (at) => ({ headers: { 'X-Forwarded-For': `203.0.${at % 250}.${1 + (at % 200)}, 127.0.0.1` } }),
  },
  {
    title: 'balance hdr, consistent',
    target: 'haproxy',
    placement: { haproxyConsistent: { hash: 'djb2', avalanche: true } },
    affinity: [{ header: 'x-user-id' }],
    weights: [1, 2, 1],
    more: PROBES,
    request: byHeader,
  },
  {
    title: 'balance hdr, map-based',
    target: 'haproxy',
    placement: 'haproxyMap',
    affinity: [{ header: 'x-user-id' }],
    more: PROBES,
    request: byHeader,
  },
  {
    title: 'balance hash of a cookie',
    target: 'haproxy',
    placement: 'haproxyMap',
    affinity: [{ keyCookie: 'my-session' }],
    more: PROBES,
    request: byCookie,
  },
  {
    title: 'balance source',
    target: 'haproxy',
    placement: { haproxyConsistent: { source: true } },
    affinity: ['ip'],
    more: PROBES,
    request: byAddress,
  },
  {
    title: 'balance hash: a header, then a parameter, then a part of the path',
    target: 'haproxy',
    placement: 'haproxyConsistent',
    affinity: [{ header: 'x-user-id' }, { query: 'user_id' }, { path: '/api/users/:id' }],
    more: PROBES,
    request: (at) => (at % 4 === 0 ? byPath(at) : byChain(at)),
  },
  {
    title: 'balance hash: an address as text',
    target: 'haproxy',
    placement: { haproxyConsistent: { hash: 'crc32' } },
    affinity: [{ ip: { prefix4: 31 } }],
    more: PROBES,
    request: byAddress,
  },
  {
    title: 'lb_policy header',
    target: 'caddy',
    version: '2.6.2',
    placement: { caddyHrw: { version: '2.6.2' } },
    affinity: [{ header: 'x-user-id' }],
    more: PROBES,
    request: byHeader,
  },
  {
    title: 'lb_policy ip_hash',
    target: 'caddy',
    version: '2.6.2',
    placement: { caddyHrw: { version: '2.6.2' } },
    affinity: ['ip'],
    more: PROBES,
    request: byAddress,
  },
];

skipUnless(
  'nginx',
  'haproxy',
  'caddy',
)(
  `${USERS} users through the exported file and through our gateway: the same upstreams, also with one of them down`,
  () => {
    it.each(CASES)(
      '$target: $title',
      async ({ target, version, placement, affinity, weights = [1, 1, 1], more = {}, request }) => {
        const upstreams = await startUpstreams(3);
        const port = await freePort();
        const ours = {
          upstreams: Object.fromEntries(
            upstreams.map(({ id, url }, at) => [id, { url, weight: weights[at]! }]),
          ),
          affinity,
          placement,
          accessLog: true,
          ...more,
        };
        const gateway = await startTestGateway(ours);
        const report = new Report();
        const text = exportText(
          targets.find(({ name }) => name === target)!,
          readConfig({ ...ours, listen: `127.0.0.1:${port}`, keys: [KEY] }),
          'test',
          version === undefined ? undefined : parseVersion(version),
          report,
        );
        expect(report.lines.filter((line) => line.includes('elsewhere') && !line.includes('% or +'))).toEqual(
          [],
        );
        const balancer = await startBalancer(target, text, port);

        const [theirs, own] = [await homes(port, request), await homes(gateway.port, request)];
        expect(differing(theirs, own)).toEqual([]);
        const counts = upstreams.map(({ id }) => own.filter((home) => home === id).length);
        console.log(`${target}: ${counts.join(' ')}`);
        expect(Math.min(...counts)).toBeGreaterThan(USERS / 20);

        await fall(upstreams[1]!);
        if (target === 'haproxy') await balancer.waitForLine(/Server default\/api-2 is DOWN/);
        if ('health' in more) await gateway.condition('api-2', 'down');
        if (target === 'caddy')
          await until(
            'Caddy to know',
            async () => !new Set(await homes(port, request)).has('502') || undefined,
          );
        const [theirsThen, ownThen] = [await homes(port, request), await homes(gateway.port, request)];
        expect(differing(theirsThen, ownThen)).toEqual([]);
        expect(new Set(ownThen)).toEqual(new Set(['api-1', 'api-3']));
        await balancer.stop();
        await gateway.close();
      },
    );
  },
);

async function fall(upstream: FakeUpstream): Promise<void> {
  await upstream.stop();
}

/** Who answered each user. */
async function homes(port: number, request: (at: number) => Request): Promise<string[]> {
  const found: string[] = Array.from({ length: USERS });
  let next = 0;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      const lane = await connect(port);
      for (let at = next++; at < USERS; at = next++) {
        const asked = request(at);
        const client = asked.localAddress === undefined ? lane : await connect(port, asked);
        const answer = await client.request(asked);
        found[at] = answer.status === 200 ? (answer.json() as { id: string }).id : String(answer.status);
        if (client !== lane) client.destroy();
      }
      lane.destroy();
    }),
  );
  return found;
}

function differing(theirs: readonly string[], ours: readonly string[]): string[] {
  return ours
    .flatMap((home, at) => (home === theirs[at] ? [] : [`user ${at}: ours ${home}, theirs ${theirs[at]!}`]))
    .slice(0, 10);
}
