import type { Order } from './protocol.js';

/** A worker, as the turn passes through it. */
export interface TurnTaker {
  send(order: Order): void;
}

/** A worker that does not answer for so long is stuck, and the others go on without it. */
const LOST_MS = 5000;

/**
 * Which worker may begin trials. Only one at a time, so that an upstream which was down is tried by one
 * request of the whole fleet; and each in its turn, so that it is tried wherever requests come.
 */
export class TrialTurn {
  readonly #queue: TurnTaker[] = [];
  /** The first of the queue was asked to end its turn. */
  #askedAtMs: number | undefined;

  join(taker: TurnTaker): void {
    this.#queue.push(taker);
    if (this.#queue.length === 1) this.#begin();
  }

  leave(taker: TurnTaker): void {
    const at = this.#queue.indexOf(taker);
    if (at === -1) return;
    this.#queue.splice(at, 1);
    if (at === 0) this.#begin();
  }

  /** Someone else's turn, while trials are waiting. */
  rotate(nowMs: number): void {
    if (this.#queue.length < 2) return;
    if (this.#askedAtMs === undefined) {
      this.#askedAtMs = nowMs;
      this.#queue[0]!.send({ kind: 'endTurn' });
    } else if (nowMs - this.#askedAtMs > LOST_MS) this.#pass();
  }

  ended(taker: TurnTaker): void {
    if (this.#askedAtMs !== undefined && taker === this.#queue[0]) this.#pass();
  }

  #pass(): void {
    this.#queue.push(this.#queue.shift()!);
    this.#begin();
  }

  #begin(): void {
    this.#askedAtMs = undefined;
    this.#queue[0]?.send({ kind: 'turn' });
  }
}
