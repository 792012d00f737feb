import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { afterAll } from 'vitest';
import { fieldValues, type Fields } from './http-message.js';
import { connect, type RawClient, type RequestOptions } from './raw-client.js';
import { until } from './until.js';

/*
 * The two versions of HTTP that clients speak, as one table: what a test says of an exchange, and not of a
 * version, it says with `describe.each(CLIENT_SIDES)`.
 */

/** An answer, whichever version of HTTP brought it. Names of fields in lower case. */
export interface ClientAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Buffer;
  readonly trailers: Fields;
  /** False: it was cut short, and the client could see it. */
  readonly isWhole: boolean;
  header(name: string): string | undefined;
  headers(name: string): string[];
  text(): string;
  json(): any;
}

export interface InterimAnswer {
  readonly status: number;
  readonly fields: Fields;
}

/** A request whose body, if it has one, is sent piece by piece. */
export interface OngoingRequest {
  readonly interims: readonly InterimAnswer[];
  /** What has come of the answer's body, over HTTP/1.1 with its framing. */
  readonly received: string;
  /** False: nobody takes it at the moment. */
  write(bytes: string | Buffer): boolean;
  end(trailers?: Fields): void;
  /** Nobody waits for the answer any more. */
  leave(): void;
  pause(): void;
  resume(): void;
  answer(deadlineMs?: number): Promise<ClientAnswer>;
}

/** A connection. Over HTTP/1.1 it carries one request after the other. */
export interface SideClient {
  request(options?: RequestOptions): Promise<ClientAnswer>;
  /** `hasBody`: one follows, of unknown length unless the headers give it. */
  begin(options?: RequestOptions, hasBody?: boolean): OngoingRequest;
  close(): void;
}

export interface ClientKind {
  readonly version: 'HTTP/1.1' | 'HTTP/2';
  open(port: number): Promise<SideClient>;
  /** One request on a connection of its own. */
  request(port: number, options?: RequestOptions): Promise<ClientAnswer>;
}

export const CLIENT_SIDES: readonly ClientKind[] = [
  kind('HTTP/1.1', async (port) => new Http1Side(await connect(port))),
  kind('HTTP/2', (port) => Promise.resolve(new Http2Side(port))),
];

function kind(version: ClientKind['version'], open: (port: number) => Promise<SideClient>): ClientKind {
  return {
    version,
    open,
    async request(port, options) {
      const client = await open(port);
      try {
        return await client.request(options);
      } finally {
        client.close();
      }
    },
  };
}

function pairs(given: RequestOptions['headers']): Fields {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as Fields) : Object.entries(given);
}

function answerOf(
  status: number,
  fields: Fields,
  body: Buffer,
  trailers: Fields,
  isWhole: boolean,
): ClientAnswer {
  return {
    status,
    fields: lowered(fields),
    body,
    trailers: lowered(trailers),
    isWhole,
    header: (name) => fieldValues(fields, name)[0],
    headers: (name) => fieldValues(fields, name),
    text: () => body.toString('utf8'),
    json: () => JSON.parse(body.toString('utf8')) as unknown,
  };
}

function lowered(fields: Fields): Fields {
  return fields.map(([name, value]) => [name.toLowerCase(), value]);
}

class Http1Side implements SideClient {
  readonly #client: RawClient;

  constructor(client: RawClient) {
    this.#client = client;
  }

  async request(options: RequestOptions = {}): Promise<ClientAnswer> {
    this.#client.send(options);
    return await new Http1Ongoing(this.#client).answer();
  }

  begin(options: RequestOptions = {}, hasBody = false): OngoingRequest {
    const fields = pairs(options.headers);
    const isChunked = hasBody && fieldValues(fields, 'content-length').length === 0;
    const framed: Fields = isChunked ? [...fields, ['Transfer-Encoding', 'chunked']] : fields;
    this.#client.send({ ...options, headers: framed });
    return new Http1Ongoing(this.#client, isChunked);
  }

  close(): void {
    this.#client.destroy();
  }
}

class Http1Ongoing implements OngoingRequest {
  readonly interims: InterimAnswer[] = [];
  readonly #client: RawClient;
  readonly #isChunked: boolean;

  constructor(client: RawClient, isChunked = false) {
    this.#client = client;
    this.#isChunked = isChunked;
  }

  get received(): string {
    return this.#client.received;
  }

  write(bytes: string | Buffer): boolean {
    if (!this.#isChunked) return this.#client.write(bytes);
    this.#client.write(`${Buffer.byteLength(bytes).toString(16)}\r\n`);
    this.#client.write(bytes);
    return this.#client.write('\r\n');
  }

  end(trailers: Fields = []): void {
    if (!this.#isChunked) return;
    this.#client.write(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  }

  leave(): void {
    this.#client.destroy();
  }

  pause(): void {
    this.#client.socket.pause();
  }

  resume(): void {
    this.#client.socket.resume();
  }

  async answer(deadlineMs?: number): Promise<ClientAnswer> {
    for (;;) {
      const answer = await this.#client.response(deadlineMs).catch((error: unknown) => {
        if (this.#client.isCutShort) return undefined;
        throw error;
      });
      if (answer === undefined) {
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.received)?.[1] ?? 0);
        return answerOf(status, [], Buffer.alloc(0), [], false);
      }
      const { status, fields, body, trailers } = answer;
      if (status >= 200) return answerOf(status, fields, body, trailers, true);
      this.interims.push({ status, fields: lowered(fields) });
    }
  }
}

const sessions = new Set<ClientHttp2Session>();
afterAll(() => {
  for (const session of sessions) session.destroy();
});

class Http2Side implements SideClient {
  readonly #session: ClientHttp2Session;

  constructor(port: number) {
    this.#session = http2.connect(`http://127.0.0.1:${port}`);
    this.#session.on('error', () => {});
    sessions.add(this.#session);
    this.#session.on('close', () => sessions.delete(this.#session));
  }

  async request(options: RequestOptions = {}): Promise<ClientAnswer> {
    const ongoing = this.begin(options, options.body !== undefined);
    if (options.body !== undefined) {
      ongoing.write(Buffer.from(options.body));
      ongoing.end();
    }
    return await ongoing.answer();
  }

  begin(options: RequestOptions = {}, hasBody = false): OngoingRequest {
    const headers: OutgoingHttpHeaders = {
      ':method': options.method ?? 'GET',
      ':path': options.target ?? '/',
      ':authority': 'test.example',
    };
    for (const [given, value] of pairs(options.headers)) {
      const name = given.toLowerCase();
      const before = headers[name];
      if (name === 'host') headers[':authority'] = value;
      else headers[name] = before === undefined ? value : [before as string, value].flat();
    }
    if (options.body !== undefined) headers['content-length'] ??= Buffer.byteLength(options.body);
    return new Http2Ongoing(
      this.#session.request(headers, { endStream: !hasBody, waitForTrailers: hasBody }),
    );
  }

  close(): void {
    this.#session.destroy();
  }
}

class Http2Ongoing implements OngoingRequest {
  readonly interims: InterimAnswer[] = [];
  readonly #stream: ClientHttp2Stream;
  readonly #pieces: Buffer[] = [];
  #status = 0;
  #fields: Fields = [];
  #trailers: Fields = [];
  #isWhole = false;
  #isOver = false;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.on('headers', (headers: IncomingHttpHeaders & IncomingHttpStatusHeader, ...more: unknown[]) =>
      this.interims.push({ status: headers[':status']!, fields: fieldsOf(more[1]) }),
    );
    stream.on('response', (headers: IncomingHttpHeaders & IncomingHttpStatusHeader, ...more: unknown[]) => {
      this.#status = headers[':status']!;
      this.#fields = fieldsOf(more[1]);
    });
    stream.on('trailers', (...given: unknown[]) => (this.#trailers = fieldsOf(given[2])));
    stream.on('data', (piece: Buffer) => this.#pieces.push(piece));
    stream.on('end', () => (this.#isWhole = this.#status !== 0));
    stream.on('error', () => {});
    stream.on('close', () => {
      this.#isWhole &&= (stream.rstCode ?? 0) === 0;
      this.#isOver = true;
    });
  }

  get received(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  write(bytes: string | Buffer): boolean {
    return this.#stream.write(bytes);
  }

  end(trailers: Fields = []): void {
    this.#stream.on('wantTrailers', () => this.#stream.sendTrailers(Object.fromEntries(trailers)));
    this.#stream.end();
  }

  leave(): void {
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  async answer(deadlineMs = 5000): Promise<ClientAnswer> {
    await until('the answer to be over', () => this.#isOver, deadlineMs);
    return answerOf(this.#status, this.#fields, Buffer.concat(this.#pieces), this.#trailers, this.#isWhole);
  }
}

/** Names and values in turn, as node:http2 gives them as its third argument; types know nothing of it. */
function fieldsOf(raw: unknown): Fields {
  const list = raw as readonly string[];
  const fields: [string, string][] = [];
  for (let at = 0; at < list.length; at += 2)
    if (!list[at]!.startsWith(':')) fields.push([list[at]!, list[at + 1]!]);
  return fields;
}
