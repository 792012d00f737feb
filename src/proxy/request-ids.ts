import type { Random } from '../base/random.js';

/** An id that comes with a request is passed on if it looks like one. */
const FOREIGN = /^[A-Za-z0-9._:+/=-]{1,128}$/;
/** The last three digits of any number, made once. */
const ENDINGS = Array.from({ length: 4096 }, (_, number) => number.toString(16).padStart(3, '0'));

/**
 * Ids of requests: a random half that tells processes apart, and a count. Unique, cheap, and not a secret.
 */
export class RequestIds {
  readonly #prefix: string;
  #beginning = '';
  #count = 0;

  constructor(random: Random) {
    this.#prefix = random.id().slice(0, 16);
  }

  /** The one that a request brings, or a new one: 32 hexadecimal digits. */
  of(brought: string | undefined): string {
    if (brought !== undefined && FOREIGN.test(brought)) return brought;

    const ending = this.#count % ENDINGS.length;
    if (ending === 0)
      this.#beginning = this.#prefix + (this.#count / ENDINGS.length).toString(16).padStart(13, '0');
    this.#count++;
    return this.#beginning + ENDINGS[ending]!;
  }
}
