import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { askPipelined } from '../support/pipelined.js';
import { freePorts } from '../support/ports.js';
import { start } from '../support/processes.js';
import { findProgram, program, skipUnless } from '../support/programs.js';
import {
  decider,
  differences,
  KEYS,
  SEED,
  snapshotOf,
  testKeys,
  testPool,
  tries,
  type PoolOptions,
  type TestUpstream,
} from './other-balancers.js';

const random = seededRandom(SEED);

/**
 * Caddy has no mark for an upstream that is away: it finds out by trying, and leaves it alone from then on.
 */
const POOLS: readonly PoolOptions[] = [
  { count: 2, weightMax: 1 },
  { count: 3 + random.below(38), weightMax: 1 },
  { count: 3 + random.below(38), weightMax: 1, refusing: 30 },
  { count: 40, weightMax: 1, refusing: 90 },
];

const POLICIES = ['header X-Key', 'uri_hash', 'ip_hash'] as const;

/** 2.6.2, or what a build of one's own says. */
function caddyVersion(): string {
  const path = findProgram('caddy');
  return path === undefined
    ? ''
    : (/\d+\.\d+\.\d+/.exec(execFileSync(path, ['version'], { encoding: 'utf8' }))?.[0] ?? '');
}

skipUnless('caddy')(`placements beside Caddy ${caddyVersion()} (SEED=${SEED})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-caddy-placements-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let pools: TestUpstream[][] = [];
  let port = 0;

  beforeAll(async () => {
    const [front, open, closed] = (await freePorts(3)) as [number, number, number];
    port = front;
    pools = POOLS.map((options, at) => testPool(random, at, open, closed, options));
    const handles = pools.flatMap((upstreams, pool) =>
      POLICIES.map(
        (policy, kind) => `
  handle /${kind}-${pool}* {
    reverse_proxy ${upstreams.map(({ url }) => url.slice('http://'.length)).join(' ')} {
      lb_policy ${policy}
      lb_try_duration 10s
      lb_try_interval 1ms
      fail_duration 1h
      header_down X-Upstream {http.reverse_proxy.upstream.hostport}
    }
  }`,
      ),
    );
    writeFileSync(
      join(folder, 'Caddyfile'),
      `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://:${front} {
  bind 127.0.0.1
${handles.join('')}
}
http://:${open} {
  respond 200
}
`,
    );
    const caddy = start(
      program('caddy'),
      ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')],
      { env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } },
    );
    await caddy.waitForPort(front);
  });

  const titles = POOLS.flatMap((options, pool) =>
    POLICIES.map((policy, kind) => [policy, JSON.stringify(options), pool, kind] as const),
  );
  it.each(titles)(
    'lb_policy %s chooses the same upstream, pool %s',
    async (_policy, _options, pool, kind) => {
      const upstreams = pools[pool]!;
      const path = `/${kind}-${pool}`;
      const asked = [
        () => testKeys(random),
        () => Array.from({ length: KEYS }, () => `${path}/${random.id()}?q=${random.below(100)}`),
        () => Array.from({ length: KEYS }, () => `127.2.${random.below(256)}.${1 + random.below(254)}`),
      ][kind]!();
      const decision = decider(snapshotOf(upstreams, 'caddyHrw', { version: caddyVersion() }), random);
      const expected = asked.map((key) => tries(decision(key), upstreams).at(-1)!);
      const actual = await [
        () =>
          askPipelined(
            port,
            'X-Upstream',
            asked.map((key) => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Key: ${key}\r\n\r\n`),
          ),
        () =>
          askPipelined(
            port,
            'X-Upstream',
            asked.map((key) => `GET ${key} HTTP/1.1\r\nHost: a\r\n\r\n`),
          ),
        () => fromAddresses(port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, asked),
      ][kind]!();
      expect(differences(asked, expected, actual)).toEqual([]);
    },
  );
});

/** The same request from many addresses of this machine, a hundred connections at a time. */
async function fromAddresses(port: number, request: string, addresses: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (let at = 0; at < addresses.length; at += 100) {
    answers.push(
      ...(
        await Promise.all(
          addresses
            .slice(at, at + 100)
            .map((address) => askPipelined(port, 'X-Upstream', [request], address)),
        )
      ).flat(),
    );
  }
  return answers;
}
