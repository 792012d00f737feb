import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterAll } from 'vitest';
import {
  fieldValues,
  MessageReader,
  namedFraming,
  type Fields,
  type Framing,
  type Head,
} from './http-message.js';
import { until, within } from './until.js';

export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  /** The head's bytes as they arrived. */
  readonly head: string;
  readonly framing: Framing['kind'];
  readonly body: Buffer;
  readonly trailers: Fields;
  /** The first value of a field, by its name in any case. */
  header(name: string): string | undefined;
  headers(name: string): string[];
  text(): string;
  json(): any;
}

export interface ConnectOptions {
  readonly host?: string;
  /** HTTPS; `{}` accepts any certificate. */
  readonly tls?: ConnectionOptions;
  /** The address to connect from: 127.0.0.2 and so on are other clients. */
  readonly localAddress?: string;
}

export interface RequestOptions {
  readonly method?: string;
  /** The request target, exactly as it goes on the wire. */
  readonly target?: string;
  readonly headers?: Fields | Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** More than this is not kept for `received`. */
const RECEIVED_BYTES_MAX = 1024 * 1024;

const open = new Set<Socket>();
afterAll(() => {
  for (const socket of open) socket.destroy();
});

/**
 * Opens a connection that speaks only what the test writes. It is closed at the end of the test file at the
 * latest.
 */
export async function connect(port: number, options: ConnectOptions = {}): Promise<RawClient> {
  const { host = '127.0.0.1', localAddress } = options;
  const where = { host, port, allowHalfOpen: true, ...(localAddress === undefined ? {} : { localAddress }) };
  const socket =
    options.tls === undefined
      ? connectTcp(where)
      : connectTls({ rejectUnauthorized: false, ...where, ...options.tls });
  const client = new RawClient(socket);
  await within(
    `a connection to ${host}:${port}`,
    new Promise<void>((resolve, reject) => {
      socket.once(options.tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
    }),
  );
  return client;
}

/** One request on a connection of its own. */
export async function request(
  port: number,
  options: RequestOptions & ConnectOptions = {},
): Promise<RawResponse> {
  const client = await connect(port, options);
  try {
    return await client.request(options);
  } finally {
    client.destroy();
  }
}

/**
 * A connection as a client sees it: bytes go out as written, answers come back with their framing checked.
 */
export class RawClient {
  readonly socket: Socket;
  readonly #answers: RawResponse[] = [];
  /** The methods whose answers are due: HEAD has none of the body that its head announces. */
  readonly #methods: string[] = [];
  readonly #reader: MessageReader;
  #partial: { head: Head; framing: Framing; chunks: Buffer[] } | undefined;
  #raw: Buffer[] = [];
  #all: Buffer[] = [];
  #allBytes = 0;
  #broken: Error | undefined;
  #ending: 'end' | 'reset' | undefined;
  #isCut = false;
  #isUpgraded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    open.add(socket);
    this.#reader = new MessageReader({
      head: (head) => {
        const framing = this.#framing(head);
        this.#partial = { head, framing, chunks: [] };
        return framing;
      },
      body: (bytes) =>
        (this.#partial?.framing.kind === 'raw' ? this.#raw : this.#partial!.chunks).push(bytes),
      end: (trailers) => this.#finish(trailers),
    });
    socket.on('data', (bytes: Buffer) => {
      if (this.#allBytes < RECEIVED_BYTES_MAX) this.#all.push(bytes);
      this.#allBytes += bytes.length;
      this.#read(() => this.#reader.push(bytes));
    });
    socket.on('end', () => {
      this.#read(() => (this.#isCut = !this.#reader.close()));
      this.#ending ??= 'end';
    });
    socket.on('error', () => (this.#ending ??= 'reset'));
    socket.on('close', () => {
      open.delete(socket);
      if (this.#ending === undefined) this.#isCut = !this.#reader.isIdle;
      this.#ending ??= 'reset';
    });
  }

  /**
   * Bytes, or a byte string. True when the system took them; false when the other side has stopped reading.
   */
  write(bytes: string | Uint8Array): boolean {
    return typeof bytes === 'string' ? this.socket.write(bytes, 'latin1') : this.socket.write(bytes);
  }

  /** Writes a well-formed request: Host and Content-Length are added where they are absent. */
  send(options: RequestOptions = {}): void {
    const { method = 'GET', target = '/', body } = options;
    const given = options.headers ?? {};
    const fields: (readonly [string, string])[] = Array.isArray(given)
      ? [...(given as Fields)]
      : Object.entries(given as Record<string, string>);
    if (fieldValues(fields, 'host').length === 0) fields.unshift(['Host', 'test.example']);
    const isFramed =
      fieldValues(fields, 'content-length').length + fieldValues(fields, 'transfer-encoding').length > 0;
    if (body !== undefined && !isFramed) fields.push(['Content-Length', String(Buffer.byteLength(body))]);
    this.#methods.push(method);
    this.write(
      `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    );
    if (body !== undefined) this.socket.write(body);
  }

  /** Sends a request and reads its final answer, past any 1xx. */
  async request(options: RequestOptions = {}, deadlineMs?: number): Promise<RawResponse> {
    this.send(options);
    for (;;) {
      const answer = await this.response(deadlineMs);
      if (answer.status >= 200 || answer.status === 101) return answer;
    }
  }

  /**
   * The next answer in order; a 1xx counts as one. Fails when the connection ends first, when the answer is
   * cut short, and when the bytes are not HTTP. After writing HEAD with `write`, call `expect('HEAD')` first.
   */
  async response(deadlineMs = 5000): Promise<RawResponse> {
    return await until(
      'an answer',
      () => {
        const answer = this.#answers.shift();
        if (answer !== undefined) return answer;
        if (this.#broken !== undefined) throw this.#broken;
        if (this.#ending !== undefined)
          throw new Error(`The connection ended (${this.#ending}) before the answer did. ${this.#story()}`);
        return undefined;
      },
      deadlineMs,
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}. ${this.#story()}`);
    });
  }

  /** Says which method the next unannounced answer belongs to. */
  expect(method: string): void {
    this.#methods.push(method);
  }

  /** `end`: closed in order. `reset`: torn down. */
  async closed(deadlineMs = 5000): Promise<'end' | 'reset'> {
    return await until('the other side to close', () => this.#ending, deadlineMs);
  }

  get isClosed(): boolean {
    return this.#ending !== undefined;
  }

  /** True when the connection ended inside an answer. */
  get isCutShort(): boolean {
    return this.#isCut;
  }

  /** The bytes received so far (the first mebibyte of them), as a byte string. */
  get received(): string {
    return Buffer.concat(this.#all).toString('latin1');
  }

  /** Waits for that many bytes after a 101, and takes them. */
  async raw(length: number, deadlineMs = 5000): Promise<Buffer> {
    return await until(
      `${length} bytes after the 101`,
      () => {
        const all = Buffer.concat(this.#raw);
        if (all.length < length) return undefined;
        this.#raw = [all.subarray(length)];
        return all.subarray(0, length);
      },
      deadlineMs,
    );
  }

  /** Says that nothing more will be written (half-close). */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Tears the connection down with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #framing(head: Head): Framing {
    const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(head.startLine);
    if (match === null) throw new Error(`Not a status line: ${JSON.stringify(head.startLine)}`);
    const status = Number(match[1]);
    if (status === 101) return { kind: 'raw' };
    if (status < 200) return { kind: 'none' };
    const method = this.#methods.shift() ?? 'GET';
    const named = namedFraming(head.fields);
    if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' };
    return named ?? { kind: 'close' };
  }

  #finish(trailers: Fields): void {
    const { head, framing, chunks } = this.#partial!;
    this.#partial = undefined;
    this.#answers.push(response(head, framing, Buffer.concat(chunks), trailers));
  }

  #read(step: () => void): void {
    if (this.#broken !== undefined) return;
    try {
      step();
      // A 101 has no end; it is handed out as soon as its head is there.
      if (this.#partial?.framing.kind === 'raw' && !this.#isUpgraded) {
        this.#isUpgraded = true;
        this.#answers.push(response(this.#partial.head, this.#partial.framing, Buffer.alloc(0), []));
      }
    } catch (error) {
      this.#broken = error as Error;
    }
  }

  #story(): string {
    return `Received: ${JSON.stringify(this.received.slice(0, 2000))}`;
  }
}

function response(head: Head, framing: Framing, body: Buffer, trailers: Fields): RawResponse {
  const [version, status, ...reason] = head.startLine.split(' ');
  return {
    version: version!,
    status: Number(status),
    reason: reason.join(' '),
    fields: head.fields,
    head: head.bytes,
    framing: framing.kind,
    body,
    trailers,
    header: (name) => fieldValues(head.fields, name)[0],
    headers: (name) => fieldValues(head.fields, name),
    text: () => body.toString('utf8'),
    json: () => JSON.parse(body.toString('utf8')) as unknown,
  };
}
