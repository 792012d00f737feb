import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StickyError } from '../base/errors.js';
import type { Config } from '../control/config/config.js';
import { until } from '../../test/support/until.js';
import type { StartGateway } from './served-gateway.js';
import { run } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-cli-'));
const empty = mkdtempSync(join(tmpdir(), 'stickyroute-cli-'));
afterAll(() => [folder, empty].forEach((path) => rmSync(path, { recursive: true })));

const GOOD =
  'upstreams: { api-1: http://127.0.0.1:8001, api-2: http://127.0.0.1:8002 }\naffinity: [header: x-user-id, ip]\nplacement: ring\n';
writeFileSync(join(folder, 'good.yaml'), GOOD);
writeFileSync(join(folder, 'bad.yaml'), 'upstreams: { api-1: { url: http://a, weight: 0 } }\nexpsoe: true\n');
writeFileSync(join(folder, 'stickyroute.yaml'), GOOD);

/** A process to run a command in, with a gateway that only writes down what it is told. */
function terminal(cwd = folder) {
  const out = { text: '', write: (text: string) => void (out.text += text) };
  const err = { text: '', write: (text: string) => void (err.text += text) };
  const signals = new EventEmitter();
  const exits: number[] = [];
  const configs: Config[] = [];
  const events: string[] = [];
  let startFailure: Error | undefined;
  const startGateway: StartGateway = async (config, { file }) => {
    if (startFailure !== undefined) throw startFailure;
    configs.push(config);
    events.push('started');
    return {
      port: 0,
      address: 'http://localhost:8080',
      operations: {
        async reopenLogs() {},
        async reload() {
          configs.push(file!.read());
          events.push('reloaded');
          return { needsRestart: [] };
        },
      },
      shutdownDelayMs: 0,
      announceClose: async () => {},
      close: async () => void events.push('closed'),
    };
  };
  const around = {
    stdout: out,
    stderr: err,
    env: {},
    cwd,
    signals,
    openOutputs: () => ({ log: { write: () => undefined }, stderr: err, finish: async () => {} }),
    exit: (code: number) => void exits.push(code),
  };
  return {
    out,
    err,
    signals,
    exits,
    configs,
    events,
    failWith: (error: Error) => (startFailure = error),
    run: (...argv: string[]) => run(argv, around, startGateway),
    runReally: (...argv: string[]) => run(argv, around),
  };
}

/** Starts `up`, does things while it runs, and stops it. */
async function up(
  argv: string[],
  during: (t: ReturnType<typeof terminal>) => void | Promise<void> = () => undefined,
  cwd = folder,
) {
  const t = terminal(cwd);
  const code = t.run('up', ...argv);
  await settle();
  await during(t);
  t.signals.emit('SIGTERM');
  return { ...t, code: await code, config: t.configs[0]! };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the command line', () => {
  it('answers --version and --help with 0', async () => {
    const t = terminal();
    expect(await t.run('--version')).toBe(0);
    expect(t.out.text).toMatch(/^\d+\.\d+\.\d+\n$/);
    for (const argv of [
      ['--help'],
      ['up', '--help'],
      ['validate', '--help'],
      ['explain', '--help'],
      ['advise', '--help'],
    ]) {
      const help = terminal();
      expect(await help.run(...argv)).toBe(0);
      expect(help.out.text).toContain('Examples:');
    }
  });

  it.each([
    [['vaildate'], 'validate'],
    [['up', '--upstrem', 'http://a'], '--upstream'],
    [['explain', '--ulr', '/'], '--url'],
  ])('asks whether %j was meant otherwise, and exits 2', async (argv, meant) => {
    const t = terminal();
    expect(await t.run(...argv)).toBe(2);
    expect(t.err.text).toContain(`Did you mean ${meant}?`);
  });

  it.each([
    [['validate', 'good.yaml'], 'named by -c FILE'],
    [['import'], 'COMMAND --help'],
    [['up', '--bogus'], 'COMMAND --help'],
    [['bogus'], 'stickyroute --help'],
    [['validate', '-c', 'nowhere.yaml'], 'a relative one starts at the working folder'],
  ])('says what to do about %j, and exits 2', async (argv, advice) => {
    const t = terminal();
    expect(await t.run(...argv)).toBe(2);
    expect(t.err.text).toContain(advice);
  });

  it('shows the help and exits 2 without a command', async () => {
    const t = terminal();
    expect(await t.run()).toBe(2);
    expect(t.err.text).toContain('Examples:');
  });
});

describe('validate', () => {
  it('says ok with a summary', async () => {
    const t = terminal();
    expect(await t.run('validate', '-c', 'good.yaml')).toBe(0);
    expect(t.out.text).toBe('good.yaml: ok, 1 route, 1 pool, 2 upstreams, listens at port 8080\n');
  });

  it('lists every problem and exits 2', async () => {
    const t = terminal();
    expect(await t.run('validate', '-c', 'bad.yaml')).toBe(2);
    expect(t.out.text).toBe('');
    expect(t.err.text).toBe(
      'bad.yaml:1:38 upstreams.api-1.weight: must be above 0, not 0. Write weight: 1 or leave it out.\n' +
        'bad.yaml:2:1 expsoe: is not a key here. Did you mean expose?\n' +
        'bad.yaml: 2 problems\n',
    );
  });

  it('takes the usual file, and says so when there is none', async () => {
    expect(await terminal().run('validate')).toBe(0);
    const t = terminal(empty);
    expect(await t.run('validate')).toBe(2);
    expect(t.err.text).toContain('There is no stickyroute.yaml');
  });

  it('finds what only shows when it is put together', async () => {
    writeFileSync(
      join(folder, 'small.yaml'),
      'upstreams: [http://a, http://b, http://c, http://d]\nplacement: { maglev: { tableSize: 3 } }\n',
    );
    const t = terminal();
    expect(await t.run('validate', '-c', 'small.yaml')).toBe(2);
    expect(t.err.text).toContain('pool default, placement maglev: A table of 3 entries is too small');
  });
});

describe('up', () => {
  it('runs from flags alone', async () => {
    const { code, config, err, events } = await up([
      '--upstream',
      'http://127.0.0.1:3001',
      '--upstream',
      'http://127.0.0.1:3002',
      '--affinity',
      'header:x-user-id',
      '--affinity',
      'path:/users/:id',
      '--affinity',
      'ip',
      '--placement',
      'ring',
      '--balance',
      'twoChoices',
      '--listen',
      '127.0.0.1:9000',
      '--expose',
      '--no-access-log',
    ]);
    expect(code).toBe(0);
    expect(events).toEqual(['started', 'closed']);
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 9000 },
      expose: true,
      accessLog: false,
    });
    expect(config.pools[0]!.upstreams.map(({ id }) => id)).toEqual(['127.0.0.1:3001', '127.0.0.1:3002']);
    expect(config.routes[0]!.affinity.map(({ name }) => name)).toEqual(['header', 'path', 'ip']);
    expect(err.text).toContain('listens at http://localhost:8080\n');
    expect(err.text).toContain(
      'pool default: ring over 127.0.0.1:3001 http://127.0.0.1:3001, 127.0.0.1:3002 http://127.0.0.1:3002\n',
    );
    expect(err.text).not.toContain('warning');
  });

  it('warns when cookies would not survive a restart', async () => {
    const { err } = await up(['--upstream', 'http://127.0.0.1:3001', '--placement', 'ring']);
    expect(err.text).toContain('warning: no keys are set');
  });

  it('takes the usual file, and flags for what is not routing win over it', async () => {
    const { config } = await up(['--listen', '9001']);
    expect(config).toMatchObject({ listen: { host: undefined, port: 9001 }, accessLog: true, expose: false });
    expect(config.pools[0]!.upstreams).toHaveLength(2);
  });

  it('takes the number of workers, and says so', async () => {
    const { config, err } = await up(['--workers', '3']);
    expect(config.workers).toBe(3);
    expect(err.text).toContain('listens at http://localhost:8080 with 3 workers\n');
    expect((await up(['--workers', 'auto'])).config.workers).toBe('auto');
    const t = terminal();
    expect(await t.run('up', '--workers', '0')).toBe(2);
    expect(t.err.text).toContain(
      "argument '0' is invalid. It is not a number of processes. Write a whole number from 1 to 256, or auto for one a core.",
    );
  });

  it('says what to type when there is nothing to run', async () => {
    const t = terminal(empty);
    expect(await t.run('up')).toBe(2);
    expect(t.err.text).toContain('stickyroute up --upstream http://127.0.0.1:3001');
  });

  it('does not mix a file with flags for routing', async () => {
    const t = terminal();
    expect(await t.run('up', '-c', 'good.yaml', '--upstream', 'http://a', '--affinity', 'ip')).toBe(2);
    expect(t.err.text).toContain("--upstream and --affinity can't be mixed with a file (good.yaml)");
  });

  it('speaks of the flags that are wrong, all at once', async () => {
    const t = terminal();
    expect(
      await t.run(
        'up',
        '--upstream',
        '127.0.0.1:3001',
        '--upstream',
        'http://me:secret@a',
        '--affinity',
        'haeder:x',
        '--balance',
        'rr',
      ),
    ).toBe(2);
    expect(t.err.text).toContain(
      '--upstream 127.0.0.1:3001: is not a URL: the scheme is missing. Write http://127.0.0.1:3001.',
    );
    expect(t.err.text).toContain('--upstream: holds a user name or password');
    expect(t.err.text).toContain('--affinity haeder:x: is not a rule. Did you mean header?');
    expect(t.err.text).toContain('--balance rr: is not a balance.');
    expect(t.err.text).toContain('4 problems');
    expect(t.err.text).not.toContain('secret');
  });

  it('refuses an address that is none', async () => {
    const t = terminal();
    expect(await t.run('up', '--listen', 'localhost')).toBe(2);
    expect(t.err.text).toContain(
      "option '-l, --listen <address>' argument 'localhost' is invalid. It is not an address to listen at.",
    );
  });

  it('tells of a port in use in one line and exits 1', async () => {
    const t = terminal();
    t.failWith(new StickyError('STICKY_LISTEN_FAILED', 'port 8080 is in use. Stop what listens there.'));
    expect(await t.run('up')).toBe(1);
    expect(t.err.text).toBe('stickyroute: port 8080 is in use. Stop what listens there.\n');
  });

  it('stops at once at the second signal', async () => {
    const { exits, code } = await up([], ({ signals }) => void signals.emit('SIGINT'));
    expect(exits).toEqual([1]);
    expect(code).toBe(0);
  });

  it('leaves no listener behind', async () => {
    const { signals } = await up([]);
    expect(signals.eventNames()).toEqual([]);
  });
});

describe('SIGHUP', () => {
  it('reads the file again, with the same flags on top', async () => {
    writeFileSync(join(folder, 'changing.yaml'), GOOD);
    const { configs, err } = await up(['-c', 'changing.yaml', '--expose'], async ({ signals }) => {
      writeFileSync(join(folder, 'changing.yaml'), GOOD.replace('api-2', 'api-9'));
      signals.emit('SIGHUP');
      await settle();
    });
    expect(configs).toHaveLength(2);
    expect(configs[1]!.pools[0]!.upstreams.map(({ id }) => id)).toEqual(['api-1', 'api-9']);
    expect(configs[1]!.expose).toBe(true);
    expect(err.text).toContain('changing.yaml read again and in use');
  });

  it('changes nothing when the file is bad, and tells every problem', async () => {
    writeFileSync(join(folder, 'changing.yaml'), GOOD);
    const { configs, err, code } = await up(['-c', 'changing.yaml'], async ({ signals }) => {
      writeFileSync(join(folder, 'changing.yaml'), 'upstreams: {}\nlisten: nowhere\n');
      signals.emit('SIGHUP');
      await settle();
      rmSync(join(folder, 'changing.yaml'));
      signals.emit('SIGHUP');
      await settle();
    });
    expect(configs).toHaveLength(1);
    expect(err.text).toContain('changing.yaml:1:1 upstreams: is empty.');
    expect(err.text).toContain('changing.yaml:2:1 listen: is not an address');
    expect(err.text).toContain('changing.yaml, which is not there');
    expect(err.text.match(/nothing changed/g)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('has nothing to read where all came from flags', async () => {
    const { configs, err } = await up(
      ['--upstream', 'http://a', '--placement', 'ring'],
      async ({ signals }) => {
        signals.emit('SIGHUP');
        await settle();
      },
    );
    expect(configs).toHaveLength(1);
    expect(err.text).toContain('no file to read again');
  });
});

describe('up with the real gateway', () => {
  it('serves, tells of its port in use, and stops', async () => {
    const upstream = createServer((_, response) => response.end('here')).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const first = terminal();
    const code = first.runReally(
      'up',
      '--upstream',
      url,
      '--listen',
      '127.0.0.1:0',
      '--placement',
      'ring',
      '--no-access-log',
      '--expose',
    );
    await until('the gateway listens', () => first.err.text.includes('listens at'));
    const address = /listens at (http:\/\/\S+)/.exec(first.err.text)![1]!;
    const answer = await fetch(address, { headers: { connection: 'close' } });
    expect(await answer.text()).toBe('here');
    expect(answer.headers.get('x-affinity')).toMatch(/^balanced/);
    const second = terminal();
    expect(
      await second.runReally(
        'up',
        '--upstream',
        url,
        '--listen',
        new URL(address).host,
        '--placement',
        'ring',
      ),
    ).toBe(1);
    expect(second.err.text).toMatch(/^stickyroute: .*in use.*\n$/);
    first.signals.emit('SIGTERM');
    expect(await code).toBe(0);
    upstream.close();
  });
});
