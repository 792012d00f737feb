import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { encodeField } from '../../src/proxy/http2/hpack-encoder.js';
import { frame } from '../../src/proxy/http2/frames.js';
import { PREFACE } from '../../src/proxy/http2/preface.js';
import { until } from './until.js';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A client that writes any frames, and keeps what comes back. */
export class FrameClient {
  readonly frames: Frame[] = [];
  isClosed = false;
  readonly #socket: Socket;
  #held = Buffer.alloc(0);

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#socket.on('error', () => {});
    this.#socket.on('end', () => (this.isClosed = true));
    this.#socket.on('close', () => (this.isClosed = true));
    onTestFinished(() => void this.#socket.destroy());
  }

  /** Preface and SETTINGS, as an ordinary client begins. */
  static open(port: number, settings = ''): FrameClient {
    const client = new FrameClient(port);
    client.write(PREFACE.toString('latin1') + frame(4, 0, 0, settings));
    return client;
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** A FIN. */
  end(): void {
    this.#socket.end();
  }

  find(type: number, stream?: number): Frame | undefined {
    return this.frames.find((each) => each.type === type && (stream === undefined || each.stream === stream));
  }

  async frame(type: number, stream?: number): Promise<Frame> {
    return await until(`frame ${type} of stream ${stream}`, () => this.find(type, stream));
  }

  async closed(): Promise<void> {
    await until('the connection to be closed', () => this.isClosed);
  }

  #read(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length >= 9) {
      const end = 9 + this.#held.readUIntBE(0, 3);
      if (this.#held.length < end) return;
      this.frames.push({
        type: this.#held[3]!,
        flags: this.#held[4]!,
        stream: this.#held.readUInt32BE(5),
        payload: this.#held.subarray(9, end),
      });
      this.#held = this.#held.subarray(end);
    }
  }
}

/** A header block of these fields. */
export function block(...fields: readonly (readonly [name: string, value: string])[]): string {
  return fields.map(([name, value]) => encodeField(name, value)).join('');
}

export const GET = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'example.org'],
] as const;

export const POST = [[':method', 'POST'], ...GET.slice(1)] as const;
