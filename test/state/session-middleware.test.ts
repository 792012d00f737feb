import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';
import express, { type RequestHandler, type Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seen, session } from '../../src/frameworks/express/index.js';
import { createCache } from '../../src/state/cache/index.js';
import { createSessions } from '../../src/state/session/sessions.js';
import { memoryStore } from '../../src/state/store/memory/index.js';
import type { Session } from '../../src/state/session/session.js';
import type { TestFields } from './session-apps.js';
import { drawsAll } from '../support/draws.js';
import { countingStore } from './counting-store.js';

// Middleware that writes through the response, in every order with ours: not a byte of an answer may be
// missing, and no answer may wait for ever.
const TEXT = 'the quick brown fox jumps over the lazy dog\n'.repeat(20_000);
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-middleware-'));
const store = countingStore(memoryStore());
const cache = createCache({ store: memoryStore(), keys: ['k'.repeat(32)], onEvent: () => {} });
const sessions = createSessions<TestFields>({ store, onEvent: () => {} });

/** As on-headers, response-time and others do: headers at the last moment. */
const lastHeaders: RequestHandler = (_request, response, next) => {
  const { writeHead } = response;
  let isDone = false;
  response.writeHead = function (this: Response, ...args: never[]) {
    if (!isDone) this.setHeader('x-last', 'yes');
    isDone = true;
    return Reflect.apply(writeHead, this, args);
  } as never;
  next();
};

/** As morgan and express-session do: `end` and `write` of their own, which call those before. */
const counter: RequestHandler = (_request, response, next) => {
  const { write, end } = response;
  response.write = function (this: Response, ...args: never[]) {
    return Reflect.apply(write, this, args) as boolean;
  } as never;
  response.end = function (this: Response, ...args: never[]) {
    return Reflect.apply(end, this, args) as Response;
  } as never;
  next();
};

const layers: Readonly<Record<string, () => RequestHandler>> = {
  session: () => session(sessions),
  seen: () => seen(cache),
  compression: () => compression({ threshold: 0 }) as unknown as RequestHandler,
  lastHeaders: () => lastHeaders,
  counter: () => counter,
};

function ordersOf(names: readonly string[]): string[][] {
  if (names.length < 2) return [[...names]];
  return names.flatMap((name) =>
    ordersOf(names.filter((other) => other !== name)).map((rest) => [name, ...rest]),
  );
}

const answers: Readonly<Record<string, (response: Response) => void>> = {
  send: (response) => void response.type('text/plain').send(TEXT),
  'write and end': (response) => {
    response.type('text/plain');
    for (let at = 0; at < TEXT.length; at += 100_000) response.write(TEXT.slice(at, at + 100_000));
    response.end();
  },
  pipe: (response) => {
    response.type('text/plain');
    Readable.from(pieces()).pipe(response);
  },
  'writes that wait for drain': (response) => {
    response.writeHead(200, [['content-type', 'text/plain']] as never);
    // Few: what waits by `once` stays on the stream of compression, which takes it off the response instead.
    const each = pieces(100_000);
    const next = (): void => {
      for (let piece = each.next(); ; piece = each.next()) {
        if (piece.done === true) return void response.end();
        if (!response.write(piece.value)) return void response.once('drain', next);
      }
    };
    next();
  },
  sendFile: (response) => void response.sendFile(join(folder, 'text.txt')),
};

function* pieces(characters = 10_000): Generator<string> {
  for (let at = 0; at < TEXT.length; at += characters) yield TEXT.slice(at, at + characters);
}

let close = (): void => {};
beforeAll(() => writeFileSync(join(folder, 'text.txt'), TEXT));
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await store.close();
});

async function ask(
  order: readonly string[],
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const app = express();
  for (const name of order) app.use(layers[name]!());
  app.use('/static', (request, _response, next) => {
    if (order.includes('session')) write(request.session as unknown as Session<TestFields>);
    next();
  });
  app.use('/static', express.static(folder));
  app.get('/quiet/:how', (request, response) => answers[request.params.how]!(response));
  app.get('/changed/:how', (request, response) => {
    write(request.session as unknown as Session<TestFields>);
    answers[request.params.how]!(response);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  try {
    const { port } = server.address() as AddressInfo;
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      httpRequest({ port, path: encodeURI(path), headers, method }, resolve)
        .on('error', reject)
        .end(),
    );
    const body: Buffer[] = [];
    for await (const piece of answer) body.push(piece as Buffer);
    const bytes = Buffer.concat(body);
    const text =
      answer.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes).toString() : bytes.toString();
    return {
      status: answer.statusCode,
      headers: answer.headers,
      isWhole: text === TEXT,
      bytes: bytes.length,
    };
  } finally {
    close();
  }
}

function write(own: Session<TestFields>): void {
  own.set('at', 'now');
}

describe.each(
  ordersOf(['session', 'seen', 'compression'])
    .concat(ordersOf(['session', 'lastHeaders', 'counter', 'compression']))
    .filter((_, index) => drawsAll || index % 5 === 0)
    .map((order) => [order.join(', '), order] as const),
)('%s', (_, order) => {
  it.each(
    Object.keys(answers)
      .flatMap((how) => [`/quiet/${how}`, `/changed/${how}`])
      .concat('/static/text.txt'),
  )('answers the whole of %s', async (path) => {
    for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
      const { status, headers: got, isWhole } = await ask(order, path, headers);
      expect([status, isWhole]).toEqual([200, true]);
      expect(got['set-cookie'] !== undefined).toBe(!path.startsWith('/quiet'));
      expect(got['x-last']).toBe(order.includes('lastHeaders') ? 'yes' : undefined);
    }
  });

  it('answers 503 in time when the session cannot be stored, however the answer was begun', async () => {
    store.isDown = true;
    try {
      for (const how of Object.keys(answers)) {
        const { status, headers } = await ask(order, `/changed/${how}`, { 'accept-encoding': 'gzip' });
        expect([how, status, headers['set-cookie']]).toEqual([how, 503, undefined]);
      }
    } finally {
      store.isDown = false;
    }
  });

  it('answers HEAD, and 304 for what has not changed', async () => {
    const head = await ask(order, '/changed/send', {}, 'HEAD');
    expect([head.status, head.bytes]).toEqual([200, 0]);
    const first = await ask(order, '/static/text.txt');
    const again = await ask(order, '/static/text.txt', { 'if-none-match': first.headers.etag! });
    expect([again.status, again.bytes]).toEqual([304, 0]);
    expect(again.headers['set-cookie']).toBeDefined();
  });
});
