import type { Random } from '../base/random.js';

/** The last three digits of any number, made once. */
const ENDINGS = Array.from({ length: 4096 }, (_, number) => number.toString(16).padStart(3, '0'));

/** Ids of requests: a random half that tells processes apart, and a count. Unique, cheap, and not a secret. */
export class RequestIds {
  readonly #prefix: string;
  #beginning = '';
  #count = 0;

  constructor(random: Random) {
    this.#prefix = random.id().slice(0, 16);
  }

  /** 32 hexadecimal digits. */
  next(): string {
    const ending = this.#count % ENDINGS.length;
    if (ending === 0) this.#beginning = this.#prefix + (this.#count / ENDINGS.length).toString(16).padStart(13, '0');
    this.#count++;
    return this.#beginning + ENDINGS[ending]!;
  }
}
