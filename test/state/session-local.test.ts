import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSessions, type Sessions } from '../../src/state/session/sessions.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import type { FeedListener } from '../../src/state/store/feed.js';
import type { Store } from '../../src/state/store/store.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { Browser } from './browser.js';
import { countingStore, type CountingStore } from './counting-store.js';

interface Fields {
  [field: string]: unknown;
}

describe('sessions with copies in the process (`local`)', () => {
  let clock: ManualClock;
  let store: Store;
  let here: { store: CountingStore; sessions: Sessions<Fields> };
  let there: { store: CountingStore; sessions: Sessions<Fields> };
  /** The notes of the feed reach nobody, as when a link is cut. */
  let isCut: boolean;

  /** Another process on the same store, with a link of its own. */
  const open = (): { store: CountingStore; sessions: Sessions<Fields> } => {
    const own = countingStore(store);
    let cutAtMs = 0;
    const feed = {
      follow(listener: FeedListener) {
        const subscription = store.feed.follow({
          noted: (partition, sequence, notes) => void (isCut || listener.noted(partition, sequence, notes)),
          missed: (partition) => listener.missed(partition),
        });
        const position = (partition: number) => {
          if (!isCut) cutAtMs = clock.monotonic();
          return { ...subscription.position(partition), vouchedAtMs: cutAtMs };
        };
        return { position, stop: () => subscription.stop() };
      },
    };
    const linked = { ...own, feed } as CountingStore;
    return {
      store: own,
      sessions: createSessions<Fields>({ store: linked, clock, local: true, onEvent: () => {} }),
    };
  };

  beforeEach(() => {
    clock = createManualClock();
    store = memoryStore({ clock });
    isCut = false;
    here = open();
    there = open();
  });

  afterEach(async () => {
    here.sessions.close();
    there.sessions.close();
    await store.close();
  });

  const login = async (): Promise<Browser<Fields>> => {
    const alice = new Browser(here.sessions);
    await alice.ask((session) => session.login('alice'));
    await alice.ask((session) => void session.set('color', 'red'));
    return alice;
  };

  it('asks the store nothing for a session that was read here before', async () => {
    const alice = await login();
    await alice.all();
    here.store.commands.length = 0;
    for (let i = 0; i < 5; i++) expect(await alice.all()).toEqual({ color: 'red' });
    expect(here.store.commands).toEqual([]);
  });

  it("sees what another process writes at once, and this one's own writes too", async () => {
    const alice = await login();
    const elsewhere = new Browser(there.sessions, alice.cookie);
    await alice.all();
    await elsewhere.all();
    await elsewhere.ask((session) => void session.set('color', 'blue'));
    expect(await elsewhere.all()).toEqual({ color: 'blue' });
    expect(await alice.all()).toEqual({ color: 'blue' });
  });

  it.each(['set', 'update', 'save', 'delete', 'login'] as const)(
    'shows a client elsewhere what was acknowledged to it (%s), also when the link is cut',
    async (how) => {
      const alice = await login();
      const elsewhere = new Browser(there.sessions, alice.cookie);
      expect(await elsewhere.all()).toEqual({ color: 'red' });
      isCut = true;
      await alice.ask(async (session) => {
        if (how === 'update') await session.update('color', () => 'blue');
        else if (how === 'delete') session.delete('color').set('other', 1);
        else session.set('color', 'blue');
        if (how === 'save') await session.save();
        if (how === 'login') await session.login('alice');
      });
      const after = how === 'delete' ? { other: 1 } : { color: 'blue' };
      elsewhere.cookie = alice.cookie;
      expect(await elsewhere.all()).toEqual(after);
      // And again from a copy.
      there.store.commands.length = 0;
      expect(await elsewhere.all()).toEqual(after);
      expect(there.store.commands).toEqual([]);
    },
  );

  it('shows it also when answers to parallel requests come in the wrong order', async () => {
    const alice = await login();
    const elsewhere = new Browser(there.sessions, alice.cookie);
    await elsewhere.all();
    isCut = true;
    const two = [new Browser(here.sessions, alice.cookie), new Browser(here.sessions, alice.cookie)] as const;
    await two[0].ask((session) => void session.set('a', 1));
    await two[1].ask((session) => void session.set('b', 1));
    for (const { cookie } of [two[1], two[0]]) elsewhere.cookie = cookie;
    expect(await elsewhere.all()).toEqual({ color: 'red', a: 1, b: 1 });
  });

  it.each(['destroy', 'endAll', 'end'] as const)(
    'knows of a logout elsewhere (%s) within the bound, also when the link is cut',
    async (how) => {
      const alice = await login();
      const elsewhere = new Browser(there.sessions, alice.cookie);
      expect(await elsewhere.userId()).toBe('alice');
      isCut = true;
      if (how === 'destroy') await alice.ask((session) => session.destroy());
      else if (how === 'endAll') await here.sessions.endAll('alice');
      else await here.sessions.end('alice', (await here.sessions.ofUser('alice'))[0]!.ref);
      // Cut off, it can't know yet; that much was bargained for, and no more.
      expect(await elsewhere.userId()).toBe('alice');
      clock.advance(1_001);
      expect(await elsewhere.userId()).toBe(undefined);
    },
  );

  it('writes through a copy that is old without undoing a logout', async () => {
    const alice = await login();
    const elsewhere = new Browser(there.sessions, alice.cookie);
    await elsewhere.all();
    isCut = true;
    await alice.ask((session) => session.destroy());
    await elsewhere.ask((session) => void session.set('late', 1));
    isCut = false;
    clock.advance(1_001);
    expect(await there.sessions.ofUser('alice')).toEqual([]);
  });

  it('extends a session in the store though every read is answered here', async () => {
    const alice = await login();
    for (let minutes = 0; minutes < 120; minutes += 5) {
      expect(await alice.userId()).toBe('alice');
      clock.advance(5 * 60_000);
    }
  });

  it('ends a copy with its session', async () => {
    const alice = await login();
    await alice.all();
    clock.advance(61 * 60_000);
    expect(await alice.userId()).toBe(undefined);
  });
});
