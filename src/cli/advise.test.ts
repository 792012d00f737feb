import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { assemble } from '../control/assembly.js';
import { parseConfig, readConfig } from '../control/config/load.js';
import { CLIENTS, KEEPS, PRESETS, presetFor } from '../control/presets.js';
import { run } from './run.js';

/** Runs `advise`. `lines`: what the person at the terminal types; undefined: there is no terminal. */
async function advise(argv: readonly string[], lines?: readonly string[]) {
  const said = { out: '', err: '', questions: [] as string[], isClosed: false };
  const left = [...(lines ?? [])];
  const code = await run(['advise', ...argv], {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    env: {},
    cwd: '/',
    signals: new EventEmitter(),
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
    ...(lines !== undefined && {
      openTerminal: () => ({
        ask: async (question: string) => (said.questions.push(question), left.shift()),
        close: () => void (said.isClosed = true),
      }),
    }),
  });
  return { code, ...said };
}

/** The printed configuration, as `up` would read it. */
function read(text: string) {
  return parseConfig(text, { source: 'printed.yaml', folder: '/', env: { STICKYROUTE_KEY: 'k'.repeat(32) } });
}

describe('advise with flags', () => {
  it.each([
    ['1', 'small'],
    ['9999', 'small'],
    ['10000', 'medium'],
    ['10k', 'medium'],
    ['1 000 000', 'medium'],
    ['1000001', 'large'],
    ['1.5M', 'large'],
  ])('recommends for %s users the preset %s, with its configuration', async (users, name) => {
    const { code, out, err } = await advise(['--users', users]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^# preset ${name} .*\n# Why: `));
    const { config } = PRESETS.find((preset) => preset.name === name)!;
    const { pools, routes, workers } = readConfig({
      upstreams: { 'api-1': 'http://127.0.0.1:3001', 'api-2': 'http://127.0.0.1:3002' },
      ...config,
    });
    expect(read(out)).toMatchObject({ pools, routes, workers });
  });

  it.each([
    ['internal', ['ip']],
    ['browsers', ['cookie']],
    ['api', ['jwt', 'ip']],
    ['mixed', ['cookie', 'jwt', 'ip']],
  ])('for clients %s recommends the rules %j', async (clients, rules) => {
    const { out } = await advise(['--users', '50k', '--clients', clients]);
    expect(read(out).routes[0]!.affinity.map(({ name }) => name)).toEqual(rules);
  });

  it('prefers no affinity where nothing is kept, and exact routing where data is', async () => {
    const routeOf = async (...argv: string[]) =>
      read((await advise(['--users', '2M', '--clients', 'browsers', '--keeps', ...argv])).out).routes[0]!;
    expect(await routeOf('nothing')).toMatchObject({ affinity: [], balance: { name: 'roundRobin' } });
    expect(await routeOf('data')).toMatchObject({
      affinity: [{ name: 'header', options: { name: 'x-user-id' } }],
    });
    expect((await routeOf('copies')).affinity.map(({ name }) => name)).toEqual(['cookie']);
  });

  it('prints a file that runs as it is, whatever the answers', async () => {
    for (const users of ['100', '100k', '10M']) {
      for (const clients of CLIENTS) {
        for (const keeps of KEEPS) {
          const { code, out } = await advise([
            '--users',
            users,
            '--clients',
            clients,
            '--keeps',
            keeps,
            '--proxies',
            '10.0.0.0/8, ::1',
            '--upstream',
            'http://10.0.0.1:80',
            '--upstream',
            'http://10.0.0.2:80',
          ]);
          const config = read(out);
          expect(code).toBe(0);
          expect(config).toMatchObject({
            trustedProxies: ['10.0.0.0/8', '::1'],
            workers: users === '10M' ? 'auto' : 1,
          });
          expect(config.pools[0]!.upstreams.map(({ id, url }) => `${id} ${url}`)).toEqual([
            'api-1 http://10.0.0.1',
            'api-2 http://10.0.0.2',
          ]);
          assemble(config);
        }
      }
    }
  });

  it.each([
    [['--clients', 'api'], '--users is missing'],
    [['--users', 'many'], 'Write a number above 0'],
    [['--users', '0'], 'Write a number above 0'],
    [['--users', '5', '--clients', 'robots'], 'Write one of internal, browsers, api, mixed.'],
    [['--users', '5', '--keeps', 'all'], 'Write one of nothing, copies, data.'],
    [['--users', '5', '--proxies', '10.0.0.1/8'], 'write 10.0.0.0/8'],
    [['--users', '5', '--upstream', '127.0.0.1:1'], '--upstream 127.0.0.1:1: is not a URL'],
  ])('refuses %j and exits 2', async (argv, message) => {
    const { code, err, out } = await advise(argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });
});

describe('advise at a terminal', () => {
  it("asks four questions, again where an answer can't be used", async () => {
    const { code, out, err, questions, isClosed } = await advise(
      [],
      ['many', '50 000', 'robots', 'API', 'copies', 'none'],
    );
    expect([code, isClosed, questions.length]).toEqual([0, true, 6]);
    expect(err).toBe(
      'Write a number above 0: 50000, 10k or 2M.\nWrite one of internal, browsers, api, mixed.\n',
    );
    expect(out).toBe(
      (await advise(['--users', '50000', '--clients', 'api', '--keeps', 'copies', '--proxies', 'none'])).out,
    );
  });

  it('takes the answer in brackets for an empty one', async () => {
    const { out, questions } = await advise([], ['', '', ' ', '']);
    expect(questions.map((question) => /\[(\w+)\] $/.exec(question)![1])).toEqual([
      '10000',
      'mixed',
      'copies',
      'none',
    ]);
    expect(out).toBe(
      (await advise(['--users', '10000', '--clients', 'mixed', '--keeps', 'copies', '--proxies', 'none']))
        .out,
    );
  });

  it.each([0, 1, 2, 3])(
    'gives no advice and exits 1 when the person goes after %i answers',
    async (answers) => {
      const { code, out, err, isClosed } = await advise([], ['500', 'api', 'copies'].slice(0, answers));
      expect([code, out, isClosed]).toEqual([1, '', true]);
      expect(err).toContain('no answers, so no advice');
    },
  );

  it('asks nothing where flags answer', async () => {
    const { code, questions } = await advise(['--users', '500'], []);
    expect([code, questions]).toEqual([0, []]);
  });
});

it('without a terminal and without flags says what to type, and exits 1', async () => {
  const { code, out, err } = await advise([]);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain('stickyroute advise --users 50000');
});

it('the presets cover every number of users', () => {
  expect([1, 9_999, 10_000, 1_000_000, 1_000_001, 1e12].map((users) => presetFor(users).name)).toEqual([
    'small',
    'small',
    'medium',
    'medium',
    'large',
    'large',
  ]);
});
