import type { PoolOptions } from '../../route/pool/pool.js';
import type { Assembly } from '../assembly.js';
import type { PoolNews, WorkerReport } from './protocol.js';
import { SupervisedPool } from './supervised-pool.js';

/** Keeps a worker's pools as the supervisor says. It probes nothing and times nothing. */
export class SupervisedPools {
  readonly #send: (report: WorkerReport) => void;
  readonly #pools = new Map<string, SupervisedPool>();
  /** What had happened when the worker was started, for the pools that it starts with. */
  #news: readonly PoolNews[];
  #hasPermit = false;

  constructor(news: readonly PoolNews[], send: (report: WorkerReport) => void) {
    this.#news = news;
    this.#send = send;
  }

  create(name: string, options: PoolOptions): SupervisedPool {
    const pool = new SupervisedPool(name, options, this.#hasPermit, (kind, upstream) =>
      this.#send({ kind, ...upstream }),
    );
    for (const { pool: of, event } of this.#news) if (of === name) pool.apply(event);
    this.#pools.set(name, pool);
    return pool;
  }

  /** The assembly is in use. */
  follow({ pools }: Assembly): void {
    for (const name of this.#pools.keys()) if (!pools.has(name)) this.#pools.delete(name);
    this.#news = [];
  }

  apply({ pool, event }: PoolNews): void {
    this.#pools.get(pool)?.apply(event);
  }

  setPermit(hasPermit: boolean): void {
    this.#hasPermit = hasPermit;
    for (const pool of this.#pools.values()) pool.setPermit(hasPermit);
    if (!hasPermit) this.#send({ kind: 'permitReturned' });
  }
}
