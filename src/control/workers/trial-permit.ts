import type { Order } from './protocol.js';

/** A worker, as the permit passes through it. */
export interface PermitTaker {
  send(order: Order): void;
}

/** A worker that does not answer for so long is stuck, and the others go on without it. */
const LOST_MS = 5000;

/**
 * Which worker may begin trials. Only one at a time, so that an upstream which was down is tried by one
 * request of the whole fleet; and one after the other, so that it is tried wherever requests come.
 */
export class TrialPermit {
  readonly #queue: PermitTaker[] = [];
  /** The first of the queue was asked to return the permit. */
  #askedAtMs: number | undefined;

  join(taker: PermitTaker): void {
    this.#queue.push(taker);
    if (this.#queue.length === 1) this.#begin();
  }

  leave(taker: PermitTaker): void {
    const at = this.#queue.indexOf(taker);
    if (at === -1) return;
    this.#queue.splice(at, 1);
    if (at === 0) this.#begin();
  }

  /** Passes the permit on while trials are waiting. */
  rotate(nowMs: number): void {
    if (this.#queue.length < 2) return;
    if (this.#askedAtMs === undefined) {
      this.#askedAtMs = nowMs;
      this.#queue[0]!.send({ kind: 'returnPermit' });
    } else if (nowMs - this.#askedAtMs > LOST_MS) this.#pass();
  }

  ended(taker: PermitTaker): void {
    if (this.#askedAtMs !== undefined && taker === this.#queue[0]) this.#pass();
  }

  #pass(): void {
    this.#queue.push(this.#queue.shift()!);
    this.#begin();
  }

  #begin(): void {
    this.#askedAtMs = undefined;
    this.#queue[0]?.send({ kind: 'permit' });
  }
}
