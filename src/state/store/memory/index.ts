/** `stickyroute/store/memory`: everything in this process, for one process. */
export { memoryStore } from './memory-store.js';
export type { MemoryStoreOptions } from './memory-store.js';
export type { Store } from '../store.js';
