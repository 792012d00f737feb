// Schemes S3, S5 and S6: users behind a two-level cache, by token, by owner, and one endpoint for every kind
// of caller.
import { createHash, timingSafeEqual } from 'node:crypto';
import { CallError } from 'stickyroute/client';
import { token } from 'stickyroute/node';
import { sendJson } from './http.mjs';

export function userEndpoints(name, { accounts, tokens, cache, owners, storeName, internalKey }) {
  const LEVELS = { local: 'local', store: storeName, loaded: 'database', stale: 'stale' };
  return {
    'GET /api/users/me': token(tokens, me),
    'GET /api/users/:id': user,
    'GET /internal/users/:id': internalUser,
    'GET /api/data': token(tokens, data, { optional: true }),
  };

  async function me(request, response) {
    const { value, level } = await cachedUser(request.token.sub);
    if (value === undefined) return sendJson(response, 404, { error: 'This user is no more.' });
    sendJson(response, 200, { ...value, service_name: name, cache_level: LEVELS[level] });
  }

  /** Local, then the store, then the "database". */
  function cachedUser(id) {
    return cache.scope(id).lookup('profile', () => accounts.find(id));
  }

  /** Passed on to whoever owns the user; to the owner's backups when it is away; 503 when all are. */
  async function user(request, response, { parameter }) {
    try {
      const answer = await owners.fetch(
        `user:${parameter}`,
        `/internal/users/${encodeURIComponent(parameter)}`,
        { headers: { 'x-internal-key': internalKey } },
      );
      const { status } = answer;
      sendJson(response, status, { ...(await answer.json()), entry: name });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      sendJson(
        response,
        error.status,
        { error: 'Nobody who could know this user can be reached.', entry: name },
        error.status === 503 ? { 'retry-after': '1' } : {},
      );
    }
  }

  async function internalUser(request, response, { parameter }) {
    // The gateway passes every path on, so this one must keep strangers out itself.
    if (!isSame(request.headers['x-internal-key'], internalKey))
      return sendJson(response, 404, { error: 'No such endpoint.' });
    const { value, level } = await cachedUser(parameter);
    if (value === undefined) return sendJson(response, 404, { error: 'No such user.', service_name: name });
    sendJson(response, 200, { ...value, service_name: name, cache_level: LEVELS[level] });
  }

  function data(request, response) {
    const { session, token: claims } = request;
    if (claims !== undefined)
      return sendJson(response, 200, { service_name: name, caller: 'token', user_id: claims.sub });
    if (session.userId !== undefined)
      return sendJson(response, 200, {
        service_name: name,
        caller: 'session',
        user_id: session.userId,
        username: session.get('username'),
      });
    sendJson(response, 200, { service_name: name, caller: 'anonymous' });
  }
}

function isSame(given, secret) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret));
}
