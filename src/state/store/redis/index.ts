/** `stickyroute/store/redis`: in Redis or Valkey, for processes on any number of machines. */
export { redisStore } from './redis-store.js';
export type { RedisStoreOptions } from './redis-store.js';
export type { RedisClient } from './client.js';
export type { Duration } from '../../../base/options.js';
export type { OnFault, StoreFault } from '../fault.js';
export type { Store } from '../store.js';
