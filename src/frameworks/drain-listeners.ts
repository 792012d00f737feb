import type { ServerResponse } from 'node:http';

type Listener = (...args: never[]) => void;
type Method = (event: string, listener: Listener) => unknown;
const METHODS = ['on', 'addListener', 'prependListener', 'once', 'off', 'removeListener'] as const;

/**
 * Who waits for `drain` while a response is held. Middleware below (compression) may hand such listeners on
 * to a stream of its own, which never heard of the wait and would not tell them: so they are remembered
 * here.
 */
export class DrainListeners {
  readonly #response: ServerResponse;
  readonly #target: Record<string, Method>;
  #heard: { readonly listener: Listener; readonly isOnce: boolean }[] = [];
  readonly #originals = new Map<string, Method>();
  readonly #own = new Map<string, Method>();

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#target = response as unknown as Record<string, Method>;
    for (const name of METHODS) {
      const original = this.#target[name]!;
      const own: Method = (event, listener) => {
        if (event !== 'drain') return original.call(response, event, listener);
        if (name === 'off' || name === 'removeListener')
          this.#heard = this.#heard.filter((known) => known.listener !== listener);
        else this.#heard.push({ listener, isOnce: name === 'once' });
        // One that is to be called once is called from here, or handed on when the wait is over.
        return name === 'once' ? response : original.call(response, event, listener);
      };
      this.#originals.set(name, original);
      this.#own.set(name, own);
      this.#target[name] = own;
    }
  }

  /** No more are remembered. What came later and calls ours goes on doing so. */
  stop(): void {
    for (const name of METHODS)
      if (this.#target[name] === this.#own.get(name)) this.#target[name] = this.#originals.get(name)!;
  }

  /** After `stop`. True: all of them may go on. False: they are told when there is room again. */
  end(isFlowing: boolean): void {
    const heard = this.#heard;
    this.#heard = [];
    if (!isFlowing) {
      for (const { listener, isOnce } of heard)
        if (isOnce) this.#response.once('drain', listener as () => void);
      return;
    }
    const known = this.#response.listeners('drain');
    this.#response.emit('drain');
    for (const { listener, isOnce } of heard)
      if (isOnce || !known.includes(listener)) Reflect.apply(listener, this.#response, []);
  }
}
