import { expect, it } from 'vitest';
import { createSessions } from '../../src/state/session/sessions.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { Browser } from './browser.js';

it('counts all fields of a session together: what was stored, with what this request set, replaced and deleted', async () => {
  const store = memoryStore();
  const visitor = new Browser(createSessions<Record<string, unknown>>({ store, bytesMax: 300 }));
  const large = 'x'.repeat(97); // with its quotes and its name, of one letter, 100 bytes
  await visitor.ask((session) => void session.set('a', large).set('b', large));
  await visitor.ask((session) => {
    session.set('c', large);
    expect(() => session.set('d', '')).toThrow(expect.objectContaining({ code: 'STICKY_SESSION_TOO_LARGE' }));
    session.set('a', `${large.slice(3)}`);
    session.set('d', '');
    expect(() => session.set('e', 'ü')).toThrow(
      expect.objectContaining({ code: 'STICKY_SESSION_TOO_LARGE' }),
    );
    session.delete('b').set('e', large.slice(0, 90)).set('c', large);
  });
  expect(Object.keys(await visitor.all()).sort()).toEqual(['a', 'c', 'd', 'e']);
  await store.close();
});
