/**
 * `stickyroute/cache`: a cache of two tiers over any store of `stickyroute/store/…`, in which no process
 * serves anything older than a stated bound, and no user reads backwards.
 */
export { StickyError, type StickyErrorCode } from '../../base/errors.js';
export type { Duration } from '../../base/options.js';
export type { Store } from '../store/store.js';
export { createCache, type Cache } from './cache.js';
export type { CacheScope } from './cache-scope.js';
export type { FoundEntry, Level } from './found-entry.js';
export type { CacheEvent } from './cache-event.js';
export type { CacheOptions, EntryOptions, LoadOptions, SetOptions } from './cache-options.js';
export type { Codec } from './cache-value.js';
export type { Loader, LoadContext } from './limited-load.js';
export type { Seen } from './seen.js';
export type { CarriedHeader, HeaderReader, VersionCarrier, VersionOptions } from './version-carrier.js';
