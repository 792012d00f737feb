import { expect, test } from 'vitest';
import { createManualClock } from '../../testing/manual-clock.js';
import { memoryStore } from '../store/memory/memory-store.js';
import { createSessions } from './sessions.js';
import type { Session } from './session.js';

type Fields = { visits: number; theme: string };

function browser(persistent: boolean) {
  const clock = createManualClock();
  const sessions = createSessions<Fields>({
    store: memoryStore({ clock }),
    clock,
    idle: '1h',
    cookie: { persistent },
  });
  let cookie: string | undefined;
  return {
    clock,
    /** The same, and the answer never arrives. */
    async lose(work: (session: Session<Fields>) => unknown): Promise<string | undefined> {
      const kept = cookie;
      const set = await this.visit(work);
      cookie = kept;
      return set;
    },
    /** One request; what its answer sets. */
    async visit(work: (session: Session<Fields>) => unknown): Promise<string | undefined> {
      const visit = sessions.visit({ cookie, isSecure: false });
      await visit.load();
      await work(visit.session);
      const set = visit.isQuiet ? undefined : (await visit.commit()).setCookie;
      cookie = set?.split(';')[0] ?? cookie;
      return set;
    },
  };
}

test.each<[string, (session: Session<Fields>) => unknown]>([
  ['update', (session) => session.update('visits', (count = 0) => count + 1)],
  ['set', (session) => session.set('theme', 'dark')],
  ['save', async (session) => session.set('theme', 'dark').save()],
])('a persistent cookie lives as long as a session that %s extends', async (_, write) => {
  const { clock, visit } = browser(true);
  const first = await visit(write);
  clock.advance(60_000);
  // Less than a tenth of `idle`, so that it is the write alone that extends the session.
  const again = await visit(write);
  expect([again?.slice(0, 37), again?.includes('Max-Age=3600')]).toEqual([first?.slice(0, 37), true]);
  expect(first).toContain('Max-Age=3600');
  expect(await visit((session) => session.get('visits'))).toBeUndefined();
});

test("a cookie of the browser's window is set once", async () => {
  const { clock, visit } = browser(false);
  await visit((session) => session.set('theme', 'dark'));
  clock.advance(60_000);
  expect(await visit((session) => session.set('theme', 'light'))).toBeUndefined();
});

test('a persistent cookie is sent again when the answer that extended it was lost', async () => {
  const at = browser(true);
  await at.visit((session) => session.set('theme', 'dark'));
  at.clock.advance(20 * 60_000);
  expect(await at.lose(() => {})).toContain('Max-Age=3600');
  at.clock.advance(1_000);
  expect(await at.visit(() => {})).toContain('Max-Age=3600');
  expect(await at.visit(() => {})).toBeUndefined();
});
