import type { FirstBinding } from '../../route/first-binding.js';
import type { Timed } from '../deadlines.js';
import type { Peer } from '../forwarded.js';
import type { Outlet } from '../outlet.js';
import type { Site } from '../site.js';
import { FirstBindings } from './first-bindings.js';
import type { FrameWriter } from './frame-writer.js';
import { WINDOW_DEFAULT, WINDOW_MAX } from './frames.js';
import { ReceiveWindow } from './receive-window.js';
import { RecentResets } from './recent-resets.js';
import type { StreamGround } from './stream-ground.js';
import type { Http2Stream } from './stream.js';
import { Gate } from './turnstile.js';

/** The streams of one connection, and how they share its windows and its turn of sending. */
export class Streams implements StreamGround {
  readonly receiveWindow: ReceiveWindow;
  readonly #site: Site;
  readonly #peer: Peer;
  readonly #outlet: Outlet;
  readonly #write: FrameWriter;
  readonly #onEmpty: () => void;
  readonly #byId = new Map<number, Http2Stream>();
  /** Those whose data waits for the connection's window or for the client to read, the next one first. */
  readonly #ready = new Set<Http2Stream>();
  readonly #wasReset = new RecentResets();
  readonly #gate: Gate;
  #bindings: FirstBindings | undefined;
  /** What the client takes of all of them together. */
  #sendWindow = WINDOW_DEFAULT;

  /** `onEmpty`: the last stream is over. */
  constructor(site: Site, peer: Peer, outlet: Outlet, write: FrameWriter, onEmpty: () => void) {
    this.#site = site;
    this.#peer = peer;
    this.#outlet = outlet;
    this.#write = write;
    this.#onEmpty = onEmpty;
    this.receiveWindow = new ReceiveWindow(write, site.heldBytes);
    this.#gate = new Gate(site.turnstile);
  }

  get size(): number {
    return this.#byId.size;
  }

  get hasReady(): boolean {
    return this.#ready.size > 0;
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

  /** True: it may begin now; otherwise it begins when its turn comes. */
  enter(stream: Http2Stream): boolean {
    if (this.#gate.enter(stream)) return true;
    stream.queued();
    return false;
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

  /** False when the stream's window would be larger than there may be. */
  growWindowOf(stream: Http2Stream, bytes: number): boolean {
    if (!stream.growWindow(bytes)) return false;
    if (stream.isWaiting) this.wait(stream);
    return true;
  }

  /** One after the other sends a few bytes, until none has any or nobody takes them. */
  sendWaiting(): void {
    if (this.#ready.size === 0) return;
    const { wire } = this.#outlet;
    // All of it leaves in one write.
    wire.cork();
    for (const stream of this.#ready) {
      if (this.#sendWindow <= 0 || this.#outlet.isFull) break;
      this.#ready.delete(stream);
      stream.sendWaiting();
      if (stream.isWaiting) this.wait(stream);
    }
    wire.uncork();
  }

  // ---- What a stream asks (StreamGround) ----

  get tunnelIdleMs(): number {
    return this.#site.settings.limits.tunnelIdleMs;
  }

  get bodyIdleMs(): number {
    return this.#site.settings.limits.bodyIdleMs;
  }

  get answerTimeMs(): number {
    return this.#site.settings.limits.answerTimeMs;
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

  /** A trusted proxy has the requests of many users on one connection: they share no binding. */
  firstBinding(pool: object): FirstBinding | undefined {
    return this.#peer.isTrusted ? undefined : (this.#bindings ??= new FirstBindings()).of(pool);
  }

  sendHeaders(stream: number, block: string, isEnd: boolean): number {
    return this.#write.headers(stream, block, isEnd);
  }

  sendData(
    stream: Http2Stream,
    bytes: Buffer,
    start: number,
    end: number,
    isEnd: boolean,
    bytesMax: number,
  ): number {
    // Behind those that wait already, unless it is this one's turn.
    if (bytesMax === Infinity && this.#ready.size > 0) return -1;
    const size = Math.min(end - start, stream.sendWindow, this.#sendWindow, bytesMax);
    if (size <= 0 || this.#outlet.isFull) return -1;
    this.#write.data(stream.id, bytes, start, start + size, isEnd && start + size === end);
    stream.sendWindow -= size;
    this.#sendWindow -= size;
    return size;
  }

  sendEmpty(stream: number): void {
    this.#write.end(stream);
  }

  sendReset(stream: number, code: number): void {
    this.#write.reset(stream, code);
    this.#outlet.flush();
    this.#wasReset.add(stream);
  }

  sendWindow(stream: number, bytes: number): void {
    this.#write.window(stream, bytes);
  }

  credit(bytes: number): void {
    this.receiveWindow.credit(bytes);
  }

  hold(bytes: number): boolean {
    return this.receiveWindow.hold(bytes);
  }

  release(bytes: number): void {
    this.receiveWindow.release(bytes);
  }

  wait(stream: Http2Stream): void {
    if (!stream.isBlocked) this.#ready.add(stream);
  }

  flush(): boolean {
    this.#outlet.flush();
    return this.#outlet.wire.bufferedBytes > 0;
  }

  left(stream: Http2Stream): void {
    if (stream.isQueued) this.#gate.forget(stream);
    else this.#gate.leave();
  }

  closed(stream: Http2Stream): void {
    this.#ready.delete(stream);
    if (!this.#byId.delete(stream.id)) return;
    const { streamCounts } = this.#site;
    streamCounts.streams--;
    if (this.#byId.size > 0) return;
    streamCounts.connections--;
    this.#onEmpty();
  }
}
