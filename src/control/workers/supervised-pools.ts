import type { PoolOptions } from '../../route/pool/pool.js';
import type { Assembly } from '../assembly.js';
import type { PoolNews, Report } from './protocol.js';
import { SupervisedPool } from './supervised-pool.js';

/** Keeps a worker's pools as the supervisor says. It probes nothing and times nothing. */
export class SupervisedPools {
  readonly #send: (report: Report) => void;
  readonly #pools = new Map<string, SupervisedPool>();
  /** What had happened when the worker was started, for the pools that it starts with. */
  #news: readonly PoolNews[];
  #hasTurn = false;

  constructor(news: readonly PoolNews[], send: (report: Report) => void) {
    this.#news = news;
    this.#send = send;
  }

  create(name: string, options: PoolOptions): SupervisedPool {
    const pool = new SupervisedPool(name, options, this.#hasTurn, (kind, upstream) =>
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

  setTurn(hasTurn: boolean): void {
    this.#hasTurn = hasTurn;
    for (const pool of this.#pools.values()) pool.setTurn(hasTurn);
    if (!hasTurn) this.#send({ kind: 'turnEnded' });
  }
}
