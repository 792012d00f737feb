import type { ServerResponse } from 'node:http';
import { StickyError } from '../base/errors.js';
import type { SessionVisit } from '../state/session/session-visit.js';
import type { PlainAnswer } from './plain-answer.js';
import { holdResponse, type BeforeHeaders } from './held-response.js';

/**
 * Lets the headers of a response wait until its session is stored. Returns how to answer something else
 * meanwhile.
 */
export function holdForSession<Fields extends object>(
  response: ServerResponse,
  visit: SessionVisit<Fields>,
  onError: (error: unknown) => void = warnOf,
): (answer: PlainAnswer) => void {
  // Who has a request and no answer to it (an upgrade) gives an empty object: nobody can be told a new id.
  if (typeof response.writeHead !== 'function') visit.answered();
  return holdResponse(response, new SessionAnswer(response, visit, onError));
}

/** Faults of the app's that come up after it answered, when nobody is left to throw them at. */
export function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/** A store that can't be reached is told of by an event. */
export function isStoreDown(error: unknown): boolean {
  return error instanceof StickyError && error.code === 'STICKY_STORE_DOWN';
}

class SessionAnswer<Fields extends object> implements BeforeHeaders {
  readonly #response: ServerResponse;
  readonly #visit: SessionVisit<Fields>;
  readonly #onError: (error: unknown) => void;

  constructor(response: ServerResponse, visit: SessionVisit<Fields>, onError: (error: unknown) => void) {
    this.#response = response;
    this.#visit = visit;
    this.#onError = onError;
  }

  get isQuiet(): boolean {
    return this.#visit.isQuiet;
  }

  pass(): void {
    this.#visit.answered();
  }

  async finish(): Promise<() => void> {
    const { setCookie, cacheControl } = await this.#visit.commit();
    return () => {
      if (setCookie !== undefined) this.#response.appendHeader('Set-Cookie', setCookie);
      if (cacheControl !== undefined) this.#response.setHeader('Cache-Control', cacheControl);
    };
  }

  fail(error: unknown): PlainAnswer {
    if (!isStoreDown(error)) this.#onError(error);
    return error instanceof StickyError ? sessionFailure(error) : { status: 500, text: 'Internal error.' };
  }
}

/**
 * What a client is told when its session could not be read or stored. What exactly failed is not for it to
 * know.
 */
export function sessionFailure(error: unknown): PlainAnswer {
  const status = (error instanceof StickyError ? error.status : undefined) ?? 500;
  return {
    status,
    text:
      status === 503
        ? 'The session store is not available. Try again in a moment.'
        : status === 401
          ? 'The session has ended.'
          : 'The session could not be stored.',
  };
}
