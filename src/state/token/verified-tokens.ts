import { BoundedMap } from '../../base/bounded-map.js';
import type { VerifiedToken } from './verified-token.js';

/** Characters of the signature that a token is filed under; not the very last, which has bits to spare. */
const FILED_FROM = 9;
const FILED_TO = 1;

/**
 * Verified tokens by their exact text, a bounded number of them. Every request brings its token as a new
 * text, whose hash V8 would compute over all of it, at several times the cost of all else here. So a token is
 * filed under a number made of a few characters of its signature, and compared whole. Of two under one number
 * (one pair in 2^32) the later is kept; the other is verified anew.
 */
export class VerifiedTokens {
  readonly #filed: BoundedMap<number, VerifiedToken>;

  constructor(most: number) {
    this.#filed = new BoundedMap(most);
  }

  find(text: string): VerifiedToken | undefined {
    if (typeof text !== 'string') return undefined;
    const token = this.#filed.get(numberOf(text));
    return token !== undefined && token.text === text ? token : undefined;
  }

  add(token: VerifiedToken): void {
    this.#filed.set(numberOf(token.text), token);
  }

  clear(): void {
    this.#filed.clear();
  }
}

function numberOf(text: string): number {
  const end = text.length - FILED_TO;
  let number = 0;
  for (let at = text.length - FILED_FROM; at < end; at++)
    number = (Math.imul(number, 31) + text.charCodeAt(at)) | 0;
  return number;
}
