import { Hono } from 'hono';
import { expect, test, vi } from 'vitest';
import { StickyError } from '../../base/errors.js';
import { createSessions } from '../../state/session/sessions.js';
import { memoryStore } from '../../state/store/memory/memory-store.js';
import { session } from './session.js';

function appOn(change?: () => Promise<never>): Hono {
  const store = memoryStore();
  const app = new Hono();
  app.use(
    session(
      createSessions<{ a: number }>({
        store: change === undefined ? store : Object.assign(store, { change }),
        onEvent: () => {},
      }),
    ),
  );
  return app;
}

test('the answer to a commit that failed has nothing of the one that it replaces', async () => {
  const app = appOn(async () => {
    throw new StickyError('STICKY_STORE_DOWN', 'down');
  });
  app.get('/', (c) => {
    c.get('session').set('a' as never, 1 as never);
    return c.body('ok', 200, {
      'cache-control': 'public, max-age=3600',
      'content-length': '2',
      'x-app': 'a',
    });
  });
  const answer = await app.request('/');
  expect(answer.status).toBe(503);
  expect(Object.fromEntries(answer.headers)).toEqual({
    'cache-control': 'no-store',
    'content-type': 'text/plain;charset=UTF-8',
    'retry-after': '1',
  });
});

test('what a handler throws that is no Error goes on up as it is', async () => {
  const app = appOn();
  app.get('/', () => {
    throw 'text';
  });
  await expect(async () => app.request('/')).rejects.toBe('text');
});

test("a session that can't be stored for a fault of the app's is answered 500, and told of", async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const app = appOn(async () => {
    throw new StickyError('STICKY_SESSION_INVALID', 'Fields do not fit.');
  });
  app.get('/', (c) => {
    c.get('session').set('a' as never, 1 as never);
    return c.text('ok');
  });
  expect((await app.request('/')).status).toBe(500);
  expect(warned.mock.calls).toEqual([[expect.objectContaining({ code: 'STICKY_SESSION_INVALID' })]]);
  warned.mockRestore();
});
