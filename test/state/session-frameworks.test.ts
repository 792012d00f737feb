import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createSessions, type Sessions } from '../../src/state/session/sessions.js';
import { apps, Visitor, type RunningApp, type TestFields, type Work } from './session-apps.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { countingStore, type CountingStore } from './counting-store.js';

const READS = ['waited for', 'at once'] as const;
const SUBJECTS = Object.entries(apps).flatMap(([name, start]) =>
  READS.map((reads) => [name, reads, start] as const),
);

// The same scenarios over each framework. What the sessions promise beyond is tested once, in
// session-promises.test.ts.
describe.each(SUBJECTS)('sessions in %s, reads %s', (_name, reads, start) => {
  let clock: ManualClock;
  let store: CountingStore;
  let sessions: Sessions<TestFields>;
  let app: RunningApp;
  let visitor: Visitor;
  let gates: Map<string, { promise: Promise<void>; open: () => void }>;

  const gate = (name: string) => {
    let found = gates.get(name);
    if (found === undefined) {
      let open = () => {};
      const promise = new Promise<void>((resolve) => (open = resolve));
      gates.set(name, (found = { promise, open }));
    }
    return found;
  };

  const work: Work = async (session, url) => {
    const { pathname, searchParams } = url;
    const field = searchParams.get('field') ?? 'field';
    switch (pathname) {
      case '/get':
        return JSON.stringify(session.get(field) ?? null);
      case '/set':
        gate(`came ${field}`).open();
        if (searchParams.has('wait')) await gate(searchParams.get('wait')!).promise;
        session.set(field, searchParams.get('value') ?? 'yes');
        return 'set';
      case '/count':
        return String(await session.update('count', (count) => ((count as number | undefined) ?? 0) + 1));
      case '/login':
        await session.login(searchParams.get('user')!);
        return 'in';
      case '/logout':
        await session.destroy();
        return 'out';
      case '/unawaited-logout':
        void session.destroy();
        return 'out';
      case '/renew':
        await session.regenerate();
        return 'renewed';
      case '/caught-logout':
        return session.destroy().then(
          () => 'out',
          (error: { code: string }) => error.code,
        );
      case '/me':
        return session.userId ?? 'nobody';
      case '/large':
        session.set('large', 'x'.repeat(100_000));
        return 'stored';
      default:
        return 'nothing';
    }
  };

  beforeEach(async () => {
    gates = new Map();
    clock = createManualClock();
    store = countingStore(memoryStore({ clock }), reads);
    sessions = createSessions<TestFields>({ store, clock, onEvent: () => {} });
    app = await start(sessions, work);
    visitor = new Visitor(app.url);
  });

  afterEach(async () => {
    for (const { open } of gates.values()) open();
    await app.close();
    await store.close();
  });

  it('asks nothing of the store for a visitor who has no session, and sets no cookie', async () => {
    for (const path of ['/', '/me', '/get', '/nothing']) {
      const response = await visitor.ask(path);
      expect(response.headers.get('set-cookie')).toBe(null);
    }
    expect(store.commands).toEqual([]);
  });

  it('stores with one command, reads with one, and writes no cookie again', async () => {
    const first = await visitor.ask('/set?value=1');
    expect(store.commands).toEqual(['change']);
    expect(first.headers.get('set-cookie')).toMatch(/^sid=[\w-]{33}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(first.headers.get('cache-control')).toBe('no-store');
    const second = await visitor.ask('/get');
    expect(await second.text()).toBe('"1"');
    expect(second.headers.get('set-cookie')).toBe(null);
    expect(store.commands).toEqual(['change', 'read']);
  });

  it('sends no byte of an answer before the session is stored', async () => {
    let stored = false;
    store.before = async (command) => {
      if (command !== 'change') return;
      // Many turns of the event loop, in which an answer that doesn't wait would be out long ago.
      for (let visit = 0; visit < 50; visit++) await new Promise((resolve) => setImmediate(resolve));
      stored = true;
    };
    await visitor.ask('/set?value=1');
    expect(stored).toBe(true);
  });

  it('marks the cookie Secure and gives it the __Host- name behind a trusted proxy that speaks https', async () => {
    const response = await visitor.ask('/set', { 'x-forwarded-proto': 'https' });
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-sid=[\w-]{33}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  });

  it('keeps all fields that ten parallel requests set', async () => {
    await visitor.text('/set?field=begin');
    await Promise.all(Array.from({ length: 10 }, (_, i) => visitor.text(`/set?field=f${i}&value=${i}`)));
    for (let i = 0; i < 10; i++) expect(await visitor.text(`/get?field=f${i}`)).toBe(`"${i}"`);
  });

  it('counts every one of twenty parallel updates', async () => {
    await visitor.text('/set?field=begin');
    await Promise.all(Array.from({ length: 20 }, () => visitor.text('/count')));
    expect(await visitor.text('/get?field=count')).toBe('20');
  });

  it('logs out for good, also when a slow request writes after it', async () => {
    await visitor.text('/login?user=alice');
    expect(await visitor.text('/me')).toBe('alice');
    const slow = new Visitor(app.url, visitor.cookie);
    const answer = slow.text('/set?field=slow&wait=logout');
    await gate('came slow').promise;
    const { cookie } = visitor;
    const logout = await visitor.ask('/logout');
    expect(logout.headers.get('set-cookie')).toContain('Max-Age=0');
    gate('logout').open();
    expect(await answer).toBe('set');
    expect(await new Visitor(app.url, cookie).text('/me')).toBe('nobody');
    expect(await slow.text('/me')).toBe('nobody');
  });

  it('waits for a logout that the handler did not wait for', async () => {
    await visitor.text('/login?user=alice');
    const { cookie } = visitor;
    await visitor.text('/unawaited-logout');
    expect(await new Visitor(app.url, cookie).text('/me')).toBe('nobody');
  });

  it('logs in who sends the form twice, whichever answer is lost, and for longer than the grace', async () => {
    for (const lost of [0, 1]) {
      visitor = new Visitor(app.url);
      await visitor.text('/set?field=cart&value=apple');
      const { cookie } = visitor;
      const both = [new Visitor(app.url, cookie), new Visitor(app.url, cookie)];
      for (const each of both) await each.text('/login?user=alice');
      const kept = both[1 - lost]!;
      clock.advance(60_000);
      expect(await kept.text('/me')).toBe('alice');
      expect(await kept.text('/get?field=cart')).toBe('"apple"');
    }
  });

  it('keeps who renews twice logged in, in whichever order the answers come', async () => {
    await visitor.text('/login?user=alice');
    const both = [new Visitor(app.url, visitor.cookie), new Visitor(app.url, visitor.cookie)];
    for (const each of both) await each.text('/renew');
    clock.advance(60_000);
    for (const each of both) expect(await each.text('/me')).toBe('alice');
    expect(await new Visitor(app.url, visitor.cookie).text('/me')).toBe('nobody');
    await both[0]!.text('/logout');
    expect(await both[1]!.text('/me')).toBe('nobody');
  });

  it.each(['fail', 'anonymous'] as const)(
    'says that a logout failed while the store is down (onStoreDown: %s)',
    async (onStoreDown) => {
      await app.close();
      app = await start(createSessions<TestFields>({ store, clock, onStoreDown, onEvent: () => {} }), work);
      visitor = new Visitor(app.url);
      await visitor.text('/login?user=alice');
      const { cookie } = visitor;
      store.isDown = true;
      for (const path of ['/logout', '/unawaited-logout', '/caught-logout']) {
        const answer = await visitor.ask(path);
        const text = await answer.text();
        if (path !== '/caught-logout' || onStoreDown === 'fail')
          expect([path, answer.status]).toEqual([path, 503]);
        else expect(text).toBe('STICKY_STORE_DOWN');
        expect(visitor.cookie).toBe(cookie);
      }
      // Down from after the session was read.
      store.isDown = false;
      for (const path of ['/logout', '/unawaited-logout']) {
        store.before = async (command) => void (command === 'change' && (store.isDown = true));
        const answer = await visitor.ask(path);
        store.before = undefined;
        store.isDown = false;
        expect([path, answer.status, visitor.cookie]).toEqual([path, 503, cookie]);
      }
      expect(await visitor.text('/me')).toBe('alice');
    },
  );

  it('gives a new id at login, and shows the old one nothing of it', async () => {
    await visitor.text('/set?field=cart&value=apple');
    const planted = new Visitor(app.url, visitor.cookie);
    await visitor.text('/login?user=alice');
    expect(visitor.cookie).not.toBe(planted.cookie);
    expect(await visitor.text('/me')).toBe('alice');
    expect(await visitor.text('/get?field=cart')).toBe('"apple"');
    expect(await planted.text('/me')).toBe('nobody');
  });

  it('adopts no id that it did not make', async () => {
    const planted = new Visitor(app.url, `sid=A${'0'.repeat(32)}`);
    const before = planted.cookie;
    await planted.text('/set?value=1');
    expect(planted.cookie).not.toBe(before);
  });

  it('answers 503 and not a word of the store when it is down', async () => {
    await visitor.text('/set?value=1');
    store.isDown = true;
    for (const path of ['/get', '/set?value=2', '/login?user=alice']) {
      const response = await visitor.ask(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('set-cookie')).toBe(null);
      expect(await response.text()).not.toMatch(/StickyError|\bat \//);
    }
    // Without a cookie nothing is read; what is set can't be stored.
    expect((await new Visitor(app.url).ask('/set?value=3')).status).toBe(503);
    expect((await new Visitor(app.url).ask('/')).status).toBe(200);
    store.isDown = false;
    expect(await visitor.text('/get')).toBe('"1"');
  });

  it('answers 500 when a field is too large, and keeps what was there', async () => {
    await visitor.text('/set?value=1');
    expect((await visitor.ask('/large')).status).toBe(500);
    expect(await visitor.text('/get')).toBe('"1"');
  });
});
