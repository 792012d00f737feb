import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { systemRandom } from '../../src/base/random.js';
import { Deadlines } from '../../src/proxy/deadlines.js';
import { Exchange } from '../../src/proxy/exchange.js';
import { Gateway } from '../../src/proxy/gateway.js';
import { CHUNKED, parseRequestHead } from '../../src/proxy/http1/request-head.js';
import { DEFAULT_LIMITS } from '../../src/proxy/limits.js';
import { nodeEngine } from '../../src/proxy/node-engine.js';
import { PoolConnections } from '../../src/proxy/pool-connections.js';
import type { RequestFacts } from '../../src/route/facts.js';
import type { RequestRecord } from '../../src/proxy/request-record.js';
import { uncounted } from '../../src/proxy/tally.js';
import type { AnswerHead, Belonging, ClientSide, Refusal } from '../../src/proxy/sides.js';
import { roundRobin } from '../../src/route/balance/round-robin.js';
import { SlotTable } from '../../src/route/placement/slot-table.js';
import { Pool } from '../../src/route/pool/pool.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { HELD_BYTES_MAX, settled } from './fill.js';

/** A client's side that speaks no version of HTTP: it shows that an exchange needs none. */
class Third implements ClientSide {
  readonly version = 'HTTP/2';
  isUnderPressure = false;
  isPaused = false;
  loggedIn: Belonging | undefined;
  requestBytes = 0;
  answeredBytes = 0;
  readonly heads: { status: number; fields: string; added: string }[] = [];
  text = '';
  trailers: string | undefined;
  refusal: Refusal | undefined;
  isAborted = false;
  overs = 0;

  interim({ status, fields }: AnswerHead): void {
    this.heads.push({ status, fields, added: '' });
  }
  head(head: AnswerHead, added: string): void {
    head.inChunks = false;
    this.heads.push({ status: head.status, fields: head.fields, added });
  }
  upgraded(head: AnswerHead, added: string): void {
    this.head(head, added);
  }
  data(bytes: Buffer, start: number, end: number): void {
    this.answeredBytes += end - start;
    if (this.text.length < 10_000) this.text += bytes.toString('latin1', start, end);
  }
  flush(): boolean {
    return false;
  }
  end(trailers: string): void {
    this.trailers = trailers;
  }
  refuse(refusal: Refusal): void {
    this.refusal = refusal;
  }
  abort(): void {
    this.isAborted = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  over(): void {
    this.overs++;
  }
}

const upstream = await startUpstream();
const deadlines = new Deadlines(systemClock);
const records: RequestRecord[] = [];
const ground = { engine: nodeEngine, clock: systemClock, random: systemRandom, deadlines };

function gatewayTo(url: string): Gateway {
  const pool = new Pool({
    upstreams: [{ id: 'a', url, weight: 1, draining: false }],
    placement: (members) => new SlotTable(members, 1024),
    health: undefined,
    passive: { maxFails: 0, failTimeoutMs: 1000 },
  });
  const connections = new PoolConnections({
    ...ground,
    pool,
    tls: { ca: undefined, insecure: false },
    limits: DEFAULT_LIMITS,
    http2: false,
    retryAfterSeconds: 1,
    tally: uncounted,
  });
  afterAll(() => connections.close());
  const route = {
    name: 'all',
    affinity: { rules: [], balance: roundRobin.create({}) },
    pool: connections,
    mayWait: false,
    binds: false,
    forwardLines: undefined,
    tally: { upgraded() {}, finished() {} },
    requestEdits: undefined,
    answerEdits: undefined,
    toHttps: undefined,
    ruleName: () => '',
  };
  const settings = {
    limits: DEFAULT_LIMITS,
    expose: false,
    halfClose: false,
    routeFor: (facts: RequestFacts) => (facts.path === '/nowhere' ? undefined : route),
    pageFor: () => undefined,
    isTrusted: () => false,
    clientAddress: (peer: string) => peer,
  };
  return new Gateway(ground, settings, {
    finished: (record) => void records.push(record),
    refused() {},
    claimed() {},
  });
}

afterAll(() => deadlines.stop());
const site = gatewayTo(upstream.url);

function ask(line: string, to = site): { client: Third; exchange: Exchange } {
  const hasBody = line.startsWith('POST');
  const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const head = parseRequestHead(bytes, 0, bytes.length, 100, false);
  if (typeof head === 'string') throw new Error(head);
  // As of HTTP/2: a body of unknown length that is not in chunks.
  if (hasBody) head.bodyBytes = CHUNKED;
  const client = new Third();
  const origin = { address: '192.0.2.1', isSecure: true, fields: 'X-Forwarded-For: 192.0.2.1\r\n' };
  const exchange = new Exchange(to, client, head, origin, 'id');
  exchange.start();
  return { client, exchange };
}

function send(exchange: Exchange, text: string): void {
  const bytes = Buffer.from(text);
  exchange.requestData(bytes, 0, bytes.length);
  exchange.requestFlush();
}

/** An upstream whose answers the test writes. */
async function startByHand(): Promise<{ gateway: Gateway; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => void sockets.push(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => void server.close());
  const { port } = server.address() as { port: number };
  return { gateway: gatewayTo(`http://127.0.0.1:${port}`), sockets };
}

describe('a client side of no version of HTTP: streaming', () => {
  it('gets data and trailers of an answer in chunks, each part before the next one is sent', async () => {
    const { gateway, sockets } = await startByHand();
    const { client } = ask('GET /', gateway);
    const socket = await until('the request', () => sockets[0]);
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n');
    await until('the head', () => client.heads.length === 1);
    expect(client.heads[0]).toMatchObject({ status: 200, fields: 'X-A: 1\r\n' });
    for (let count = 1; count <= 3; count++) {
      socket.write(`2\r\n${count};\r\n`);
      await until(`part ${count}`, () => client.text.endsWith(`${count};`));
    }
    socket.write('0\r\nGrpc-Status: 0\r\nContent-Length: 5\r\n\r\n');
    await until('the end', () => client.overs === 1);
    expect([client.text, client.trailers]).toEqual(['1;2;3;', 'Grpc-Status: 0\r\n']);
    expect(records.at(-1)).toMatchObject({ status: 200, tries: 1, answeredBytes: 6 });
  });

  it('sends data and trailers, which the upstream gets in chunks', async () => {
    upstream.behaviour = { kind: 'answer', body: 'ok' };
    const { client, exchange } = ask('POST /');
    const before = upstream.seen.length;
    for (const part of ['one', 'two', 'three']) {
      send(exchange, part);
      await until(part, () => (upstream.seen.at(-1)?.bodyBytes ?? 0) >= part.length);
    }
    exchange.requestEnd('X-Sum: 11\r\n');
    await until('the answer', () => client.overs === 1);
    expect([client.text, before <= upstream.seen.length]).toEqual(['ok', true]);
    const seen = upstream.seen.at(-1)!;
    expect([seen.body.toString(), seen.trailers, upstream.faults]).toEqual([
      'onetwothree',
      [['X-Sum', '11']],
      [],
    ]);
    expect(seen.header('transfer-encoding')).toBe('chunked');
  });

  it('gets interim answers as heads of their own', async () => {
    upstream.behaviour = { kind: 'informational', statuses: [103] };
    const { client } = ask('GET /');
    await until('the answer', () => client.overs === 1);
    expect(client.heads.map(({ status }) => status)).toEqual([103, 200]);
  });
});

describe('a client side of no version of HTTP: endings', () => {
  it('a refusal is a value', () => {
    const { client } = ask('GET /nowhere');
    expect(client.refusal).toMatchObject({ status: 404, code: 'no-route' });
    expect(client.refusal!.fields).toMatch(/(?:^|\r\n)X-Request-Id: id\r\n$/);
    expect(client.overs).toBe(1);
  });

  it('an answer that is cut short is aborted, and never ended', async () => {
    upstream.behaviour = { kind: 'cut', framing: 'chunked' };
    const { client } = ask('GET /');
    await until('the end', () => client.overs === 1);
    expect([client.isAborted, client.trailers]).toEqual([true, undefined]);
  });

  it('a client that goes takes its request along: 499, and the upstream is cut', async () => {
    upstream.behaviour = { kind: 'silent' };
    const count = upstream.seen.length;
    const { client, exchange } = ask('GET /');
    await until('the request', () => upstream.seen[count]?.isComplete);
    const open = upstream.connections;
    exchange.clientClosed(true);
    await until('the cut', () => upstream.connections < open);
    expect([records.at(-1)!.status, client.overs]).toEqual([499, 0]);
  });

  it('each direction of an upgraded connection ends by itself', async () => {
    upstream.behaviour = { kind: 'answer' };
    const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
    const head = parseRequestHead(bytes, 0, bytes.length, 100, false);
    if (typeof head === 'string') throw new Error(head);
    const client = new Third();
    const origin = { address: '192.0.2.1', isSecure: true, fields: '' };
    const exchange = new Exchange(site, client, head, origin, 'id');
    exchange.start();
    await until('the upgrade', () => client.heads.length === 1);
    send(exchange, 'echo');
    await until('the echo', () => client.text === 'echo');
    exchange.requestEnd('');
    await until('the end', () => client.overs === 1);
    expect([client.trailers, records.at(-1)!.status]).toEqual(['', 101]);
  });
});

describe('a client side of no version of HTTP: pressure', () => {
  it('stops the upstream while it is slow, and gets every byte in the end', async () => {
    const bodyBytes = 60 * 1024 * 1024;
    upstream.behaviour = { kind: 'flood', bodyBytes, framing: 'chunked' };
    upstream.sentBytes = 0;
    const { client, exchange } = ask('GET /');
    client.isUnderPressure = true;
    expect(await settled('the upstream to stop', () => upstream.sentBytes)).toBeLessThan(HELD_BYTES_MAX);
    client.isUnderPressure = false;
    exchange.clientDrained();
    await until('the end', () => client.overs === 1);
    expect(client.answeredBytes).toBe(bodyBytes);
  });

  it('is paused by an upstream that does not read', async () => {
    upstream.behaviour = { kind: 'deaf' };
    const { client, exchange } = ask('POST /');
    let sent = 0;
    await until('the pause', () => {
      if (sent > 0 && client.isPaused && upstream.seen.at(-1)!.bodyBytes >= 0 && sent > 1_000_000)
        return true;
      if (!client.isPaused) {
        send(exchange, 'x'.repeat(64 * 1024));
        sent += 64 * 1024;
      }
      return false;
    });
    expect(sent).toBeLessThan(HELD_BYTES_MAX);
    exchange.clientClosed(true);
  });
});
