import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Error handlers, Express's own first, cut the connection of a request whose headers are out: they can't tell
 * whether the answer is whole. One that is whole and held would be lost by that, and would not be without the
 * hold. So what they cut by `request.socket` is cut behind the answer. Who destroys the response, or the
 * socket itself, is obeyed at once.
 */
export class HeldCut {
  readonly #response: ServerResponse;
  readonly #request: IncomingMessage | undefined;
  readonly #socket: Socket | undefined;
  readonly #shown: Socket | undefined;
  #isWanted = false;

  constructor(response: ServerResponse) {
    this.#response = response;
    const request = response.req as IncomingMessage | undefined;
    const socket = request?.socket as Socket | undefined;
    if (request === undefined || socket === undefined || !Object.hasOwn(request, 'socket')) return;
    this.#request = request;
    this.#socket = socket;
    const cut = (): Socket => {
      this.#isWanted = true;
      return socket;
    };
    this.#shown = new Proxy(socket, {
      get: (target, name) => {
        if (name === 'destroy' || name === 'destroySoon') return cut;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    });
    request.socket = this.#shown;
  }

  /** Before the answer goes out. */
  stop(): void {
    if (this.#shown !== undefined && this.#request!.socket === this.#shown)
      this.#request!.socket = this.#socket!;
    if (!this.#isWanted) return;
    this.#response.once('finish', () => this.#socket!.destroySoon());
  }
}
