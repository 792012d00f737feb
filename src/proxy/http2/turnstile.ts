/** Requests of one connection that never wait: event streams and long polls of a browser's tabs are few. */
const OWN_REQUESTS = 4;

/** A request that may have to wait before it begins. */
export interface Waiter {
  /** Its turn has come. */
  admitted(): void;
}

/**
 * How many requests over HTTP/2 are in progress in the whole gateway: some of each connection, and beyond
 * them so many of all connections together. The rest wait, each connection in its turn, so nobody's hundred
 * requests keep another's first one waiting.
 */
export class Turnstile {
  readonly #most: () => number;
  #shared = 0;
  #isAdmitting = false;
  /** Connections with requests that wait, the next one first. */
  readonly #queue = new Set<Gate>();

  /** `most`: a reload may change it. */
  constructor(most: () => number) {
    this.#most = most;
  }

  get hasRoom(): boolean {
    return this.#shared < this.#most();
  }

  enter(): void {
    this.#shared++;
  }

  leave(): void {
    this.#shared--;
    // A request that is refused at once leaves while it is admitted.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    for (const gate of this.#queue) {
      if (!this.hasRoom) break;
      this.#queue.delete(gate);
      if (gate.admitNext()) this.#queue.add(gate);
    }
    this.#isAdmitting = false;
  }

  wait(gate: Gate): void {
    this.#queue.add(gate);
  }

  forget(gate: Gate): void {
    this.#queue.delete(gate);
  }
}

/** One connection's part of it. */
export class Gate {
  readonly #turnstile: Turnstile;
  #running = 0;
  #isAdmitting = false;
  readonly #waiting = new Set<Waiter>();

  constructor(turnstile: Turnstile) {
    this.#turnstile = turnstile;
  }

  /** True: it may begin now. Otherwise it is told when. */
  enter(waiter: Waiter): boolean {
    if (this.#waiting.size === 0 && this.#mayRun) {
      this.#run();
      return true;
    }
    this.#waiting.add(waiter);
    this.#turnstile.wait(this);
    return false;
  }

  /** It was in, and is over. */
  leave(): void {
    this.#running--;
    if (this.#running >= OWN_REQUESTS) {
      this.#turnstile.leave();
      return;
    }
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    while (this.#running < OWN_REQUESTS && this.#waiting.size > 0) this.admitNext();
    this.#isAdmitting = false;
  }

  /** It waits no longer. */
  forget(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    if (this.#waiting.size === 0) this.#turnstile.forget(this);
  }

  /** True: there are more that wait. */
  admitNext(): boolean {
    for (const waiter of this.#waiting) {
      this.forget(waiter);
      this.#run();
      waiter.admitted();
      break;
    }
    return this.#waiting.size > 0;
  }

  get #mayRun(): boolean {
    return this.#running < OWN_REQUESTS || this.#turnstile.hasRoom;
  }

  #run(): void {
    if (this.#running++ >= OWN_REQUESTS) this.#turnstile.enter();
  }
}
