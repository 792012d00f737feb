import type { Random } from '../base/random.js';

/** Ids of requests: a random half that tells processes apart, and a count. Unique, cheap, and not a secret. */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  constructor(random: Random) {
    this.#prefix = random.id().slice(0, 16);
  }

  /** 32 hexadecimal digits. */
  next(): string {
    return this.#prefix + (++this.#count).toString(16).padStart(16, '0');
  }
}
