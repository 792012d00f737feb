import type { Clock, Timer } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';

export interface LoadContext {
  /** Fires when the time limit passes: nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
}

/**
 * Where an entry comes from when neither tier has it. `undefined` means that there is nothing, and that is
 * remembered too.
 */
export type Loader<Value> = (context: LoadContext) => Value | Promise<Value>;

/** Runs a load, and gives up at the limit. What it throws is passed on as it is. */
export function limitedLoad(load: Loader<unknown>, hardMs: number, clock: Clock): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const limit = new Limit();
    const timer: Timer = clock.after(hardMs, () => {
      const error = new StickyError(
        'STICKY_CACHE_LATE',
        `A load of the cache took longer than its limit, \`hard\`: ${hardMs} ms. Raise it, or let the load give up by its signal.`,
      );
      reject(error);
      limit.pass(error);
    });
    const run = async (): Promise<unknown> => load(limit);
    run()
      .then(resolve, reject)
      .finally(() => timer.stop());
  });
}

/** Makes its signal only for a load that looks at it: one costs more than all the rest. */
class Limit implements LoadContext {
  #controller: AbortController | undefined;
  #reason: unknown;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  pass(reason: unknown): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Without its load it would be a `get`, which is another promise. */
export function requiredLoad<Value>(load: Loader<Value>): Loader<Value> {
  if (typeof load === 'function') return load;
  throw new StickyError(
    'STICKY_CACHE_INVALID',
    '`getOrLoad` needs a `load`, such as () => readFromDatabase(id). Take `get` where there is none.',
  );
}
