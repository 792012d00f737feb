import type { Clock } from './clock.js';
import type { StickyErrorCode, StickyWarningCode } from './errors.js';

/** A warning of the process. It carries no secret. */
export interface Warning {
  readonly code: StickyErrorCode | StickyWarningCode;
  readonly text: string;
}

const WARN_EVERY_MS = 10_000;

/**
 * A function of the app's, made safe to call from anywhere: what it throws, or what a promise of its rejects
 * with, changes nothing for who calls it. The first such error of each is a warning of the process, so that
 * it is seen, and no more than that. `name` is how the app calls it.
 */
export function safeCallback<Args extends readonly unknown[]>(
  callback: (...args: Args) => unknown,
  name: string,
): (...args: Args) => void {
  let isTold = false;
  const failed = (error: unknown): void => {
    if (isTold) return;
    isTold = true;
    process.emitWarning(
      `\`${name}\` threw; nothing else is affected. It is called on, and what it throws is not reported again.`,
      { code: 'STICKY_CALLBACK_FAILED' satisfies StickyWarningCode, detail: detailOf(error) },
    );
  };
  return (...args) => {
    try {
      const outcome = callback(...args);
      if (isThenable(outcome)) outcome.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  };
}

/**
 * Tells the app of events: by its listener, or, where it has none, by warnings of the process, of each kind
 * one in ten seconds. `warningOf` says what such a warning is; undefined: none.
 */
export function eventTeller<Event extends { readonly type: string }>(
  listener: ((event: Event) => unknown) | undefined,
  warningOf: (event: Event) => Warning | undefined,
  clock: Clock,
): (event: Event) => void {
  return listener === undefined ? warner(warningOf, clock) : safeCallback(listener, 'onEvent');
}

/** Each kind has a time of its own: that the store is down must not hide that a token was stolen. */
function warner<Event extends { readonly type: string }>(
  warningOf: (event: Event) => Warning | undefined,
  clock: Clock,
): (event: Event) => void {
  const warnedAtMs = new Map<string, number>();
  return (event) => {
    const nowMs = clock.monotonic();
    if (nowMs - (warnedAtMs.get(event.type) ?? -Infinity) < WARN_EVERY_MS) return;
    const warning = warningOf(event);
    if (warning === undefined) return;
    warnedAtMs.set(event.type, nowMs);
    process.emitWarning(warning.text.trim(), { code: warning.code });
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function detailOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : `It threw a ${typeof error}.`;
}
