import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cache } from '../state/cache/cache.js';
import type { Seen } from '../state/cache/seen.js';
import type { PlainAnswer } from './plain-answer.js';
import { holdResponse, type BeforeHeaders } from './held-response.js';

/**
 * What a request's user has seen; and what it sees until the response's headers go out goes along with them.
 */
export function seenFor(
  cache: Cache,
  request: IncomingMessage,
  response: ServerResponse,
  isSecure: boolean,
): Seen {
  const seen = cache.version.read((name) => textOf(request.headers[name]));
  holdResponse(response, new SeenAnswer(cache, seen, response, isSecure));
  return seen;
}

class SeenAnswer implements BeforeHeaders {
  readonly #cache: Cache;
  readonly #seen: Seen;
  readonly #response: ServerResponse;
  readonly #isSecure: boolean;
  readonly isQuiet = true;

  constructor(cache: Cache, seen: Seen, response: ServerResponse, isSecure: boolean) {
    this.#cache = cache;
    this.#seen = seen;
    this.#response = response;
    this.#isSecure = isSecure;
  }

  pass(): void {
    if (this.#response.headersSent) return;
    for (const { name, value } of this.#cache.version.write(this.#seen, this.#isSecure))
      this.#response.appendHeader(name, value);
  }

  async finish(): Promise<() => void> {
    return () => this.pass();
  }

  fail(): PlainAnswer {
    return { status: 500, text: 'Internal error.' };
  }
}

function textOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
