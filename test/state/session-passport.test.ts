import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Sessions } from '../../src/state/session/sessions.js';
import { ROOT } from '../house/sources.js';

// What docs/with-passport.md prints, as it is printed, on what `npm run build` made.
const file = join(ROOT, 'test/state', `with-passport-${process.pid}.mjs`);
let page: { readonly app: RequestListener; readonly sessions: Sessions };
let url: string;
let close: () => void;

beforeAll(async () => {
  const text = readFileSync(join(ROOT, 'docs/with-passport.md'), 'utf8');
  writeFileSync(file, /```js\n([^]*?)```/.exec(text)![1]!);
  page = (await import(pathToFileURL(file).href)) as typeof page;
});
afterAll(() => rmSync(file, { force: true }));

beforeEach(async () => {
  const server = createServer(page.app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.close();
    server.closeAllConnections();
  };
});
afterEach(() => close());

class Client {
  cookie: string | undefined;

  async ask(path: string, form?: Record<string, string>): Promise<string> {
    const answer = await fetch(url + path, {
      method: form === undefined ? 'GET' : 'POST',
      headers: this.cookie === undefined ? {} : { cookie: this.cookie },
      ...(form !== undefined && { body: new URLSearchParams(form) }),
    });
    for (const field of answer.headers.getSetCookie()) {
      const pair = field.split(';')[0]!;
      this.cookie = pair.endsWith('=') ? undefined : pair;
    }
    return answer.ok ? answer.text() : String(answer.status);
  }
}

const LOGIN = { username: 'ada', password: 'correct horse' };

test('Passport logs in, knows its user, and logs out for good', async () => {
  const ada = new Client();
  expect(await ada.ask('/')).toBe('who are you?');
  expect(await ada.ask('/login', { ...LOGIN, password: 'wrong' })).toBe('401');
  expect(await ada.ask('/login', LOGIN)).toBe('hello ada');
  expect(await ada.ask('/')).toBe('you are ada');
  expect(JSON.parse(await ada.ask('/devices'))).toHaveLength(1);
  const old = new Client();
  old.cookie = ada.cookie;
  expect(await ada.ask('/logout', {})).toBe('goodbye');
  expect(ada.cookie).toBe(undefined);
  expect(await old.ask('/')).toBe('who are you?');
  expect(await page.sessions.ofUser('ada')).toEqual([]);
});

test('ATTACK session fixation (CWE-384) through Passport: the id from before the login shows nothing', async () => {
  const victim = new Client();
  await victim.ask('/login', LOGIN);
  const before = victim.cookie;
  // The same browser logs in again: the id of before is old.
  await victim.ask('/login', LOGIN);
  expect(victim.cookie).not.toBe(before);
  expect(await victim.ask('/')).toBe('you are ada');
  await victim.ask('/logout', {});
  const attacker = new Client();
  attacker.cookie = before;
  expect(await attacker.ask('/')).toBe('who are you?');
});

test('a login that is sent twice logs in, whichever answer is lost', async () => {
  for (const lost of [0, 1]) {
    const [first, second] = [new Client(), new Client()];
    await first.ask('/login', LOGIN);
    await second.ask('/login', LOGIN);
    expect(await [second, first][lost]!.ask('/')).toBe('you are ada');
  }
});

test('a user whose sessions are all ended is logged out of Passport', async () => {
  const ada = new Client();
  await ada.ask('/login', LOGIN);
  await page.sessions.endAll('ada');
  expect(await ada.ask('/')).toBe('who are you?');
});
