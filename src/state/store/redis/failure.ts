import { StickyError } from '../../../base/errors.js';

/**
 * What went wrong, as an error of ours. What isn't plainly a misuse counts as the store being down: nobody
 * can use it.
 */
export function redisFailure(error: unknown): StickyError {
  if (error instanceof StickyError) return error;
  const text = error instanceof Error ? error.message : '';
  // Redis 6 writes the error of a command in a script behind a beginning of its own.
  if (text.includes('WRONGTYPE')) return strangeKey(error);
  if (/(?:^|: )-?OOM /.test(text))
    return new StickyError(
      'STICKY_STORE_FULL',
      'Redis has no memory left for this change (maxmemory). Nothing was changed. Give it more, or keep less.',
      { cause: error },
    );
  if (isUnconnected(error, text))
    return new StickyError(
      'STICKY_STORE_DOWN',
      'The client of the redis store is not connected. Call `await client.connect()` before the store is used, and close the client last.',
      { cause: error },
    );
  return new StickyError(
    'STICKY_STORE_DOWN',
    `The redis store can't be used: ${said(text)}. A change may have been made; see \`cause\`.`,
    { cause: error },
  );
}

export function tooLate(limitMs: number): StickyError {
  return new StickyError(
    'STICKY_STORE_DOWN',
    `Redis gave no answer in ${limitMs} ms. A change may have been made; it will not be made later.`,
  );
}

export function strangeKey(cause?: unknown): StickyError {
  return new StickyError(
    'STICKY_STORE_MISUSED',
    'Something else has the key of a record or index of the redis store. Nothing was changed. Give the store a `prefix` of its own.',
    { cause },
  );
}

export function otherLayout(ours: string, found: string): StickyError {
  return new StickyError(
    'STICKY_STORE_MISUSED',
    `The redis store at this prefix was made with layout ${found} (format:partitions), and this process has ${ours}. Give both the same \`partitions\`, or this one another \`prefix\`.`,
  );
}

/** Keys of one command lie on two servers while their slot moves. Nothing was done; soon it can be. */
export function isTryAgain(error: unknown): boolean {
  return error instanceof Error && /^-?TRYAGAIN\b/.test(error.message);
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT');
}

/** Two keys of one command lie in different slots: a cluster behind a single address. */
export function isCrossSlot(error: unknown): boolean {
  return error instanceof Error && error.message.includes('CROSSSLOT');
}

export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE');
}

/** node-redis before `connect` or after `close`; ioredis with `lazyConnect` and no queue. */
function isUnconnected(error: unknown, text: string): boolean {
  return (
    (error instanceof Error && error.constructor.name === 'ClientClosedError') ||
    /^(?:The client is closed|Connection is closed\.?)$/.test(text)
  );
}

/** The code that Redis begins an error with. The rest may quote what was sent. */
function said(text: string): string {
  const code = /^-?([A-Z]{3,20}) /.exec(text)?.[1];
  return code === undefined || code === 'ERR' ? 'its client reports an error' : `Redis answers ${code}`;
}
