import type { UpstreamFault } from '../upstream-fault.js';
import { RecentResets } from './recent-resets.js';
import type { Http2UpstreamStream } from './upstream-stream.js';

/** The streams of one connection to an upstream, and those that wait to be opened on it. */
export class UpstreamStreams {
  readonly #byId = new Map<number, Http2UpstreamStream>();
  /** They wait for the connection, or for what its SETTINGS say. */
  #pending: Http2UpstreamStream[] = [];
  readonly #wasReset = new RecentResets();

  get size(): number {
    return this.#byId.size + this.#pending.length;
  }

  get(id: number): Http2UpstreamStream | undefined {
    return this.#byId.get(id);
  }

  open(id: number, stream: Http2UpstreamStream): void {
    this.#byId.set(id, stream);
  }

  wait(stream: Http2UpstreamStream): void {
    this.#pending.push(stream);
  }

  takePending(): Http2UpstreamStream[] {
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }

  delete(stream: Http2UpstreamStream): void {
    if (this.#byId.delete(stream.id)) return;
    const at = this.#pending.indexOf(stream);
    if (at !== -1) this.#pending.splice(at, 1);
  }

  /** We have reset it: what was on its way to it is no fault. */
  addReset(id: number): void {
    this.#wasReset.add(id);
  }

  wasReset(id: number): boolean {
    return this.#wasReset.has(id);
  }

  /** The windows of open streams grow, or shrink below 0; false when one would be too large. */
  growWindows(change: number): boolean {
    for (const stream of this.#byId.values()) if (!stream.growWindow(change)) return false;
    return true;
  }

  /** Those whose time limit is reached. */
  endLate(nowMs: number): void {
    for (const stream of this.#byId.values()) if (stream.deadlineAt <= nowMs) stream.late();
    for (const stream of [...this.#pending]) if (stream.deadlineAt <= nowMs) stream.late();
  }

  /** Those above this one, and those that wait. */
  failAbove(lastStream: number, fault: UpstreamFault, cause: Error | undefined): void {
    const pending = this.takePending();
    for (const [id, stream] of this.#byId) {
      if (id <= lastStream) continue;
      this.#byId.delete(id);
      stream.fail(fault, cause);
    }
    for (const stream of pending) stream.fail(fault, cause);
  }
}
