import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { startTestGateway } from '../e2e/gateway.js';
import { askPipelined } from '../support/pipelined.js';
import { freePorts } from '../support/ports.js';
import { start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import {
  decider,
  differences,
  SEED,
  snapshotOf,
  testAddresses,
  testKeys,
  testPool,
  tries,
  type PoolOptions,
  type TestUpstream,
} from './other-balancers.js';

const random = seededRandom(SEED);

/**
 * From the smallest to the largest, whole and half gone, with somebody marked `down`, with somebody who
 * refuses, and with hardly anybody left.
 */
const POOLS: readonly PoolOptions[] = [
  { count: 2, weightMax: 1 },
  { count: 2, weightMax: 10, refusing: 50 },
  { count: 3 + random.below(37), weightMax: 10 },
  { count: 3 + random.below(37), weightMax: 10, marked: 30 },
  { count: 3 + random.below(37), weightMax: 10, refusing: 30 },
  { count: 3 + random.below(37), weightMax: 1, marked: 20, refusing: 20 },
  { count: 40, weightMax: 10, marked: 90 },
  { count: 40, weightMax: 10, marked: 60, refusing: 35 },
];

/** The one where nginx often gives up. */
const MOSTLY_DOWN = 6;

const KINDS = [
  { placement: 'nginxIpHash', directive: 'ip_hash', keys: testAddresses, field: 'X-Address' },
  { placement: 'nginxHash', directive: 'hash $http_x_key', keys: testKeys, field: 'X-Key' },
  { placement: 'nginxHash', directive: 'hash $remote_addr', keys: testAddresses, field: 'X-Address' },
  { placement: 'nginxConsistent', directive: 'hash $http_x_key consistent', keys: testKeys, field: 'X-Key' },
];

/**
 * Names that are not host and port, or not only: without a port, sockets, IPv6. Nobody is there; who is tried
 * first is what counts.
 */
function oddNames(folder: string, closed: number): { readonly name: string; readonly tried: string }[] {
  return [
    { name: '127.0.0.2', tried: '127.0.0.2:80' },
    { name: `127.0.0.3:${closed}`, tried: `127.0.0.3:${closed}` },
    { name: `[::1]:${closed}`, tried: `[::1]:${closed}` },
    { name: `unix:${folder}/a.sock`, tried: `unix:${folder}/a.sock` },
    { name: `UNIX:${folder}/b.sock`, tried: `UNIX:${folder}/b.sock` },
    { name: `unix:${folder}/c:1`, tried: `unix:${folder}/c:1` },
  ];
}

/**
 * All pools under all three methods. Failures don't count, so that every request meets the same nginx; one
 * worker, so that turns are one sequence.
 */
function configuration(
  pools: readonly (readonly TestUpstream[])[],
  folder: string,
  front: number,
  open: number,
  closed: number,
): string {
  const lines = (upstreams: readonly TestUpstream[]): string =>
    upstreams
      .map(
        ({ url, weight, state }) =>
          `server ${url.slice('http://'.length)} weight=${weight} max_fails=0${state === 'marked' ? ' down' : ''};`,
      )
      .join('\n    ');
  const blocks = pools.flatMap((upstreams, pool) =>
    KINDS.map(
      ({ directive }, kind) => `upstream u${kind}-${pool} {\n    ${directive};\n    ${lines(upstreams)}\n  }`,
    ),
  );
  const odd = oddNames(folder, closed)
    .map(({ name }, at) => `server ${name} weight=${at + 1} max_fails=0;`)
    .join(' ');
  const locations = pools.flatMap((_, pool) =>
    KINDS.map((_kind, kind) => `location /${kind}-${pool} { proxy_pass http://u${kind}-${pool}; }`),
  );
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${join(folder, what)};`,
  );
  return `daemon off; master_process off; pid ${join(folder, 'nginx.pid')}; error_log /dev/null crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000;
  ${paths.join(' ')}
  ${blocks.join('\n  ')}
  upstream odd { hash $http_x_key consistent; ${odd} }
  server {
    listen 127.0.0.1:${front};
    set_real_ip_from 127.0.0.0/8; real_ip_header X-Address;
    proxy_next_upstream error; proxy_http_version 1.1; proxy_set_header Connection "";
    add_header X-Upstream $upstream_addr always;
    ${locations.join('\n    ')}
    location /odd { proxy_pass http://odd; }
  }
  server { listen ${open}; root ${join(folder, 'nothing')}; keepalive_requests 1000000; }
}
`;
}

skipUnless('nginx')(`placements beside nginx (SEED=${SEED})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-nginx-placements-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let pools: TestUpstream[][] = [];
  let port = 0;
  let closedPort = 0;

  beforeAll(async () => {
    const [front, open, closed] = (await freePorts(3)) as [number, number, number];
    [port, closedPort] = [front, closed];
    pools = POOLS.map((options, at) => testPool(random, at, open, closed, options));
    writeFileSync(join(folder, 'nginx.conf'), configuration(pools, folder, front, open, closed));
    const nginx = start(program('nginx'), ['-p', folder, '-c', join(folder, 'nginx.conf')]);
    await nginx.waitForPort(front);
  });

  const outcomes = new Map<string, number>();
  for (const [kind, { placement, directive, keys, field }] of KINDS.entries()) {
    it.each(POOLS.map((options, at) => [at, JSON.stringify(options)] as const))(
      `${placement} tries the same upstreams in the same order as ${directive}, pool %i: %s`,
      async (pool) => {
        const upstreams = pools[pool]!;
        const asked = keys(random);
        const decision = decider(snapshotOf(upstreams, placement, {}), random);
        const expected = asked.map((key) => {
          const decided = decision(key);
          const tried = tries(decided, upstreams).join(', ');
          outcomes.set(
            `${placement} ${decided.outcome}`,
            (outcomes.get(`${placement} ${decided.outcome}`) ?? 0) + 1,
          );
          return tried;
        });
        const requests = asked.map(
          (key) => `GET /${kind}-${pool} HTTP/1.1\r\nHost: a\r\n${field}: ${key}\r\n\r\n`,
        );
        expect(differences(asked, expected, await askPipelined(port, 'X-Upstream', requests))).toEqual([]);
      },
    );
  }

  it('nginxConsistent knows upstreams by what the configuration calls them', async () => {
    const names = oddNames(folder, closedPort);
    const upstreams = names.map(({ name }, at) => ({
      id: `api-${at}`,
      url: `http://10.0.0.${at + 1}`,
      weight: at + 1,
      draining: false,
      address: name,
    }));
    const { placement } = snapshotOf(upstreams, 'nginxConsistent', {});
    const asked = testKeys(random);
    const answers = await askPipelined(
      port,
      'X-Upstream',
      asked.map((key) => `GET /odd HTTP/1.1\r\nHost: a\r\nX-Key: ${key}\r\n\r\n`),
    );
    expect(
      differences(
        asked,
        asked.map((key) => names[placement.owner(key)]!.tried),
        answers.map((tried) => tried.split(', ')[0]!),
      ),
    ).toEqual([]);
  });

  it('the gateway itself sends the same users to the same upstreams, and says where it balanced instead', async () => {
    const upstreams = pools[MOSTLY_DOWN]!;
    const gateway = await startTestGateway({
      upstreams: Object.fromEntries(
        upstreams.map(({ id, url, weight, draining }) => [id, { url, weight, draining }]),
      ),
      affinity: [{ header: 'x-key' }],
      placement: 'nginxHash',
      balance: 'roundRobin',
    });
    const kind = KINDS.findIndex(({ directive }) => directive === 'hash $http_x_key');
    const asked = testKeys(random);
    const idOf = new Map(upstreams.map(({ id, url }) => [url.slice('http://'.length), id]));
    // nginx's turns go on from those of the tests above, so only the keys that it places are compared; of the
    // others it must be said that they are none.
    const own = decider(snapshotOf(upstreams, 'nginxHash', {}), random);
    const requests = (path: string): string[] =>
      asked.map((key) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Key: ${key}\r\n\r\n`);
    const there = (await askPipelined(port, 'X-Upstream', requests(`/${kind}-${MOSTLY_DOWN}`))).map(
      (address) => idOf.get(address)!,
    );
    const here = await askPipelined(gateway.port, 'X-Upstream', requests('/'));
    const said = await askPipelined(gateway.port, 'X-Affinity', requests('/'));
    const isPlaced = asked.map((key) => own(key).outcome !== 'balanced');
    const placed = asked.filter((_, at) => isPlaced[at]);
    expect(placed.length).toBeGreaterThan(0);
    expect(
      differences(
        placed,
        here.filter((_, at) => isPlaced[at]),
        there.filter((_, at) => isPlaced[at]),
      ),
    ).toEqual([]);
    expect(said.map((text) => text.startsWith('balanced'))).toEqual(isPlaced.map((yes) => !yes));
  });

  it('nginx gave up and balanced where the decision says so', () => {
    for (const { placement } of KINDS)
      expect(
        outcomes.get(`${placement} balanced`) ?? 0,
        `${placement}: ${JSON.stringify([...outcomes])}`,
      ).toBeGreaterThan(0);
  });
});
