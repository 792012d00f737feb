import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Random } from '../../src/base/random.js';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { startTestGateway } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { skipUnless } from '../support/programs.js';
import { connect, type ConnectOptions, type RequestOptions } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { startBalancer } from './balancers.js';

/* The other way round than agreement.test.ts: files as people write
 * them are run by their program, and by our gateway after an import. */
const SEED = Number(process.env['SEED'] ?? 20_261_122);
const POOLS = Number(process.env['POOLS'] ?? 3);
const USERS = 120;

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-import-agreement-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type By = 'header' | 'query' | 'cookie' | 'ip';
type Asking = RequestOptions & ConnectOptions;

/** Nothing here is a comma: `balance hdr` takes what stands before it, which the import says. */
const ODD_KEYS = [
  'a',
  'x'.repeat(3000),
  'ü€',
  'a b',
  '"q"',
  "it's",
  '%41%2B',
  '0',
  '-1',
  '{x}$y',
  '~',
  '....',
  'a;b',
  'a=b',
  'é'.repeat(50),
].map((text) => Buffer.from(text).toString('latin1'));

const ASK: Readonly<Record<By, (user: number) => Asking>> = {
  header: (user) => ({ headers: { 'X-User-Id': ODD_KEYS[user] ?? `user-${user}` } }),
  query: (user) => ({ target: `/?a=1&uid=u${user}&b=2` }),
  cookie: (user) => ({ headers: { Cookie: `a=b; uid=c${user}; d="e"` } }),
  ip: (user) => ({ localAddress: `127.${user % 7}.${user % 11}.${1 + (user % 200)}` }),
};

/** A file, from the addresses of its upstreams and the port it shall listen at. */
type Written = (random: Random, addresses: readonly string[], port: number, by: By) => string;

const FILES: Readonly<Record<'nginx' | 'haproxy' | 'caddy', Written>> = {
  nginx(random, addresses, port, by) {
    const key = { header: '$http_x_user_id', query: '$arg_uid', cookie: '$cookie_uid', ip: '$remote_addr' }[
      by
    ];
    const method =
      by === 'ip' && random.below(2) === 0 ? 'ip_hash;' : `hash ${key}${some(random, ['', ' consistent'])};`;
    const servers = addresses.map(
      (address, at) =>
        `server ${address}${some(random, ['', ' weight=2', ' weight=255', ' weight=7'])}${at === 0 ? '' : some(random, ['', '', ' down', ' max_fails=3 fail_timeout=30s'])};`,
    );
    return `events { }\nhttp {\nupstream App { zone app 4m; ${method}\n${servers.join('\n')}\n}\nserver { listen 127.0.0.1:${port}; large_client_header_buffers 4 32k; location / { proxy_pass http://app; proxy_set_header Host $host; } }\n}\n`;
  },
  haproxy(random, addresses, port, by) {
    const balance = {
      header: 'balance hdr(X-User-Id)',
      query: 'balance url_param uid',
      cookie: 'balance hash req.cook(uid)',
      ip: 'balance source',
    }[by];
    const hash = some(random, [
      '',
      'hash-type consistent',
      'hash-type map-based',
      'hash-type consistent crc32 avalanche',
      'hash-type consistent wt6',
      'hash-type map-based djb2 avalanche',
      'hash-type consistent sdbm',
    ]);
    const servers = addresses.map(
      (address, at) =>
        `  server ${at + 1} ${address}${some(random, ['', ' weight 2', ' weight 256', ' weight 7'])}${at === 0 ? '' : some(random, ['', '', ' weight 0', ' disabled', ` id ${100 + at}`, ' backup'])}`,
    );
    // default-server goes for what stands behind it.
    servers.splice(random.below(servers.length), 0, '  default-server weight 3');
    return `defaults\n  mode http\n  timeout connect 2s\n  timeout client 9s\n  timeout server 9s\nfrontend f\n  bind 127.0.0.1:${port}\n  default_backend app\nbackend app\n  ${balance}\n  ${hash}\n${servers.join('\n')}\n`;
  },
  caddy(_random, addresses, port, by) {
    return `{\n\tauto_https off\n}\n:${port} {\n\treverse_proxy ${addresses.join(' ')} {\n\t\tlb_policy ${by === 'ip' ? 'ip_hash' : 'header X-User-Id'}\n\t}\n}\n`;
  },
};

skipUnless(
  'nginx',
  'haproxy',
  'caddy',
)(
  `${POOLS} files of each balancer, run by it and, imported, by our gateway: the same upstreams for ${USERS} users (SEED=${SEED})`,
  () => {
    it.each(Object.keys(FILES) as (keyof typeof FILES)[])(
      '%s',
      async (name) => {
        for (let at = 0; at < POOLS; at++) {
          const random = seededRandom(SEED + at * 3 + name.length);
          const upstreams = await Promise.all(
            Array.from({ length: 1 + random.below(7) }, async (_, index) => {
              const host = some(random, ['127.0.0.1', 'LocalHost', '[0:0::1]']);
              const upstream = await startUpstream({
                id: `at-${index}`,
                host: host.startsWith('[') ? '::1' : '127.0.0.1',
              });
              return { upstream, address: `${host}:${upstream.port}` };
            }),
          );
          const by =
            name === 'caddy'
              ? some(random, ['header', 'ip'] as const)
              : some(random, ['header', 'query', 'cookie', 'ip'] as const);
          const port = await freePort();
          const text = FILES[name](
            random,
            upstreams.map(({ address }) => address),
            port,
            by,
          );
          const file = join(folder, `${name}.conf`);
          writeFileSync(file, text);
          const yaml = importText(
            file,
            file,
            origins.find((origin) => origin.name === name),
            new Report(),
            { version: name === 'caddy' ? '2.6.2' : undefined },
          );

          const balancer = await startBalancer(name, text, port);
          const gateway = await startTestGateway({ ...(parse(yaml) as object), listen: '127.0.0.1:0' });
          const [theirs, ours] = [await homes(port, ASK[by]), await homes(gateway.port, ASK[by])];
          const differing = ours.flatMap((home, user) =>
            home === theirs[user] ? [] : [`user ${user}: ours ${home}, theirs ${theirs[user]!}`],
          );
          expect(differing.slice(0, 10), `SEED=${SEED + at}\n${text}\n${yaml}`).toEqual([]);
          await balancer.stop();
          await gateway.close();
          await Promise.all(upstreams.map(({ upstream }) => upstream.stop()));
        }
      },
      120_000,
    );
  },
);

function some<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

/** Who answered each user. */
async function homes(port: number, ask: (user: number) => Asking): Promise<string[]> {
  const found: string[] = [];
  const lane = await connect(port);
  for (let user = 0; user < USERS; user++) {
    const asked = ask(user);
    const client = asked.localAddress === undefined ? lane : await connect(port, asked);
    const answer = await client.request(asked);
    found.push(answer.status === 200 ? (answer.json() as { id: string }).id : String(answer.status));
    if (client !== lane) client.destroy();
  }
  lane.destroy();
  return found;
}
