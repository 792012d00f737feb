import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createSessions, type Sessions } from '../../src/state/session/sessions.js';
import type { SessionEvent } from '../../src/state/session/session-event.js';
import type { SessionOptions } from '../../src/state/session/session-options.js';
import type { Session } from '../../src/state/session/session.js';
import { refOf } from '../../src/state/session/session-id.js';
import { countingStore, type CountingStore } from './counting-store.js';
import { Browser } from './browser.js';

interface Fields {
  [field: string]: unknown;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

// Each test names the mechanism that keeps the promise; it was seen to fail without it. On virtual time, over
// the memory store; with requests really in flight and a real Redis: session-redis.test.ts.
describe('the nine promises of sessions', () => {
  let clock: ManualClock;
  let store: CountingStore;
  let events: SessionEvent[];
  let sessions: Sessions<Fields>;

  const make = (options: Partial<SessionOptions<Fields>> = {}): Sessions<Fields> =>
    createSessions<Fields>({ store, clock, onEvent: (event) => void events.push(event), ...options });
  const browser = (cookie?: string): Browser<Fields> => new Browser(sessions, cookie);

  beforeEach(() => {
    clock = createManualClock();
    store = countingStore(memoryStore({ clock }));
    events = [];
    sessions = make();
  });

  afterEach(() => store.close());

  describe('1. after a logout or a renewal is acknowledged, no request in flight brings the old session back', () => {
    it('drops what a request in flight set, when a logout came between (the requirement `present` of a merge)', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const inFlight = await browser(alice.cookie).begin();
      await alice.ask((session) => session.destroy());
      inFlight.session.set('late', 1);
      await inFlight.end();
      expect(inFlight.session.isEnded).toBe(true);
      expect(events).toEqual([{ type: 'endedMeanwhile' }]);
      expect(await sessions.ofUser('alice')).toEqual([]);
      expect(await browser(inFlight.cookieSent).userId()).toBe(undefined);
    });

    it.each(['regenerate', 'login', 'update', 'save'] as const)(
      'rejects `%s` of a request in flight with STICKY_SESSION_ENDED',
      async (operation) => {
        const alice = browser();
        await alice.ask((session) => session.login('alice'));
        const { session, end, cookieSent } = await browser(alice.cookie).begin();
        await alice.ask((own) => own.destroy());
        session.set('late', 1);
        const done =
          operation === 'login'
            ? session.login('alice')
            : operation === 'update'
              ? session.update('late', () => 2)
              : session[operation]();
        await expect(done).rejects.toMatchObject({ code: 'STICKY_SESSION_ENDED', status: 401 });
        expect(await end()).toEqual({ setCookie: undefined, cacheControl: undefined });
        expect(await browser(cookieSent).userId()).toBe(undefined);
      },
    );

    it('ends also the session that a renewal in flight made (the requirement `version` of a renewal)', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const renewing = await browser(alice.cookie).begin();
      // The logout comes between the renewal's read and its write.
      store.before = async (command) => {
        if (command !== 'change') return;
        store.before = undefined;
        await browser(alice.cookie).ask((session) => session.destroy());
      };
      await expect(renewing.session.regenerate()).rejects.toMatchObject({ code: 'STICKY_SESSION_ENDED' });
      expect(await sessions.ofUser('alice')).toEqual([]);
    });

    it('logs out also where the session went on, when the logout comes with the old id of a renewal (the forward is followed)', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const old = browser(alice.cookie);
      await alice.ask((session) => session.regenerate());
      await old.ask((session) => session.destroy());
      expect(await alice.userId()).toBe(undefined);
    });

    it('logs out also where the session went on while the request that logs out was in flight', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const inFlight = await browser(alice.cookie).begin();
      await alice.ask((session) => session.regenerate());
      await inFlight.session.destroy();
      expect(await alice.userId()).toBe(undefined);
      expect(await sessions.ofUser('alice')).toEqual([]);
    });
  });

  describe('2. parallel requests that set different fields keep all of them; `update` is atomic for one field', () => {
    it('keeps ten fields of ten requests (fields are merged, not the whole written)', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('begin', true));
      const parallel = await Promise.all(Array.from({ length: 10 }, () => browser(visitor.cookie).begin()));
      parallel.forEach(({ session }, i) => session.set(`f${i}`, i));
      await Promise.all(parallel.map(({ end }) => end()));
      expect(await visitor.all()).toEqual({
        begin: true,
        ...Object.fromEntries(parallel.map((_, i) => [`f${i}`, i])),
      });
    });

    it('counts every one of fifty updates (the requirement `field` of an update)', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('count', 0));
      const parallel = await Promise.all(Array.from({ length: 50 }, () => browser(visitor.cookie).begin()));
      await Promise.all(
        parallel.map(({ session }) => session.update('count', (count) => (count as number) + 1)),
      );
      expect(await visitor.all()).toEqual({ count: 50 });
    });

    it('keeps what requests set while the session gets a new id (merges follow the forward)', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('begin', true));
      const parallel = await Promise.all(Array.from({ length: 10 }, () => browser(visitor.cookie).begin()));
      await visitor.ask((session) => session.login('alice'));
      parallel.forEach(({ session }, i) => session.set(`f${i}`, i));
      await Promise.all(parallel.map(({ end }) => end()));
      expect(Object.keys(await visitor.all())).toHaveLength(11);
      expect(await visitor.userId()).toBe('alice');
    });

    it('does not undo a delete by writing back what it had read', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1).set('b', 1));
      const other = await browser(visitor.cookie).begin();
      await visitor.ask((session) => void session.delete('a'));
      other.session.set('b', 2);
      await other.end();
      expect(await visitor.all()).toEqual({ b: 2 });
    });
  });

  it('3. the next request sees the write (headers wait for `commit`; that they do is tested in each framework)', async () => {
    const visitor = browser();
    await visitor.ask((session) => void session.set('a', { list: [1, 'two'] }));
    expect(await visitor.all()).toEqual({ a: { list: [1, 'two'] } });
  });

  describe('4. the id changes at login; the old one forwards for some seconds, then is dead', () => {
    it('goes on under a new id, with what the visitor had', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('cart', ['apple']));
      const old = visitor.cookie;
      await visitor.ask((session) => session.login('alice'));
      expect(visitor.cookie).not.toBe(old);
      expect(await visitor.all()).toEqual({ cart: ['apple'] });
    });

    it('lets the old id of a renewed session stand for it, and ends that after the grace', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const old = browser(alice.cookie);
      await alice.ask((session) => session.regenerate());
      await alice.ask((session) => void session.set('new', 1));
      expect(await old.userId()).toBe('alice');
      expect(await old.all()).toEqual({ new: 1 });
      clock.advance(10_001);
      expect(await old.userId()).toBe(undefined);
      expect(await alice.userId()).toBe('alice');
    });

    it('ATTACK session fixation (CWE-384): the id that an attacker planted shows nothing of who logged in with it', async () => {
      const attacker = browser();
      await attacker.ask((session) => void session.set('planted', true));
      const victim = browser(attacker.cookie);
      await victim.ask(async (session) => {
        await session.login('victim');
        session.set('secret', 'the address');
      });
      expect(await attacker.userId()).toBe(undefined);
      expect(await attacker.all()).toEqual({ planted: true });
      // Whatever they do with it, the victim's session is not theirs.
      await attacker.ask((session) => session.regenerate());
      await attacker.ask(async (session) =>
        expect(await session.update('secret', (secret) => secret ?? 'guess')).toBe('guess'),
      );
      await attacker.ask((session) => void session.set('secret', 'changed').set('token', 'known'));
      expect(await victim.all()).toEqual({ planted: true, secret: 'the address' });
      await attacker.ask((session) => session.destroy());
      expect(await victim.userId()).toBe('victim');
      const mallory = browser(attacker.cookie);
      await mallory.ask((session) => session.login('mallory'));
      expect(await victim.userId()).toBe('victim');
      clock.advance(10_001);
      expect(await attacker.all()).toEqual({});
    });

    it('two logins at once, as by a double click, leave the client in one session', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('cart', 1));
      const [first, second] = [await browser(visitor.cookie).begin(), await browser(visitor.cookie).begin()];
      await Promise.all([first.session.login('alice'), second.session.login('alice')]);
      const cookies = (await Promise.all([first.end(), second.end()])).flatMap(
        ({ setCookie }) => setCookie ?? [],
      );
      expect(await sessions.ofUser('alice')).toHaveLength(1);
      // A browser drops the answer to the first click: each has to name the session, for as long as it lives.
      expect(cookies).toHaveLength(2);
      clock.advance(10_001);
      for (const each of cookies) expect(await browser(each.split(';')[0]!).userId()).toBe('alice');
      expect(await browser(visitor.cookie).userId()).toBe(undefined);
    });

    it('ATTACK session fixation of a login that the app makes by itself: regenerate() without a user', async () => {
      const attacker = browser();
      await attacker.ask((session) => void session.set('planted', true));
      const victim = browser(attacker.cookie);
      await victim.ask(async (session) => {
        await session.regenerate();
        session.set('loggedIn', 'victim');
      });
      const copy = browser(attacker.cookie);
      expect(await copy.all()).toEqual({ planted: true });
      // Nor by a renewal of its own.
      await copy.ask((session) => session.regenerate());
      expect(await copy.all()).toEqual({ planted: true });
      clock.advance(10_001);
      expect(await copy.all()).toEqual({ planted: true });
      expect(await attacker.all()).toEqual({});
      expect(await victim.all()).toEqual({ planted: true, loggedIn: 'victim' });
    });

    it('keeps what is set while a login is under way and not awaited', async () => {
      const visitor = browser();
      await visitor.ask(async (session) => {
        const login = session.login('alice');
        for (let visit = 0; visit < 2; visit++) await Promise.resolve();
        session.set('meanwhile', 1);
        await login;
      });
      expect(await visitor.all()).toEqual({ meanwhile: 1 });
    });

    it.each<[string, (session: Session<Fields>) => unknown]>([
      ['login', (session) => session.login('alice')],
      ['regenerate', (session) => session.regenerate()],
      ['update of a new session', (session) => session.update('a', () => 1)],
      ['save of a new session', (session) => session.set('a', 1).save()],
    ])('refuses %s when the headers are out, for nobody can be told the id', async (what, late) => {
      const visitor = browser();
      if (!what.endsWith('new session')) await visitor.ask((session) => session.login('bob'));
      const { session, end } = await visitor.begin();
      await end();
      await expect((async () => late(session))()).rejects.toMatchObject({
        code: 'STICKY_SESSION_LATE',
        message: expect.stringContaining('before the answer is begun'),
      });
      expect(await sessions.ofUser('alice')).toEqual([]);
    });

    it('stores what is set when the headers are out, and tells when it cannot', async () => {
      const visitor = browser();
      await visitor.ask((session) => session.login('bob'));
      const { session, end } = await visitor.begin();
      await end();
      session.set('late', 1);
      await session.save();
      expect(await visitor.all()).toEqual({ late: 1 });
      store.isDown = true;
      session.set('late', 2);
      await Promise.resolve();
      await session.settled();
      store.isDown = false;
      expect(events).toMatchObject([{ type: 'lost', error: { code: 'STICKY_STORE_DOWN' } }]);
    });

    it('shows one user nothing of the one before', async () => {
      const shared = browser();
      await shared.ask(async (session) => {
        await session.login('alice');
        session.set('letters', 'private');
      });
      await shared.ask((session) => session.login('bob'));
      expect(await shared.all()).toEqual({});
      expect(await sessions.ofUser('alice')).toEqual([]);
    });
  });

  describe('5. idle and absolute limits, kept by the store', () => {
    it('ends a session that was not used for the idle limit', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1));
      clock.advance(HOUR - 1);
      expect(await visitor.all()).toEqual({ a: 1 });
      clock.advance(HOUR + 1);
      expect(await visitor.all()).toEqual({});
    });

    it('ends a session at the absolute limit, however much it is used (the store keeps the end)', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1));
      for (let halfHours = 0; halfHours < 23; halfHours++) {
        clock.advance(HOUR / 2);
        await visitor.ask((session) => void session.set('b', halfHours));
      }
      clock.advance(HOUR / 2);
      expect(await visitor.all()).toEqual({});
    });

    it('a new id is no new life', async () => {
      const visitor = browser();
      await visitor.ask((session) => session.login('alice'));
      for (let halfHours = 0; halfHours < 23; halfHours++) {
        clock.advance(HOUR / 2);
        await visitor.ask((session) => session.regenerate());
      }
      clock.advance(HOUR / 2);
      expect(await visitor.userId()).toBe(undefined);
    });
  });

  describe('6. all sessions of a user can be listed and ended; the index changes in the same step', () => {
    it('lists them with what the app noted, the last used first', async () => {
      const phone = browser();
      await phone.ask((session) => session.login('alice', { device: { name: 'phone' } }));
      clock.advance(10 * MINUTE);
      const laptop = browser();
      await laptop.ask((session) => session.login('alice', { device: { name: 'laptop' } }));
      await browser().ask((session) => session.login('bob'));
      const listed = await sessions.ofUser('alice');
      expect(listed.map(({ device, beganAgoMs }) => [device, beganAgoMs])).toEqual([
        [{ name: 'laptop' }, 0],
        [{ name: 'phone' }, 10 * MINUTE],
      ]);
    });

    it('ends all of them but one, at once and for requests in flight too', async () => {
      const browsers = [browser(), browser(), browser()];
      for (const each of browsers) await each.ask((session) => session.login('alice'));
      const inFlight = await browser(browsers[0]!.cookie).begin();
      const kept = await browser(browsers[2]!.cookie).begin();
      expect(await sessions.endAll('alice', { except: kept.session })).toBe(2);
      inFlight.session.set('late', 1);
      await inFlight.end();
      expect(await Promise.all(browsers.map((each) => each.userId()))).toEqual([
        undefined,
        undefined,
        'alice',
      ]);
      expect(await sessions.ofUser('alice')).toHaveLength(1);
    });

    it("ends a session by its ref, and nobody else's", async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      const { ref } = (await sessions.ofUser('alice'))[0]!;
      expect(await sessions.end('bob', ref)).toBe(false);
      expect(await sessions.end('alice', 'nonsense')).toBe(false);
      expect(await alice.userId()).toBe('alice');
      expect(await sessions.end('alice', ref)).toBe(true);
      expect(await sessions.end('alice', ref)).toBe(false);
      expect(await alice.userId()).toBe(undefined);
    });

    it('forgets a session in the list when it is renewed or ended', async () => {
      const alice = browser();
      await alice.ask((session) => session.login('alice'));
      await alice.ask((session) => session.regenerate());
      expect(await sessions.ofUser('alice')).toHaveLength(1);
      await alice.ask((session) => session.destroy());
      expect(await store.list(0, 'anything')).toEqual([]);
      expect(await sessions.ofUser('alice')).toEqual([]);
    });
  });

  describe('7. an anonymous visit writes nothing; a read writes nothing', () => {
    it('asks the store nothing for a visitor without a cookie, or with one that is not ours', async () => {
      for (const cookie of [
        undefined,
        'other=1',
        'sid=',
        'sid=x',
        `sid=${'a'.repeat(33)}`,
        `sid=A${'g'.repeat(32)}`,
        `sid=A${'0'.repeat(31)}`,
        `sid=A${'0'.repeat(33)}`,
        `sid=${'A'.repeat(5000)}`,
        'sid=%41',
        'sid="',
      ]) {
        await browser(cookie).ask((session) => void session.get('a'));
      }
      expect(store.commands).toEqual([]);
    });

    it('reads with one command, and extends the session once in a tenth of the idle limit', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1));
      store.commands.length = 0;
      for (let i = 0; i < 5; i++) {
        clock.advance(1);
        await visitor.all();
      }
      expect(store.commands).toEqual(Array(5).fill('read'));
      clock.advance(6 * MINUTE);
      await visitor.all();
      await visitor.all();
      expect(store.commands.slice(5)).toEqual(['read', 'change', 'read']);
    });
  });

  it('sends a cookie that lasts again when it extends the session; an old id or one that leads nowhere never', async () => {
    sessions = make({ cookie: { persistent: true }, idle: '20s', grace: '15s' });
    const visitor = browser();
    await visitor.ask((session) => session.login('alice'));
    const old = visitor.cookie!;
    clock.advance(3_000);
    const idOf = (cookie: string | undefined): string => cookie!.slice(0, 37);
    const again = (await visitor.ask(() => {})).setCookie;
    expect(idOf(again)).toBe(idOf(old));
    expect(again).toContain('; Path=/; Max-Age=20;');
    await visitor.ask((session) => session.regenerate());
    const now = visitor.cookie!;
    clock.advance(3_000);
    expect((await browser(old).ask(() => {})).setCookie).toBe(undefined);
    clock.advance(3_000);
    expect(idOf((await browser(`sid=A${'0'.repeat(32)}; ${now}`).ask(() => {})).setCookie)).toBe(idOf(now));
  });

  describe('8. ids are 128 bits, stored hashed, and never adopted', () => {
    it('keeps no id in the store', async () => {
      const visitor = browser();
      await visitor.ask((session) => session.login('alice'));
      const id = visitor.cookie!.slice(4);
      const record = await store.read(0, refOf(id).key);
      expect(record).toBeDefined();
      expect(JSON.stringify([refOf(id), record])).not.toContain(id.slice(1));
    });

    it('gives a client with an unknown id a new one', async () => {
      const planted = browser(`sid=A${'0'.repeat(32)}`);
      await planted.ask((session) => void session.set('a', 1));
      expect(planted.cookie).not.toContain('0'.repeat(32));
    });

    it('asks the store nothing for an id that no key of ours signed, and accepts those of an older key', async () => {
      const [older, newer] = ['o'.repeat(32), 'n'.repeat(32)];
      sessions = make({ keys: [older] });
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1));
      sessions = make({ keys: [newer, older] });
      expect(await browser(visitor.cookie).all()).toEqual({ a: 1 });
      const text = visitor.cookie!;
      store.commands.length = 0;
      // The last character holds four spare bits: another spelling of the same bytes is another text.
      const respelled = text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);
      expect(await browser(respelled).all()).toEqual({});
      sessions = make({ keys: [newer] });
      for (const cookie of [text, text.slice(0, 37), `${text}=`, text.replace('.', ',')])
        expect(await browser(cookie).all()).toEqual({});
      expect(store.commands).toEqual([]);
    });
  });

  describe('9. when the store is down, what happens was chosen and is told', () => {
    it('fails the request with 503 unless told otherwise', async () => {
      const visitor = browser();
      await visitor.ask((session) => void session.set('a', 1));
      store.isDown = true;
      await expect(visitor.all()).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN', status: 503 });
      expect(events).toMatchObject([{ type: 'storeDown', during: 'load', outcome: 'fail' }]);
    });

    it('goes on without the session where `anonymous` was chosen, and changes nothing behind its back', async () => {
      sessions = make({ onStoreDown: 'anonymous' });
      const visitor = browser();
      await visitor.ask((session) => session.login('alice'));
      const { cookie } = visitor;
      store.isDown = true;
      const inFlight = await browser(cookie).begin();
      expect(inFlight.session.userId).toBe(undefined);
      store.isDown = false;
      inFlight.session.set('a', 1);
      await expect(inFlight.session.login('mallory')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
      expect(await inFlight.end()).toEqual({ setCookie: undefined, cacheControl: undefined });
      expect(await browser(cookie).userId()).toBe('alice');
      expect(events).toMatchObject([{ type: 'storeDown', outcome: 'anonymous' }]);
    });
  });
});
