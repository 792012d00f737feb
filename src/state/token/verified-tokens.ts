import { BoundedMap } from '../../base/bounded-map.js';
import type { VerifiedToken } from './verified-token.js';

/**
 * Characters of a signature: 144 bits. Every request brings its token as a new text, whose hash V8 would compute over all of it, at
 * several times the cost of all else here. So tokens are kept under their ends, and then compared whole.
 */
const END_CHARACTERS = 24;

/** Verified tokens by their exact text, a bounded number of them. */
export class VerifiedTokens {
  readonly #byEnd: BoundedMap<string, VerifiedToken>;

  constructor(most: number) {
    this.#byEnd = new BoundedMap(most, ({ text }) => endOf(text));
  }

  find(text: string): VerifiedToken | undefined {
    if (typeof text !== 'string') return undefined;
    const token = this.#byEnd.get(endOf(text));
    return token !== undefined && token.text === text ? token : undefined;
  }

  add(token: VerifiedToken): void {
    this.#byEnd.set(endOf(token.text), token);
  }

  clear(): void {
    this.#byEnd.clear();
  }
}

function endOf(text: string): string {
  return text.slice(-END_CHARACTERS);
}
