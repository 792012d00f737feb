import type { ServerResponse } from 'node:http';

type Setter = 'setHeader' | 'appendHeader' | 'removeHeader';

/**
 * A response whose headers are kept looks as if they had been sent: error handlers and middleware look before
 * they answer on their own, and a second answer must not change the headers of the first.
 */
export class ShownAsSent {
  readonly #response: ServerResponse;
  readonly #setters: Record<Setter, (...args: never[]) => unknown>;

  constructor(response: ServerResponse) {
    this.#response = response;
    const { setHeader, appendHeader, removeHeader } = response;
    this.#setters = { setHeader, appendHeader, removeHeader };
    show(response, 'headersSent');
    response.setHeader = response.appendHeader = response.removeHeader = refuse;
  }

  /** The app has called `end`. */
  ended(): void {
    show(this.#response, 'writableEnded');
  }

  /** From here on it looks as it is. */
  stop(): void {
    Object.assign(this.#response, this.#setters);
    showNoMore(this.#response, 'headersSent');
    showNoMore(this.#response, 'writableEnded');
  }
}

type Shown = 'headersSent' | 'writableEnded';

/** Over the getter of node:http, which tells what is. */
export function show(response: ServerResponse, ...names: Shown[]): void {
  for (const name of names) Object.defineProperty(response, name, { configurable: true, value: true });
}

export function showNoMore(response: ServerResponse, ...names: Shown[]): void {
  for (const name of names) delete (response as { [name in Shown]?: boolean })[name];
}

/** As node:http says it. */
export function refuse(): never {
  throw Object.assign(new Error('Cannot change headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}
