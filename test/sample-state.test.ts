import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from './support/ports.js';
import { start, type RunningProcess } from './support/processes.js';
import { skipUnless } from './support/programs.js';
import { request } from './support/raw-client.js';
import { startRedis } from './support/redis.js';
import { until } from './support/until.js';

const SCRIPT = fileURLToPath(new URL('../examples/start.mjs', import.meta.url));
const shell = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-jar-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Sample {
  readonly process: RunningProcess;
  readonly url: string;
  readonly pids: ReadonlyMap<string, number>;
  /** The password and token that it printed. */
  readonly password: string;
  readonly token: string;
}

async function startSample(...flags: string[]): Promise<Sample> {
  const port = await freePort();
  const sample = start(process.execPath, [SCRIPT, '--port', String(port), ...flags]);
  await sample.waitForLine(/Ctrl-C stops everything/, 20_000);
  const pids = new Map(
    [...sample.stdout.matchAll(/^ {2}(api-\d|gateway) +http:\/\/\S+ +(\d+)$/gm)].map((row) => [
      row[1]!,
      Number(row[2]),
    ]),
  );
  return {
    process: sample,
    url: `http://localhost:${port}`,
    pids,
    password: /password=([\w-]+)'/.exec(sample.stdout)![1]!,
    token: /Bearer ([\w.-]+)/.exec(sample.stdout)![1]!,
  };
}

/** A caller with a cookie jar. */
class Caller {
  readonly #url: string;
  readonly #cookies: Map<string, string>;

  constructor(url: string, cookies = new Map<string, string>()) {
    this.#url = url;
    this.#cookies = cookies;
  }

  /** The same caller at an upstream, past the gateway. */
  at(url: string): Caller {
    return new Caller(url, this.#cookies);
  }

  async ask(
    method: string,
    path: string,
    { body, token }: { body?: object; token?: string } = {},
  ): Promise<{ status: number; headers: Headers; json: Record<string, unknown> }> {
    const headers: Record<string, string> = {
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    const response = await fetch(this.#url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const field of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(field)!;
      if (value === '') this.#cookies.delete(name!);
      else this.#cookies.set(name!, value!);
    }
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      json: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
  }
}

/** Every endpoint that the sample promises, over a service whose upstreams die. */
async function everythingHolds(sample: Sample): Promise<void> {
  const { url, password } = sample;
  const alice = new Caller(url);
  // Nobody yet.
  expect((await alice.ask('GET', '/api/session')).json).toMatchObject({ user: null, session: {} });
  expect((await alice.ask('GET', '/api/data')).json).toMatchObject({ caller: 'anonymous' });
  expect(
    (await alice.ask('POST', '/api/session', { body: { key: 'color', value: 'red' } })).json,
  ).toMatchObject({ session: { color: 'red' } });
  expect((await alice.ask('POST', '/api/session', { body: { key: 'no good', value: 1 } })).status).toBe(400);
  // Login: a session and a token.
  expect(
    (await alice.ask('POST', '/api/login', { body: { username: 'alice', password: 'wrong' } })).status,
  ).toBe(401);
  expect((await alice.ask('POST', '/api/login', { body: { username: 'nobody', password } })).status).toBe(
    401,
  );
  const login = await alice.ask('POST', '/api/login', { body: { username: 'alice', password } });
  expect(login.json).toMatchObject({
    token_type: 'bearer',
    access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  });
  const token = login.json['access_token'] as string;
  expect((await alice.ask('GET', '/api/session')).json).toMatchObject({
    user: 'alice',
    session: { color: 'red', user_id: '1' },
  });
  // By token, from the cache, with the upstream and the level that answered.
  const callers = new Caller(url);
  const first = await callers.ask('GET', '/api/users/me', { token });
  expect(first.json).toMatchObject({
    id: '1',
    username: 'alice',
    service_name: first.headers.get('x-upstream'),
  });
  const levels = new Set([first.json['cache_level']]);
  for (let i = 0; i < 8; i++)
    levels.add((await callers.ask('GET', '/api/users/me', { token })).json['cache_level']);
  expect([...levels]).toContain('local');
  expect([...levels].every((level) => ['database', 'lmdb', 'redis', 'local'].includes(level as string))).toBe(
    true,
  );
  expect((await callers.ask('GET', '/api/users/me')).status).toBe(401);
  const damaged = await callers.ask('GET', '/api/users/me', { token: `${token.slice(0, -4)}AAAA` });
  expect([damaged.status, damaged.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('invalid_token'),
  ]);
  // By owner: the same one whoever is asked, and not from outside.
  const owners = new Set<unknown>();
  for (let i = 0; i < 6; i++) owners.add((await callers.ask('GET', '/api/users/2')).json['service_name']);
  expect(owners.size).toBe(1);
  expect((await callers.ask('GET', '/api/users/999')).status).toBe(404);
  expect((await callers.ask('GET', '/internal/users/2')).status).toBe(404);
  // Every kind of caller at one endpoint.
  expect((await callers.ask('GET', '/api/data', { token })).json).toMatchObject({
    caller: 'token',
    user_id: '1',
  });
  expect((await alice.ask('GET', '/api/data')).json).toMatchObject({
    caller: 'session',
    user_id: '1',
    username: 'alice',
  });

  // The upstream that served alice, and the owner of user 2, die.
  const served = (await alice.ask('GET', '/api/session')).json['service_name'] as string;
  const dead = new Set([served, [...owners][0] as string]);
  for (const name of dead) process.kill(sample.pids.get(name)!, 'SIGKILL');
  for (const name of dead) await sample.process.waitForLine(new RegExp(`${name} .*died: SIGKILL`));
  const moved = await until(
    'alice to be served elsewhere',
    async () => {
      const answer = await alice.ask('GET', '/api/session');
      return answer.status === 200 && !dead.has(answer.json['service_name'] as string) ? answer : undefined;
    },
    10_000,
  );
  expect(moved.json).toMatchObject({ user: 'alice', session: { color: 'red' } });
  const backup = await until(
    'a backup of user 2',
    async () => {
      const answer = await callers.ask('GET', '/api/users/2');
      return answer.status === 200 ? answer : undefined;
    },
    10_000,
  );
  expect(dead.has(backup.json['service_name'] as string)).toBe(false);

  // Logged out everywhere: the session, and the token that was good a moment ago.
  expect((await alice.ask('DELETE', '/api/session')).json).toMatchObject({ session: {} });
  expect((await alice.ask('POST', '/api/logout?everywhere=true')).status).toBe(200);
  expect((await alice.ask('GET', '/api/session')).json).toMatchObject({ user: null, session: {} });
  await until(
    'the token to be worth nothing',
    async () => (await callers.ask('GET', '/api/users/me', { token })).status === 401,
  );
}

describe('the state of the sample', () => {
  it('holds over LMDB when upstreams are killed, and every printed line works as it is pasted', async () => {
    const sample = await startSample();
    const lines = [...sample.process.stdout.matchAll(/^curl .*\/api\/.*$/gm)].map(([line]) =>
      line.replaceAll(join(tmpdir(), 'stickyroute-cookies'), join(folder, 'jar')),
    );
    expect(lines).toHaveLength(6);
    const answers: string[] = [];
    for (const line of lines) answers.push((await shell('sh', ['-c', line])).stdout);
    expect(answers[0]).toContain('"access_token"');
    expect(answers[1]).toContain('"color":"red"');
    expect(answers[2]).toMatch(/"username":"alice".*"cache_level":"(database|lmdb|local)"/);
    expect(answers[3]).toMatch(/"username":"bob"/);
    expect(answers[4]).toMatch(/"token".*"session".*"anonymous"/s);
    await everythingHolds(sample);
    expect(await sample.process.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  skipUnless('redis-server')('over Redis', () => {
    it('holds when upstreams are killed', async () => {
      const redis = await startRedis();
      const sample = await startSample('--redis', redis.url);
      await everythingHolds(sample);
      expect(await sample.process.stop()).toEqual({ code: 0, signal: null });
    }, 60_000);
  });

  it.each(['small', 'medium', 'large'])(
    'holds behind the preset %s',
    async (preset) => {
      const sample = await startSample('--preset', preset);
      await everythingHolds(sample);
      expect(await sample.process.stop()).toEqual({ code: 0, signal: null });
    },
    60_000,
  );

  it('is known to an upstream that is brought back by the line that is printed', async () => {
    const sample = await startSample();
    const alice = new Caller(sample.url);
    const login = await alice.ask('POST', '/api/login', {
      body: { username: 'alice', password: sample.password },
    });
    const name = login.json['service_name'] as string;
    process.kill(sample.pids.get(name)!, 'SIGKILL');
    const [, line] = await sample.process.waitForLine(/Bring it back .*: node (.+)$/m);
    const back = start(process.execPath, line!.split(' '), {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    await back.waitForLine(/listens on/);
    const there = alice.at(/http:\/\/\S+(?=,)/.exec(back.stdout)![0]);
    expect((await there.ask('GET', '/api/session')).json).toMatchObject({
      service_name: name,
      user: 'alice',
    });
    expect(
      (await there.ask('GET', '/api/users/me', { token: login.json['access_token'] as string })).json,
    ).toMatchObject({ service_name: name, username: 'alice' });
    expect((await there.ask('GET', '/api/users/2')).json).toMatchObject({ username: 'bob', entry: name });
    await back.stop();
    expect(await sample.process.stop()).toEqual({ code: 0, signal: null });
  }, 60_000);

  it.each([
    ['127.0.0.1:6379', 'write redis://127.0.0.1:6379'],
    ['redis://:password-secret@127.0.0.1:PORT', 'Nobody answers at 127.0.0.1:PORT: start Redis there'],
  ])('says at once what is wrong with --redis %s', async (url, message) => {
    const closed = String(await freePort());
    const sample = start(process.execPath, [
      SCRIPT,
      '--port',
      String(await freePort()),
      '--redis',
      url.replace('PORT', closed),
    ]);
    expect(await sample.waitForExit()).toEqual({ code: 1, signal: null });
    expect(sample.stderr).toContain(message.replace('PORT', closed));
    expect(sample.stderr + sample.stdout).not.toContain('secret');
  });

  it.each(['small', 'medium', 'large'])(
    'says above each line what --preset %s does with it',
    async (preset) => {
      const port = await freePort();
      const sample = start(process.execPath, [SCRIPT, '--port', String(port), '--preset', preset]);
      await sample.waitForLine(/Ctrl-C stops everything/, 20_000);
      const said = [...sample.stdout.matchAll(/^# by (\w+).*\ncurl -si (?:-H '([^:]+): ([^']+)')?/gm)];
      const answers = await Promise.all(
        said.map(([, , name, value]) =>
          request(port, {
            target: '/load-balancer-test',
            headers: name === undefined ? {} : { [name]: value! },
          }),
        ),
      );
      const rules: Record<string, string> = {
        address: 'keyed by ip',
        bearer: 'keyed by jwt',
        turns: 'balanced',
      };
      expect(said.length).toBeGreaterThan(0);
      expect(answers.map((answer) => answer.header('x-affinity'))).toEqual(said.map(([, by]) => rules[by!]));
      await sample.stop();
    },
    60_000,
  );

  it('says which presets there are', async () => {
    const sample = start(process.execPath, [SCRIPT, '--port', String(await freePort()), '--preset', 'huge']);
    expect(await sample.waitForExit()).toEqual({ code: 1, signal: null });
    expect(sample.stderr).toContain('small, or medium, or large');
  });
});
