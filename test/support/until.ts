import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 5;

/**
 * Waits for a condition, never for a time: asks every few milliseconds until the answer is neither false nor
 * undefined, and returns it. At the deadline it fails and says what it waited for.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 5000,
): Promise<Exclude<T, false | undefined>> {
  const endsAt = performance.now() + deadlineMs;
  for (;;) {
    const answer = await condition();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (performance.now() > endsAt) throw new Error(`Waited ${deadlineMs} ms in vain: ${what}`);
    await pause(POLL_MS);
  }
}

/** The promise's value, or a failure at the deadline. `what` may be made late, to say how far it got. */
export async function within<T>(
  what: string | (() => string),
  promise: Promise<T>,
  deadlineMs = 5000,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${deadlineMs} ms in vain: ${typeof what === 'string' ? what : what()}`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
