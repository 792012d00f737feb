/** `stickyroute/store/lmdb`: on a disk of this machine, for all its processes. Needs no server. */
export { lmdbStore } from './lmdb-store.js';
export type { LmdbStoreOptions } from './lmdb-store.js';
export type { Duration } from '../../../base/options.js';
export type { OnFault, StoreFault } from '../fault.js';
export type { Store } from '../store.js';
