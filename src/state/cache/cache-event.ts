import type { Warning } from '../../base/app-callback.js';

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

/** What is said of an event when the app does not listen; undefined where it is nothing to act on. */
export function cacheWarning(event: CacheEvent): Warning | undefined {
  if (event.type === 'notKept' && event.why === 'overtaken') return undefined;
  return { code: event.type === 'storeDown' ? 'STICKY_STORE_DOWN' : 'STICKY_CACHE', text: textOf(event) };
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
