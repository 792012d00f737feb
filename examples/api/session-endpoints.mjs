// Scheme S4: who is logged in, and what is in the session, over any upstream.
import { readInput, sendJson } from './http.mjs';

const NAME = /^[\w.-]{1,64}$/;

export function sessionEndpoints(name, { accounts, sessions, tokens, cache }) {
  return {
    'GET /api/session': (request, response) =>
      sendJson(response, 200, {
        service_name: name,
        user: request.session.get('username') ?? null,
        session: request.session.all(),
      }),
    'POST /api/session': setField,
    'DELETE /api/session': (request, response) => {
      request.session.clear();
      sendJson(response, 200, { service_name: name, session: {} });
    },
    'POST /api/login': login,
    'POST /api/logout': logout,
  };

  async function setField(request, response, { query }) {
    const { key, value } = (await readInput(request, query)) ?? {};
    if (typeof key !== 'string' || !NAME.test(key) || value === undefined) {
      return sendJson(response, 400, {
        error:
          'Send a key of letters, digits and . _ - up to 64, and a value: {"key": "color", "value": "red"}.',
      });
    }
    request.session.set(key, value);
    sendJson(response, 200, { service_name: name, session: request.session.all() });
  }

  async function login(request, response, { query }) {
    const { username, password } = (await readInput(request, query)) ?? {};
    const user = await accounts.check(username, password);
    if (user === 'busy')
      return sendJson(
        response,
        503,
        { error: 'Too many logins at once. Try again in a moment.' },
        { 'retry-after': '1' },
      );
    if (user === undefined) return sendJson(response, 401, { error: 'Wrong username or password.' });
    const { session } = request;
    await session.login(user.id, { device: { agent: (request.headers['user-agent'] ?? '').slice(0, 200) } });
    session
      .set('user_id', user.id)
      .set('username', user.username)
      .set('login_time', new Date().toISOString());
    // What was cached of the user may be from another life.
    await cache.scope(user.id).clear();
    const { accessToken } = await tokens.issue({ sub: user.id, claims: { username: user.username } });
    sendJson(
      response,
      200,
      { service_name: name, access_token: accessToken, token_type: 'bearer' },
      { 'cache-control': 'no-store' },
    );
  }

  async function logout(request, response, { query }) {
    const { userId } = request.session;
    if (userId !== undefined && query.get('everywhere') === 'true') {
      await sessions.endAll(userId);
      await tokens.revokeUser(userId);
    }
    await request.session.destroy();
    sendJson(response, 200, { service_name: name, message: 'logged out' });
  }
}
