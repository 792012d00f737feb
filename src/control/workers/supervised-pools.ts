import type { PoolOptions } from '../../route/pool/pool.js';
import type { Assembly } from '../assembly.js';
import type { PoolKeeper } from '../pool-keeper.js';
import type { ConditionOf, Report } from './protocol.js';
import { SupervisedPool } from './supervised-pool.js';

/** Keeps a worker's pools as the supervisor says. It probes nothing and times nothing. */
export class SupervisedPools implements PoolKeeper {
  readonly #send: (report: Report) => void;
  readonly #pools = new Map<string, SupervisedPool>();
  /** How things stood when the worker was started, for the pools that it starts with. */
  #conditions: readonly ConditionOf[];
  #hasTurn = false;

  constructor(conditions: readonly ConditionOf[], send: (report: Report) => void) {
    this.#conditions = conditions;
    this.#send = send;
  }

  create(name: string, options: PoolOptions): SupervisedPool {
    const pool = new SupervisedPool(name, options, this.#hasTurn, (kind, upstream) =>
      this.#send({ kind, ...upstream }),
    );
    for (const { pool: of, id, url, condition } of this.#conditions)
      if (of === name) pool.setCondition(id, url, condition);
    this.#pools.set(name, pool);
    return pool;
  }

  follow({ pools }: Assembly): void {
    for (const name of this.#pools.keys()) if (!pools.has(name)) this.#pools.delete(name);
    this.#conditions = [];
  }

  stop(): void {}

  setCondition({ pool, id, url, condition }: ConditionOf): void {
    this.#pools.get(pool)?.setCondition(id, url, condition);
  }

  setTurn(hasTurn: boolean): void {
    this.#hasTurn = hasTurn;
    for (const pool of this.#pools.values()) pool.setTurn(hasTurn);
    if (!hasTurn) this.#send({ kind: 'turnEnded' });
  }
}
