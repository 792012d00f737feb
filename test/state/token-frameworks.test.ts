import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express, { type ErrorRequestHandler } from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { StickyError } from '../../src/base/errors.js';
import type { BearerOptions } from '../../src/frameworks/bearer.js';
import { token as expressToken } from '../../src/frameworks/express/token.js';
import { token as fastifyToken } from '../../src/frameworks/fastify/token.js';
import { token as honoToken } from '../../src/frameworks/hono/token.js';
import { token as nodeToken } from '../../src/frameworks/node/token.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { createTokens, type Tokens } from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { FleetStore } from '../support/fleet-store.js';
import { connect } from '../support/raw-client.js';

type Start = (tokens: Tokens, options?: BearerOptions) => Promise<string>;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An app of each framework that answers whose token it was, and fails for /fail. */
const apps: Readonly<Record<string, Start>> = {
  'node:http': (tokens, options) =>
    listen(
      nodeToken(
        tokens,
        (request, response) => {
          if (request.url === '/fail') throw new Error('the app failed');
          response.end(request.token?.sub ?? 'nobody');
        },
        { ...options, onError: () => {} },
      ),
    ),
  'Express 5': (tokens, options) => {
    const app = express();
    app.use(expressToken(tokens, options));
    app.use((request, response) => {
      if (request.path === '/fail') throw new Error('the app failed');
      response.send(request.token?.sub ?? 'nobody');
    });
    const onError: ErrorRequestHandler = (error: { status?: number }, _request, response, _next) =>
      void response.status(error.status ?? 500).send('failed');
    app.use(onError);
    return listen(app);
  },
  'Fastify 5': async (tokens, options) => {
    const app = fastify();
    app.get('/open', async () => 'open');
    await app.register(async (scope) => {
      await scope.register(fastifyToken(tokens, options));
      scope.get('/*', async (request) => {
        if (request.url === '/fail') throw new Error('the app failed');
        return request.token?.sub ?? 'nobody';
      });
    });
    await app.ready();
    closing.push(() => app.close());
    return await listen((request, response) => void app.routing(request, response));
  },
  'Hono 4': (tokens, options) => {
    const app = new Hono();
    app.use(honoToken(tokens, options));
    app.onError((_error, c) => c.text('failed', 500));
    app.all('*', (c) => {
      if (c.req.path === '/fail') throw new Error('the app failed');
      return c.text(c.get('token')?.sub ?? 'nobody');
    });
    return listen(getRequestListener(app.fetch));
  },
};

async function listen(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const KEYS = [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }] as const;

function setUp() {
  const clock = createManualClock();
  const tokens = createTokens({
    keys: KEYS,
    issuer: 'https://auth.example',
    audience: 'api',
    store: memoryStore({ clock }),
    clock,
  });
  closing.push(() => tokens.close());
  return { clock, tokens };
}

async function ask(
  url: string,
  authorization?: string,
): Promise<{ status: number; challenge: string | null; body: string }> {
  const response = await fetch(url, authorization === undefined ? {} : { headers: { authorization } });
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    body: await response.text(),
  };
}

describe.each(Object.entries(apps))('in %s', (name, start) => {
  test('a good token lets a request in, the first time and remembered, whatever the case of the scheme', async () => {
    const { tokens } = setUp();
    const url = await start(tokens);
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    for (const scheme of ['Bearer', 'Bearer', 'bearer', 'BEARER '])
      expect(await ask(url, `${scheme} ${accessToken}`)).toEqual({
        status: 200,
        challenge: null,
        body: 'alice',
      });
  });

  test('RFC 6750 §3.1: without a token the answer says how to come with one, and no more', async () => {
    const { tokens } = setUp();
    const url = await start(tokens, { realm: 'the api' });
    for (const field of [undefined, 'Basic dXNlcjpwYXNz', 'Bearerx abc', 'Token abc'])
      expect(await ask(url, field)).toEqual({ status: 401, challenge: 'Bearer realm="the api"', body: '' });
    expect((await ask(await start(tokens))).challenge).toBe('Bearer');
  });

  test('RFC 6750 §3.1: expired and invalid are told apart, revoked and forged are not', async () => {
    const { tokens, clock } = setUp();
    const url = await start(tokens, { realm: 'api' });
    const old = await tokens.issue({ sub: 'alice' });
    clock.advance(700_000);
    const revoked = await tokens.issue({ sub: 'alice' });
    await tokens.revoke(revoked.jti);
    const told = (description: string) => ({
      status: 401,
      challenge: `Bearer realm="api", error="invalid_token", error_description="${description}"`,
      body: JSON.stringify({ error: 'invalid_token', error_description: description }),
    });
    expect(await ask(url, `Bearer ${old.accessToken}`)).toEqual(told('Token expired'));
    for (const text of [revoked.accessToken, `${revoked.accessToken.slice(0, -2)}AA`, 'abc', 'a.b.c'])
      expect(await ask(url, `Bearer ${text}`)).toEqual(told('Invalid token'));
    expect(
      (await fetch(url, { headers: { authorization: 'Bearer abc' } })).headers.get('cache-control'),
    ).toBe('no-store');
  });

  test('RFC 6750 §3.1: a field that holds no token is a malformed request', async () => {
    const { tokens } = setUp();
    const url = await start(tokens);
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    for (const field of [
      'Bearer',
      'Bearer a b',
      `Bearer ${accessToken} ${accessToken}`,
      `Bearer ${accessToken}, Bearer ${accessToken}`,
      'Bearer "abc"',
      'Bearer é',
    ]) {
      expect(await ask(url, field), field).toEqual({
        status: 400,
        challenge: 'Bearer error="invalid_request", error_description="Malformed Authorization field"',
        body: '{"error":"invalid_request","error_description":"Malformed Authorization field"}',
      });
    }
  });

  test('RFC 6750 §2.3: a token is looked for in no other place', async () => {
    const { tokens } = setUp();
    const url = await start(tokens);
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    expect((await ask(`${url}/?access_token=${accessToken}`)).status).toBe(401);
    expect(
      (await fetch(url, { headers: { cookie: `token=${accessToken}; access_token=${accessToken}` } })).status,
    ).toBe(401);
    // fetch and most clients join two fields to one; a raw client does not.
    const client = await connect(Number(new URL(url).port));
    client.write(
      `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic x\r\nAuthorization: Bearer ${accessToken}\r\nConnection: close\r\n\r\n`,
    );
    expect((await client.response()).status).not.toBe(200);
  });

  test('where it is optional, no token is let in, and a bad one is not', async () => {
    const { tokens } = setUp();
    const url = await start(tokens, { optional: true });
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    expect((await ask(url)).body).toBe('nobody');
    expect((await ask(url, `Bearer ${accessToken}`)).body).toBe('alice');
    expect((await ask(url, 'Bearer abc')).status).toBe(401);
    expect((await ask(url, 'Bearer')).status).toBe(400);
  });

  test('a store that can not be reached is a 503 and no reason to log in again', async () => {
    const clock = createManualClock();
    const fleet = new FleetStore(clock, 2);
    const link = fleet.join();
    const tokens = createTokens({
      keys: KEYS,
      issuer: 'https://auth.example',
      audience: 'api',
      store: link.store,
      clock,
      onEvent: () => {},
    });
    closing.push(() => tokens.close());
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    const url = await start(tokens);
    link.isUp = false;
    clock.advance(2_000);
    expect(await ask(url, `Bearer ${accessToken}`)).toMatchObject({ status: 503, challenge: null });
  });

  test('what the app throws goes to the app', async () => {
    const { tokens } = setUp();
    const url = await start(tokens);
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    for (let count = 0; count < 2; count++)
      expect((await ask(`${url}/fail`, `Bearer ${accessToken}`)).status).toBe(500);
  });

  test('a realm that would break the field is refused at once', async () => {
    const { tokens } = setUp();
    for (const realm of ['"', 'a\r\nb', 'é', '', '\\'])
      await expect((async () => start(tokens, { realm }))()).rejects.toBeInstanceOf(StickyError);
  });

  if (name === 'Fastify 5') {
    test('routes outside the scope stay open', async () => {
      const { tokens } = setUp();
      expect((await ask(`${await start(tokens)}/open`)).body).toBe('open');
    });
  }
});
