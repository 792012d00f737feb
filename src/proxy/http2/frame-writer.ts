import type { Outlet } from '../outlet.js';
import * as h2 from './frames.js';

/** Writes the frames of one connection. They leave with the turn: see outlet.ts. */
export class FrameWriter {
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  settings(settings: string): void {
    this.#frame(h2.SETTINGS, 0, 0, settings);
  }

  settingsAck(): void {
    this.#frame(h2.SETTINGS, h2.ACK, 0, '');
  }

  ping(payload: string, flags: number): void {
    this.#frame(h2.PING, flags, 0, payload);
  }

  goAway(lastStream: number, code: number): void {
    this.#frame(h2.GOAWAY, 0, 0, h2.uint32(lastStream) + h2.uint32(code));
  }

  reset(stream: number, code: number): void {
    this.#frame(h2.RST_STREAM, 0, stream, h2.uint32(code));
  }

  window(stream: number, bytes: number): void {
    this.#frame(h2.WINDOW_UPDATE, 0, stream, h2.uint32(bytes));
  }

  /** A header block in as many frames as it takes; answers how many bytes they have. */
  headers(stream: number, block: string, isEnd: boolean): number {
    const end = isEnd ? h2.END_STREAM : 0;
    const most = h2.FRAME_BYTES_MAX;
    if (block.length <= most) return this.#frame(h2.HEADERS, end | h2.END_HEADERS, stream, block);
    let bytes = this.#frame(h2.HEADERS, end, stream, block.slice(0, most));
    for (let at = most; at < block.length; at += most) {
      const flags = at + most >= block.length ? h2.END_HEADERS : 0;
      bytes += this.#frame(h2.CONTINUATION, flags, stream, block.slice(at, at + most));
    }
    return bytes;
  }

  /** Data in as many frames as it takes, which leave in one write. */
  data(stream: number, bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const most = h2.FRAME_BYTES_MAX;
    if (end - start <= most) {
      this.#data(stream, bytes, start, end, isEnd);
      return;
    }
    const { wire } = this.#outlet;
    wire.cork();
    for (let at = start; at < end; at += most) {
      const stop = Math.min(at + most, end);
      this.#data(stream, bytes, at, stop, isEnd && stop === end);
    }
    wire.uncork();
  }

  /** END_STREAM alone. */
  end(stream: number): void {
    this.#outlet.text(h2.frameHead(0, h2.DATA, h2.END_STREAM, stream));
  }

  #data(stream: number, bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    this.#outlet.text(h2.frameHead(end - start, h2.DATA, isEnd ? h2.END_STREAM : 0, stream));
    if (start < end) this.#outlet.bytes(bytes, start, end);
  }

  #frame(type: number, flags: number, stream: number, payload: string): number {
    this.#outlet.text(h2.frame(type, flags, stream, payload));
    return h2.FRAME_HEAD_BYTES + payload.length;
  }
}
