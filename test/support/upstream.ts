import { createServer, type Server, type Socket } from 'node:net';
import { afterAll } from 'vitest';
import { fieldValues, MessageReader, namedFraming, type Fields, type Head } from './http-message.js';
import { freePort } from './ports.js';
import { until } from './until.js';

/** What a fake upstream does with a request. */
export type Behaviour =
  /**
   * Answers; without a body, with JSON that holds its id and the request. `closes`: says and does Connection:
   * close.
   */
  | {
      kind: 'answer';
      status?: number;
      headers?: Fields;
      body?: string | Buffer;
      isChunked?: boolean;
      closes?: boolean;
      delayMs?: number;
    }
  /** These 1xx first (`100`, `103`), then the answer. */
  | { kind: 'informational'; statuses: readonly number[]; headers?: Fields }
  /** Reads the request and never answers. */
  | { kind: 'silent' }
  /**
   * Closes without a byte of an answer, in order or with a RST. `at: head` does not wait for the request's
   * body.
   */
  | { kind: 'drop'; at?: 'head' | 'end'; isReset?: boolean }
  /** Sends a head and a part of the body, then closes. */
  | { kind: 'cut'; framing: 'length' | 'chunked'; sent?: string; isReset?: boolean }
  /** Sends a body of this many bytes, minding back-pressure; `sentBytes` counts them. */
  | { kind: 'flood'; bodyBytes: number; framing?: 'length' | 'chunked' | 'close' }
  /**
   * Writes exactly these bytes, and keeps the connection unless it `closes`. `at: head`: before the body has
   * come.
   */
  | { kind: 'bytes'; bytes: string; at?: 'head' | 'end'; closes?: boolean }
  /** Stops reading after the head. */
  | { kind: 'deaf' };

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: Fields;
  /** The head's bytes as they arrived. */
  readonly head: string;
  /** The body's start (64 KiB are kept), and how long it was. */
  body: Buffer;
  bodyBytes: number;
  trailers: Fields;
  /** False while its body is arriving, and for ever when it was cut short. */
  isComplete: boolean;
  header(name: string): string | undefined;
  headers(name: string): string[];
}

export interface UpstreamOptions {
  readonly id?: string;
  readonly port?: number;
  readonly host?: string;
  readonly behaviour?: Behaviour | ((request: SeenRequest) => Behaviour);
}

export const ANSWER = { kind: 'answer' } as const satisfies Behaviour;

const KEPT_BODY_BYTES = 64 * 1024;
const SEEN_MAX = 20_000;
const FLOOD_CHUNK = Buffer.alloc(64 * 1024, 'stickyroute ');

const live = new Set<FakeUpstream>();
afterAll(async () => {
  await Promise.all([...live].map((upstream) => upstream.stop()));
});

/** Starts a fake upstream on a real socket. It stops at the end of the test file at the latest. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<FakeUpstream> {
  const upstream = new FakeUpstream(
    options.id ?? 'api-1',
    options.port ?? (await freePort()),
    options.host ?? '127.0.0.1',
  );
  if (options.behaviour !== undefined) upstream.behaviour = options.behaviour;
  live.add(upstream);
  await upstream.listen();
  return upstream;
}

/** Several, with the ids `api-1`, `api-2` … */
export async function startUpstreams(count: number): Promise<FakeUpstream[]> {
  return await Promise.all(Array.from({ length: count }, (_, at) => startUpstream({ id: `api-${at + 1}` })));
}

/** An upstream whose every move is the test's to choose. It speaks HTTP/1.1 on bare sockets. */
export class FakeUpstream {
  readonly id: string;
  readonly port: number;
  readonly host: string;
  /** What it does from now on; a function chooses by the request, as soon as its head is there. */
  behaviour: Behaviour | ((request: SeenRequest) => Behaviour) = ANSWER;
  /** The requests in the order of their heads. */
  readonly seen: SeenRequest[] = [];
  /** Heads received, also past what `seen` keeps. */
  requests = 0;
  /** Connections accepted since the start. */
  accepted = 0;
  /** Body bytes handed to the system by `flood`. */
  sentBytes = 0;
  /** What arrived and was not HTTP: always a fault of the gateway. */
  readonly faults: string[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(id: string, port: number, host: string) {
    this.id = id;
    this.port = port;
    this.host = host;
  }

  get url(): string {
    return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Starts listening, again after `stop`. */
  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.host, 4096, resolve);
    });
    live.add(this);
  }

  /** Closes the port and every connection: from here on it refuses. */
  async stop(): Promise<void> {
    live.delete(this);
    const server = this.#server;
    this.#server = undefined;
    this.dropConnections();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Tears down what is open; the port stays open. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /**
   * Closes unused and used connections in order (a FIN), as a server does when its keep-alive time is over.
   */
  endConnections(): void {
    for (const socket of this.#sockets) socket.end();
  }

  /** Reads again where `deaf` stopped. */
  listenAgain(): void {
    for (const socket of this.#sockets) socket.resume();
  }

  /** Waits until that many requests have come in whole, and returns the last of them. */
  async request(count = 1, deadlineMs?: number): Promise<SeenRequest> {
    return await until(
      `request ${count} at ${this.id}`,
      () => {
        const request = this.seen[count - 1];
        return request?.isComplete === true ? request : undefined;
      },
      deadlineMs,
    );
  }

  #accept(socket: Socket): void {
    this.accepted++;
    this.#sockets.add(socket);
    let current: SeenRequest | undefined;
    let behaviour: Behaviour = ANSWER;
    let kept: Buffer[] = [];
    const reader = new MessageReader({
      head: (head) => {
        const request = readRequest(head);
        current = request;
        kept = [];
        this.requests++;
        if (this.seen.length < SEEN_MAX) this.seen.push(request);
        const framing = namedFraming(head.fields) ?? { kind: 'none' };
        behaviour = behaviourFor(this, request);
        if (request.header('upgrade') !== undefined && behaviour.kind === 'answer') {
          request.isComplete = true;
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.header('upgrade')}\r\nX-Served-By: ${this.id}\r\n\r\n`,
          );
          socket.once('end', () => socket.end());
          current = undefined;
          return { kind: 'raw' };
        }
        if (behaviour.kind === 'deaf') socket.pause();
        else if (behaviour.kind === 'bytes' && behaviour.at === 'head') sendBytes(socket, behaviour);
        else if (behaviour.kind === 'drop' && behaviour.at === 'head') drop(socket, behaviour.isReset);
        else if (/^100-continue$/i.test(request.header('expect') ?? '') && behaviour.kind === 'answer')
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        return framing;
      },
      body: (bytes) => {
        if (current === undefined) {
          socket.write(bytes); // after a 101: an echo
          return;
        }
        current.bodyBytes += bytes.length;
        if (current.bodyBytes - bytes.length < KEPT_BODY_BYTES) kept.push(bytes);
      },
      end: (trailers) => {
        const request = current!;
        request.body = Buffer.concat(kept).subarray(0, KEPT_BODY_BYTES);
        request.trailers = trailers;
        request.isComplete = true;
        this.#answer(socket, request, behaviour);
      },
    });
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes);
      } catch (error) {
        this.faults.push(error instanceof Error ? error.message : String(error));
        socket.destroy();
      }
    });
    // The gateway has ended its side: so does this one, unless an answer is on its way.
    socket.on('end', () => {
      if (reader.isIdle && behaviour.kind === 'answer') socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #answer(socket: Socket, request: SeenRequest, behaviour: Behaviour): void {
    const isHead = request.method === 'HEAD';
    switch (behaviour.kind) {
      case 'silent':
      case 'deaf':
        return;
      case 'drop':
        if (behaviour.at !== 'head') drop(socket, behaviour.isReset);
        return;
      case 'bytes':
        if (behaviour.at !== 'head') sendBytes(socket, behaviour);
        return;
      case 'cut': {
        const sent = behaviour.sent ?? 'only the beginning';
        const framed =
          behaviour.framing === 'chunked'
            ? `Transfer-Encoding: chunked\r\n\r\n${sent.length.toString(16)}\r\n${sent}\r\n`
            : `Content-Length: ${sent.length + 1000}\r\n\r\n${sent}`;
        socket.write(`HTTP/1.1 200 OK\r\nX-Served-By: ${this.id}\r\n${framed}`, 'latin1', () =>
          drop(socket, behaviour.isReset),
        );
        return;
      }
      case 'flood':
        this.#flood(socket, behaviour.bodyBytes, behaviour.framing ?? 'length');
        return;
      case 'informational':
        for (const status of behaviour.statuses) {
          socket.write(
            `HTTP/1.1 ${status} Early\r\n${(behaviour.headers ?? []).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
            'latin1',
          );
        }
        socket.write(this.#message(request, ANSWER, isHead));
        return;
      case 'answer': {
        const send = (): void => {
          socket.write(this.#message(request, behaviour, isHead));
          if (behaviour.closes === true) socket.end();
        };
        if (behaviour.delayMs === undefined) send();
        else setTimeout(send, behaviour.delayMs).unref();
      }
    }
  }

  #message(request: SeenRequest, answer: Extract<Behaviour, { kind: 'answer' }>, isHead: boolean): Buffer {
    const status = answer.status ?? 200;
    const body = Buffer.from(answer.body ?? JSON.stringify(this.#account(request)));
    const isBare = status === 204 || status === 304;
    const fields: (readonly [string, string])[] = [['X-Served-By', this.id], ...(answer.headers ?? [])];
    if (answer.body === undefined && !isBare) fields.push(['Content-Type', 'application/json']);
    if (answer.closes === true) fields.push(['Connection', 'close']);
    if (answer.isChunked === true) fields.push(['Transfer-Encoding', 'chunked']);
    else if (!isBare) fields.push(['Content-Length', String(body.length)]);
    const head = Buffer.from(
      `HTTP/1.1 ${status} Status\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      'latin1',
    );
    if (isHead || isBare) return head;
    if (answer.isChunked !== true) return Buffer.concat([head, body]);
    const half = Math.ceil(body.length / 2);
    const chunks = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length > 0);
    const framed = chunks.flatMap((part) => [
      Buffer.from(`${part.length.toString(16)}\r\n`),
      part,
      Buffer.from('\r\n'),
    ]);
    return Buffer.concat([head, ...framed, Buffer.from('0\r\n\r\n')]);
  }

  /** What the JSON of an answer says. */
  #account(request: SeenRequest): object {
    return {
      id: this.id,
      method: request.method,
      target: request.target,
      headers: Object.fromEntries(request.fields.map(([name, value]) => [name.toLowerCase(), value])),
      body: request.body.toString('latin1'),
      bodyBytes: request.bodyBytes,
    };
  }

  #flood(socket: Socket, bodyBytes: number, framing: 'length' | 'chunked' | 'close'): void {
    const field = {
      length: `Content-Length: ${bodyBytes}`,
      chunked: 'Transfer-Encoding: chunked',
      close: 'Connection: close',
    }[framing];
    socket.write(`HTTP/1.1 200 OK\r\nX-Served-By: ${this.id}\r\n${field}\r\n\r\n`);
    let left = bodyBytes;
    const more = (): void => {
      while (left > 0) {
        if (socket.destroyed) return;
        const part = FLOOD_CHUNK.subarray(0, Math.min(left, FLOOD_CHUNK.length));
        left -= part.length;
        this.sentBytes += part.length;
        if (framing === 'chunked') socket.write(`${part.length.toString(16)}\r\n`);
        let isFree = socket.write(part);
        if (framing === 'chunked') isFree = socket.write('\r\n');
        if (!isFree) {
          socket.once('drain', more);
          return;
        }
      }
      if (framing === 'chunked') socket.write('0\r\n\r\n');
      if (framing === 'close') socket.end();
    };
    more();
  }
}

function behaviourFor(upstream: FakeUpstream, request: SeenRequest): Behaviour {
  return typeof upstream.behaviour === 'function' ? upstream.behaviour(request) : upstream.behaviour;
}

function drop(socket: Socket, isReset: boolean | undefined): void {
  if (isReset === true) socket.resetAndDestroy();
  else socket.destroy();
}

function sendBytes(socket: Socket, behaviour: Extract<Behaviour, { kind: 'bytes' }>): void {
  socket.write(behaviour.bytes, 'latin1');
  if (behaviour.closes === true) socket.end();
}

function readRequest(head: Head): SeenRequest {
  const match = /^(\S+) (\S+) (HTTP\/1\.[01])$/.exec(head.startLine);
  if (match === null) throw new Error(`Not a request line: ${JSON.stringify(head.startLine)}`);
  return {
    method: match[1]!,
    target: match[2]!,
    version: match[3]!,
    fields: head.fields,
    head: head.bytes,
    body: Buffer.alloc(0),
    bodyBytes: 0,
    trailers: [],
    isComplete: false,
    header: (name) => fieldValues(head.fields, name)[0],
    headers: (name) => fieldValues(head.fields, name),
  };
}
