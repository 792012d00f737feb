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
import { until } from '../support/until.js';
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

interface Method {
  readonly placement: 'haproxyConsistent' | 'haproxyMap';
  /** As they would stand in a configuration of ours, and of HAProxy. */
  readonly options: {
    readonly hash?: string;
    readonly avalanche?: boolean;
    readonly source?: boolean;
    readonly key?: string;
  };
  readonly written: readonly string[];
}

const SPOKEN = { haproxyConsistent: 'consistent', haproxyMap: 'map-based' } as const;
const PLACEMENTS = ['haproxyConsistent', 'haproxyMap'] as const;

function methods(version: number): Method[] {
  const functions = ['sdbm', 'djb2', 'wt6', 'crc32', ...(version >= 2.9 ? ['none'] : [])];
  const byName = PLACEMENTS.flatMap((placement) =>
    functions.flatMap((hash) =>
      [false, true].map((avalanche): Method => ({
        placement,
        options: { hash, ...(avalanche && { avalanche }) },
        written: [
          'balance hdr(x-key)',
          `hash-type ${SPOKEN[placement]} ${hash}${avalanche ? ' avalanche' : ''}`,
        ],
      })),
    ),
  );
  const byDefault = PLACEMENTS.map((placement): Method => ({
    placement,
    options: {},
    written: ['balance hdr(x-key)', `hash-type ${SPOKEN[placement]}`],
  }));
  const bySource = PLACEMENTS.flatMap((placement) =>
    ['', ' sdbm', ' wt6 avalanche'].map((rest): Method => ({
      placement,
      options: {
        source: true,
        ...(rest !== '' && { hash: rest.trim().split(' ')[0]! }),
        ...(rest.endsWith('avalanche') && { avalanche: true }),
      },
      written: ['balance source', `hash-type ${SPOKEN[placement]}${rest}`],
    })),
  );
  const keys = [...(version >= 3 ? ['addr', 'addr-port'] : []), ...(version >= 3.4 ? ['id32'] : [])];
  const byKey = keys.map((key): Method => ({
    placement: 'haproxyConsistent',
    options: { key },
    written: ['balance hdr(x-key)', 'hash-type consistent', `default-server hash-key ${key}`],
  }));
  return [...byDefault, ...byName, ...bySource, ...byKey];
}

/**
 * Every method meets pools of every kind: whole, with somebody marked `disabled`, with somebody whom health
 * checks have found away.
 */
const pools = (): readonly PoolOptions[] => [
  { count: 2 + random.below(39), weightMax: 10 },
  { count: 2 + random.below(39), weightMax: 10, marked: 30, refusing: 20 },
  { count: 40, weightMax: random.below(2) === 0 ? 1 : 10, marked: 45, refusing: 45 },
];

function backend(
  name: string,
  upstreams: readonly TestUpstream[],
  written: readonly string[],
  check: string,
): string {
  const servers = upstreams.map(
    ({ id, url, weight, haproxyId, state }) =>
      `  server ${id} ${url.slice('http://'.length)} weight ${weight}${haproxyId === undefined ? '' : ` id ${haproxyId}`}${state === 'marked' ? ' disabled' : state === 'refusing' ? check : ''}`,
  );
  return [
    `backend ${name}`,
    ...written.map((line) => `  ${line}`),
    '  http-response set-header x-upstream %s',
    ...servers,
  ].join('\n');
}

/** Some have an id of their own: a great one, or one that another's position would have given it. */
function numbered(upstreams: readonly TestUpstream[]): TestUpstream[] {
  const taken = new Set<number>();
  return upstreams.map((upstream) => {
    const number =
      random.below(2) === 0 ? 1 + random.below(upstreams.length + 3) : 1 + random.below(2 ** 31 - 1);
    if (random.below(4) > 0 || taken.has(number)) return upstream;
    taken.add(number);
    return { ...upstream, number };
  });
}

function haproxyVersion(): number {
  const path = findProgram('haproxy');
  return path === undefined
    ? 0
    : Number(/version (\d+\.\d+)/.exec(execFileSync(path, ['-v'], { encoding: 'utf8' }))?.[1]);
}

interface Case extends Method {
  readonly name: string;
  readonly upstreams: readonly TestUpstream[];
}

skipUnless('haproxy')(`placements beside HAProxy ${haproxyVersion()} (SEED=${SEED})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-haproxy-placements-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const listed = methods(haproxyVersion());
  const cases: Case[] = [];
  const retried: Case[] = [];
  let port = 0;

  beforeAll(async () => {
    const [front, open, closed] = (await freePorts(3)) as [number, number, number];
    port = front;
    let made = 0;
    const made1 = (method: Method, options: PoolOptions): Case => ({
      ...method,
      name: `b${made}`,
      upstreams: numbered(testPool(random, made++, open, closed, options)),
    });
    for (const method of listed) for (const options of pools()) cases.push(made1(method, options));
    retried.push(made1(listed[0]!, { count: 20, weightMax: 10, refusing: 30 }));
    writeFileSync(
      join(folder, 'haproxy.cfg'),
      `
global
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  retries 1
  option redispatch 1
  http-reuse always
frontend front
  bind 127.0.0.1:${front}
  stats enable
  stats uri /stats
  http-request set-src hdr(x-address) if { req.hdr(x-address) -m found }
  use_backend %[path,regsub(/,)]
frontend upstreams
  bind :${open}
  http-request return status 200
${cases.map(({ name, upstreams, written }) => backend(name, upstreams, written, ' check inter 200ms downinter 1h fall 1')).join('\n')}
${retried.map(({ name, upstreams, written }) => backend(name, upstreams, written, '')).join('\n')}
`,
    );
    const haproxy = start(program('haproxy'), ['-db', '-q', '-f', join(folder, 'haproxy.cfg')]);
    await haproxy.waitForPort(front);
    const refusing = cases.reduce(
      (sum, { upstreams }) => sum + upstreams.filter(({ state }) => state === 'refusing').length,
      0,
    );
    await until(
      'health checks to find everybody who is away',
      async () => {
        const csv = await (await fetch(`http://127.0.0.1:${front}/stats;csv`)).text();
        return csv.split('\n').filter((line) => line.split(',')[17] === 'DOWN').length === refusing;
      },
      20_000,
    );
  }, 30_000);

  const titles = listed.flatMap(({ placement, written, options }) =>
    pools().map(
      (_, kind) => `${placement} ${JSON.stringify(options)} agrees with ${written.join(', ')}, pool ${kind}`,
    ),
  );
  it.each(titles.map((title, at) => [title, at] as const))('%s', async (_title, at) => {
    const { name, placement, options, upstreams } = cases[at]!;
    const isSource = options.source === true;
    const asked = isSource ? testAddresses(random) : testKeys(random);
    const known = upstreams.map((upstream) => ({ ...upstream, draining: upstream.state !== 'up' }));
    const decision = decider(snapshotOf(known, placement, options), random);
    const expected = asked.map((key) => known[decision(key).index]!.id);
    const requests = asked.map(
      (key) => `GET /${name} HTTP/1.1\r\nHost: a\r\n${isSource ? 'X-Address' : 'X-Key'}: ${key}\r\n\r\n`,
    );
    expect(differences(asked, expected, await askPipelined(port, 'X-Upstream', requests))).toEqual([]);
  });

  it('after a failed try the next is the one that HAProxy redispatches to', async () => {
    const { name, placement, options, upstreams } = retried[0]!;
    const asked = testKeys(random);
    const decision = decider(snapshotOf(upstreams, placement, options), random);
    const idOf = new Map(upstreams.map(({ id, url }) => [url.slice('http://'.length), id]));
    const expected = asked.map((key) =>
      tries(decision(key), upstreams, 2)
        .map((address) => idOf.get(address)!)
        .at(-1)!,
    );
    const requests = asked.map((key) => `GET /${name} HTTP/1.1\r\nHost: a\r\nX-Key: ${key}\r\n\r\n`);
    const answers = await askPipelined(port, 'X-Upstream', requests);
    // Where both tries failed, HAProxy answers 503 itself.
    const actual = answers.map((id, i) =>
      id === '' && upstreams.find((upstream) => upstream.id === expected[i])!.state === 'refusing'
        ? expected[i]!
        : id,
    );
    expect(differences(asked, expected, actual)).toEqual([]);
    expect(expected.filter((id, i) => id !== decisionOwner(asked[i]!)).length).toBeGreaterThan(100);

    function decisionOwner(key: string): string {
      return upstreams[decision(key).index]!.id;
    }
  });
});
