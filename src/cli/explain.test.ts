import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { plainFacts } from '../route/plain-facts.js';
import { assemble } from '../control/assembly.js';
import { loadConfig } from '../control/config/load.js';
import type { Explanation } from '../control/explanation.js';
import { run } from './run.js';

const KEY = 'explain-test-key-0123456789abcdefghij';
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-explain-'));
afterAll(() => rmSync(folder, { recursive: true }));

const UPSTREAMS =
  '{ api-1: http://127.0.0.1:8001, api-2: http://127.0.0.1:8002, api-3: http://127.0.0.1:8003 }';
writeFileSync(
  join(folder, 'stickyroute.yaml'),
  `keys: [${KEY}]\nupstreams: ${UPSTREAMS}\naffinity: [cookie, { header: x-user-id }, ip]\nplacement: ring\ntrustedProxies: [10.0.0.0/8]\n`,
);
writeFileSync(
  join(folder, 'routes.yaml'),
  `pools: { api: { upstreams: ${UPSTREAMS}, placement: ring } }\nroutes: [{ match: { host: "*.example.org", path: /api }, pool: api, affinity: [routeCookie: app, ip], balance: roundRobin }]\n`,
);

async function explain(...argv: string[]): Promise<{ code: number; text: string; error: string }> {
  let text = '';
  let error = '';
  const nowhere = { on: () => undefined, off: () => undefined };
  const code = await run(['explain', ...argv], {
    stdout: { write: (more) => (text += more) },
    stderr: { write: (more) => (error += more) },
    env: {},
    cwd: folder,
    signals: nowhere,
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
  });
  return { code, text, error };
}

async function explained(...argv: string[]): Promise<Explanation> {
  return JSON.parse((await explain(...argv, '--json')).text) as Explanation;
}

/** The cookie that the configuration's first rule writes for an upstream. */
function cookieFor(id: string): string {
  const { routes } = assemble(loadConfig('stickyroute.yaml', {}, folder));
  const pool = routes[0]!.pool.snapshot;
  return routes[0]!.affinity.rules[0]!.bind!(
    plainFacts({ nowMs: Date.now() }),
    pool,
    pool.indexOf(id)!,
  ).split(';')[0]!;
}

describe('explain, of an upstream that is being emptied', () => {
  const wholeSeconds = (ms: number): string => `'${new Date(ms).toISOString().slice(0, 19)}Z'`;
  const write = (from: number, to: number): void =>
    writeFileSync(
      join(folder, 'leaving.yaml'),
      `upstreams: { api-1: http://127.0.0.1:8001, api-2: { url: http://127.0.0.1:8002, standing: { leaving: { from: ${wholeSeconds(from)}, until: ${wholeSeconds(to)} } } } }\naffinity: [{ header: x-user-id }]\n`,
    );
  const of = (user: number): string[] => ['-c', 'leaving.yaml', '--url', '/', '-H', `x-user-id: ${user}`];

  it('says when its users move', async () => {
    const now = Date.now();
    const [from, to] = [now - 60_000, now + 3_600_000];
    write(from, to);
    const all = await Promise.all(Array.from({ length: 30 }, (_, user) => explained(...of(user))));
    const staying = all.flatMap(({ movesAt }) => (movesAt === undefined ? [] : [Date.parse(movesAt)]));
    expect(staying.length).toBeGreaterThan(3);
    expect(new Set(staying).size).toBe(staying.length);
    for (const at of staying) expect(at).toSatisfy((ms: number) => ms > now && ms <= to);
    for (const { movesAt, upstream } of all) expect(movesAt !== undefined).toBe(upstream?.id === 'api-2');
    const user = all.findIndex(({ movesAt }) => movesAt !== undefined);
    const time = all[user]!.movesAt!;
    const { text } = await explain(...of(user));
    expect(text).toContain(`moves     at ${time.slice(11, 19)} UTC on ${time.slice(0, 10)}, at the latest\n`);
  });
});

describe('explain', () => {
  it('says which upstream, by which rule, and what the others found', async () => {
    const { code, text } = await explain(
      '--url',
      'http://example.org/a?b=c',
      '--header',
      'X-User-Id: 7',
      '--ip',
      '192.0.2.1',
    );
    expect(code).toBe(0);
    expect(text).toMatch(
      new RegExp(
        [
          'request   GET example\\.org /a\\?b=c from 192\\.0\\.2\\.1',
          'route     default \\(any host, path /\\) → pool default',
          'upstream  api-[123] http://127\\.0\\.0\\.1:800[123]',
          'outcome   keyed by header x-user-id',
          'rules     cookie sr: found nothing',
          '          header x-user-id: found a key: decides',
          '          ip: not asked: an earlier rule decided',
          'next      api-[123], api-[123]',
          'answer    sets the cookie sr',
          'note      .*\\n$',
        ].join('\n'),
      ),
    );
  });

  it('agrees with the router for every user, and lists each upstream once', async () => {
    const { routes } = assemble(loadConfig('stickyroute.yaml', {}, folder));
    const { placement, upstreams } = routes[0]!.pool.snapshot;
    for (const user of ['1', '2', '3', 'alice', 'bob']) {
      const result = await explained('--url', '/', '--header', `x-user-id: ${user}`);
      const ranked = Array.from(placement.rank(user), (index) => upstreams[index]!.id);
      expect([result.upstream!.id, ...result.next]).toEqual(ranked);
    }
  });

  it('follows a genuine cookie and nothing else', async () => {
    const bound = await explained('--url', '/', '-H', `cookie: ${cookieFor('api-2')}`);
    expect(bound).toMatchObject({
      upstream: { id: 'api-2' },
      outcome: 'bound',
      rule: { name: 'cookie', subject: 'sr' },
      cookies: [],
    });
    expect(bound.rules[0]).toMatchObject({ found: 'bound', upstream: 'api-2' });
    const forged = await explained('--url', '/', '-H', 'cookie: sr=forged', '--ip', '192.0.2.1');
    expect(forged).toMatchObject({
      outcome: 'keyed',
      rule: { name: 'ip' },
      why: 'unreadable',
      cookies: ['sr'],
    });
    expect(forged.rules[0]).toMatchObject({ found: 'unreadable' });
  });

  it('looks through trusted proxies for the address', async () => {
    const direct = await explained('--url', '/', '--ip', '192.0.2.7');
    const forwarded = await explained(
      '--url',
      '/',
      '--ip',
      '10.1.2.3',
      '-H',
      'X-Forwarded-For: 1.2.3.4, 192.0.2.7',
    );
    expect(forwarded.request.client).toBe('192.0.2.7');
    expect(forwarded.upstream).toEqual(direct.upstream);
    expect(
      (await explained('--url', '/', '--ip', '192.0.2.9', '-H', 'X-Forwarded-For: 1.2.3.4')).request.client,
    ).toBe('192.0.2.9');
  });

  it('says when an upstream is gone, or a request goes by the balance', async () => {
    const gone = await explained(
      '-c',
      'routes.yaml',
      '--url',
      'http://a.example.org/api/x',
      '-H',
      'cookie: app=api-9',
      '--ip',
      '192.0.2.1',
    );
    expect(gone).toMatchObject({ outcome: 'rehomed', why: 'gone', rule: { name: 'routeCookie' } });
    const balanced = await explain('-c', 'routes.yaml', '--url', '/api', '-H', 'host: b.example.org');
    expect(balanced.text).toContain('outcome   balanced by roundRobin');
  });

  it('exits 1 when no route answers', async () => {
    const { code, text } = await explain('-c', 'routes.yaml', '--url', 'http://example.org/api');
    expect(code).toBe(1);
    expect(text).toContain('route     none answers for this host and path');
  });

  it.each([
    [['--url', 'example.org'], 'Write http://host/path'],
    [['--url', '/', '--header', 'no colon'], "Write it as 'name: value'."],
    [['--url', '/', '--ip', 'localhost'], 'Write an IPv4 or IPv6 address'],
    [['--url', '/', '--method', 'a b'], 'Write one such as GET or POST'],
    [[], '--url is missing'],
  ])('refuses %j and exits 2', async (argv, message) => {
    const { code, error } = await explain(...argv);
    expect(code).toBe(2);
    expect(error).toContain(message);
  });

  it('never prints a key or a token', async () => {
    const { text } = await explain(
      '--url',
      '/',
      '-H',
      'x-user-id: user-secret',
      '-H',
      `cookie: ${cookieFor('api-1')}x`,
      '--json',
    );
    expect(text).not.toContain('user-secret');
    expect(text).not.toContain(KEY);
    expect(text).not.toContain(cookieFor('api-1').slice(3, 20));
  });
});
