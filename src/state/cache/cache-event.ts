import type { Clock } from '../../base/clock.js';

/** Something that whoever runs the app may want to know. It carries no key and no value. */
export type CacheEvent =
  /** Tier 2 could not be asked. Reads go to their loads, or fail, as `onStoreDown` says; writes fail. */
  | { readonly type: 'storeDown'; readonly during: 'read' | 'fill' | 'write'; readonly error: unknown }
  /** A load failed or was late, and an older value stood in for it. */
  | { readonly type: 'stale'; readonly error: unknown }
  /** An entry in the store is not ours, or of a newer version. It counted as absent. */
  | { readonly type: 'unreadable' }
  /** A loaded value was returned but not kept: it is too large, or something newer came meanwhile. */
  | { readonly type: 'notKept'; readonly why: 'tooLarge' | 'overtaken' };

const WARN_EVERY_MS = 10_000;
let warnedAtMs = -Infinity;

/**
 * What is done with events when the app says nothing: a warning of the process, not more than one in ten
 * seconds.
 */
export function warn(event: CacheEvent, clock: Clock): void {
  if (event.type === 'notKept' && event.why === 'overtaken') return;
  const nowMs = clock.monotonic();
  if (nowMs - warnedAtMs < WARN_EVERY_MS) return;
  warnedAtMs = nowMs;
  process.emitWarning(textOf(event), {
    code: event.type === 'storeDown' ? 'STICKY_STORE_DOWN' : 'STICKY_CACHE',
  });
}

function textOf(event: CacheEvent): string {
  switch (event.type) {
    case 'storeDown':
      return `The cache's store can't be reached (${event.during}). ${messageOf(event.error)}`;
    case 'stale':
      return `A load of the cache failed or was late, and an older value stands in. ${messageOf(event.error)}`;
    case 'unreadable':
      return 'An entry of the cache in the store is not ours, or of a newer version; it was passed over.';
    case 'notKept':
      return 'A loaded value is larger than `valueBytesMax` and is not kept, so it will be loaded each time.';
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
