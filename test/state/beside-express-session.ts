// Both say what `request.session` is: they can be in one program. Checked by test/house/type-errors.test.ts.
import express from 'express';
import expressSession from 'express-session';
import { session, sessionOf } from '../../src/frameworks/express/index.js';
import { createSessions } from '../../src/state/session/index.js';
import { memoryStore } from '../../src/state/store/memory/index.js';

interface Fields {
  cart: string[];
}
const sessions = createSessions<Fields>({ store: memoryStore() });

export const app = express()
  .use('/old', expressSession({ secret: 'secret' }), (request, response) => {
    request.session.regenerate(() => response.send(request.sessionID));
  })
  .use('/new', session(sessions), (request, response) => {
    const cart: string[] | undefined = sessionOf<Fields>(request).get('cart');
    response.json(cart);
  });
