import type { Timed } from '../deadlines.js';
import type { Outlet } from '../outlet.js';
import type { Site } from '../site.js';
import type { FrameWriter } from './frame-writer.js';
import { FRAME_BYTES_MAX, WINDOW_DEFAULT, WINDOW_MAX } from './frames.js';
import { RecentResets } from './recent-resets.js';
import type { Http2Stream, StreamGround } from './stream.js';

/** The streams of one connection, and how they share its window and its turn of sending. */
export class Streams implements StreamGround {
  readonly #site: Site;
  readonly #outlet: Outlet;
  readonly #write: FrameWriter;
  readonly #onEmpty: () => void;
  readonly #byId = new Map<number, Http2Stream>();
  /** Those whose data waits for a window or for the client to read; each has its turn. */
  readonly #waiting = new Set<Http2Stream>();
  readonly #wasReset = new RecentResets();
  /** What the client takes of all of them together. */
  #sendWindow = WINDOW_DEFAULT;

  /** `onEmpty`: the last stream is over. */
  constructor(site: Site, outlet: Outlet, write: FrameWriter, onEmpty: () => void) {
    this.#site = site;
    this.#outlet = outlet;
    this.#write = write;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#byId.size;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get(id: number): Http2Stream | undefined {
    return this.#byId.get(id);
  }

  add(stream: Http2Stream): void {
    const { streamCounts } = this.#site;
    streamCounts.streams++;
    if (this.#byId.size === 0) streamCounts.connections++;
    this.#byId.set(stream.id, stream);
  }

  /** It was reset by us not long ago. */
  wasReset(id: number): boolean {
    return this.#wasReset.has(id);
  }

  /** A copy: what is done with one may end it. */
  all(): Http2Stream[] {
    return [...this.#byId.values()];
  }

  /** False when the connection's window would be larger than there may be. */
  growWindow(bytes: number): boolean {
    this.#sendWindow += bytes;
    return this.#sendWindow <= WINDOW_MAX;
  }

  /** Round after round, one frame of each stream that can send, until none can. */
  sendWaiting(): void {
    let hasMoved = true;
    while (hasMoved && this.#sendWindow > 0 && !this.#outlet.isUnderPressure) {
      hasMoved = false;
      for (const stream of this.#waiting) {
        if (stream.sendWaiting()) hasMoved = true;
        if (!stream.isWaiting) this.#waiting.delete(stream);
      }
    }
  }

  // ---- What a stream asks (StreamGround) ----

  get bodyIdleMs(): number {
    return this.#site.settings.limits.bodyIdleMs;
  }

  after(ms: number): number {
    return this.#site.deadlines.after(ms);
  }

  watch(timed: Timed): void {
    this.#site.deadlines.add(timed);
  }

  unwatch(timed: Timed): void {
    this.#site.deadlines.remove(timed);
  }

  sendHeaders(stream: number, block: string, isEnd: boolean): number {
    return this.#write.headers(stream, block, isEnd);
  }

  sendData(stream: Http2Stream, bytes: Buffer, start: number, end: number, isEnd: boolean): number {
    if (start === end) {
      this.#write.data(stream.id, bytes, start, end, isEnd);
      return 0;
    }
    const size = Math.min(end - start, FRAME_BYTES_MAX, stream.sendWindow, this.#sendWindow);
    if (size <= 0 || this.#outlet.isUnderPressure) return -1;
    this.#write.data(stream.id, bytes, start, start + size, isEnd && start + size === end);
    stream.sendWindow -= size;
    this.#sendWindow -= size;
    return size;
  }

  sendReset(stream: number, code: number): void {
    this.#write.reset(stream, code);
    this.#outlet.flush();
    this.#wasReset.add(stream);
  }

  sendWindow(stream: number, bytes: number): void {
    this.#write.window(stream, bytes);
  }

  wait(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  flush(): boolean {
    this.#outlet.flush();
    return this.#outlet.wire.bufferedBytes > 0;
  }

  closed(stream: Http2Stream): void {
    this.#waiting.delete(stream);
    if (!this.#byId.delete(stream.id)) return;
    const { streamCounts } = this.#site;
    streamCounts.streams--;
    if (this.#byId.size > 0) return;
    streamCounts.connections--;
    this.#onEmpty();
  }
}
