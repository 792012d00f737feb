import { createServer, type Server, type Socket } from 'node:net';
import { afterAll } from 'vitest';
import { frame } from '../../src/proxy/http2/frames.js';
import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.js';
import type { Frame } from './http2-frames.js';
import { until } from './until.js';

const PREFACE_BYTES = 24;

/** One request as it came: its number, and its fields in order. */
export interface FrameRequest {
  readonly stream: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly hasEnded: boolean;
  get(name: string): string | undefined;
}

const live = new Set<FrameUpstream>();
afterAll(() => {
  for (const upstream of live) upstream.stop();
});

/** An upstream that writes any frames, and keeps what comes: by HTTP/2 without TLS. */
export class FrameUpstream {
  readonly connections: FrameConnection[] = [];
  /** What is done with a request; by default it is answered with `ok`. */
  onRequest: (connection: FrameConnection, request: FrameRequest) => void = (connection, { stream }) =>
    connection.answer(stream);
  /** The SETTINGS that begin a connection; `undefined`: it says nothing by itself. */
  settings: string | undefined = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FrameUpstream> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const upstream = new FrameUpstream(server);
    server.on('connection', (socket) => upstream.connections.push(new FrameConnection(socket, upstream)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    live.add(upstream);
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  get requests(): readonly FrameRequest[] {
    return this.connections.flatMap(({ requests }) => requests);
  }

  async request(count = 1): Promise<FrameRequest> {
    return await until(`request ${count}`, () => this.requests[count - 1]);
  }

  stop(): void {
    live.delete(this);
    for (const connection of this.connections) connection.end();
    this.#server.close();
  }
}

/** One connection of the gateway's to a `FrameUpstream`. */
export class FrameConnection {
  readonly frames: Frame[] = [];
  readonly requests: FrameRequest[] = [];
  /** Reads of the system's that brought something. */
  reads = 0;
  isClosed = false;
  readonly #socket: Socket;
  readonly #upstream: FrameUpstream;
  readonly #hpack = new HpackDecoder(4096, 2 ** 20);
  #held = Buffer.alloc(0);
  #hasPreface = false;

  constructor(socket: Socket, upstream: FrameUpstream) {
    this.#socket = socket;
    this.#upstream = upstream;
    if (upstream.settings !== undefined) this.write(frame(4, 0, 0, upstream.settings));
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => (this.isClosed = true));
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** `ok` with status 200. */
  answer(stream: number, body = 'ok'): void {
    this.write(frame(1, 4, stream, '\x88') + frame(0, 1, stream, body));
  }

  find(type: number, stream?: number): Frame | undefined {
    return this.frames.find((each) => each.type === type && (stream === undefined || each.stream === stream));
  }

  async frame(type: number, stream?: number): Promise<Frame> {
    return await until(`frame ${type} of stream ${stream}`, () => this.find(type, stream));
  }

  end(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #read(bytes: Buffer): void {
    this.reads++;
    this.#held = Buffer.concat([this.#held, bytes]);
    if (!this.#hasPreface) {
      if (this.#held.length < PREFACE_BYTES) return;
      this.#hasPreface = true;
      this.#held = this.#held.subarray(PREFACE_BYTES);
    }
    while (this.#held.length >= 9) {
      const end = 9 + this.#held.readUIntBE(0, 3);
      if (this.#held.length < end) return;
      const read: Frame = {
        type: this.#held[3]!,
        flags: this.#held[4]!,
        stream: this.#held.readUInt32BE(5),
        payload: Buffer.from(this.#held.subarray(9, end)),
      };
      this.#held = this.#held.subarray(end);
      this.frames.push(read);
      if (read.type === 4 && (read.flags & 1) === 0) this.write(frame(4, 1, 0, ''));
      // Heads of ours stand in one frame, unless a test makes them large; trailers have their END_STREAM.
      if (read.type === 1 && !this.requests.some(({ stream }) => stream === read.stream)) this.#request(read);
    }
  }

  #request({ stream, flags, payload }: Frame): void {
    const fields: [string, string][] = [];
    const isWhole = this.#hpack.decode(payload, 0, payload.length, {
      hpackField: (name, value) => void fields.push([name, value]),
    });
    if (!isWhole) throw new Error('a header block that nobody can decode');
    const request = {
      stream,
      fields,
      hasEnded: (flags & 1) !== 0,
      get: (name: string) => fields.find(([each]) => each === name)?.[1],
    };
    this.requests.push(request);
    this.#upstream.onRequest(this, request);
  }
}
