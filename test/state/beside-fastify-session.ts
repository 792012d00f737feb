// Both say what `request.session` is: they can be in one program. Checked by test/house/type-errors.test.ts.
import fastifySession from '@fastify/session';
import fastify from 'fastify';
import { session, sessionOf } from '../../src/frameworks/fastify/index.js';
import { createSessions } from '../../src/state/session/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';

interface Fields {
  cart: string[];
}
const sessions = createSessions<Fields>({ store: memoryStore() });

export const app = fastify();
void app.register(async (old) => {
  await old.register(fastifySession, { secret: 's'.repeat(32) });
  old.get('/old', async (request) => request.session.sessionId);
});
void app.register(async (next) => {
  await next.register(session(sessions));
  next.get('/new', async (request): Promise<string[] | undefined> => sessionOf<Fields>(request).get('cart'));
});
