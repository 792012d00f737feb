import type { Clock, Timer } from '../../base/clock.js';
import type { Pool } from '../../route/pool/pool.js';
import type { PoolEvent } from '../../route/pool/pool-event.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { InPool, PoolNews, WorkerReport } from './protocol.js';
import { TrialPermit, type PermitTaker } from './trial-permit.js';

/** How long a worker has for its trials before the next one has the permit. */
const TURN_MS = 50;

/** What workers say of upstreams. */
export type UpstreamReport = Extract<WorkerReport, InPool>;

interface Trial {
  readonly worker: PermitTaker;
  readonly pool: Pool;
  readonly id: string;
}

/** The supervisor's pools, and the workers around them: who hears of what, and whose word counts. */
export class FleetPools {
  readonly #clock: Clock;
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #workers = new Set<PermitTaker>();
  readonly #permit = new TrialPermit();
  /** Trials under way. */
  #trials: Trial[] = [];
  readonly #timer: Timer;

  constructor(clock: Clock, pools: ReadonlyMap<string, Pool>) {
    this.#clock = clock;
    this.#pools = pools;
    this.#timer = clock.every(TURN_MS, () => {
      const isWaiting = [...pools.values()].some(({ snapshot }) => snapshot.conditions.includes('trial'));
      if (isWaiting) this.#permit.rotate(clock.monotonic());
    });
  }

  /** A worker that is told this hears of every event from now on. */
  join(worker: PermitTaker): readonly PoolNews[] {
    this.#workers.add(worker);
    return [...this.#pools].flatMap(([pool, { snapshot }]) =>
      eventsOf(snapshot).map((event) => ({ pool, event })),
    );
  }

  /** A worker that can take requests. */
  takePermits(worker: PermitTaker): void {
    this.#permit.join(worker);
  }

  leave(worker: PermitTaker): void {
    this.#workers.delete(worker);
    this.#permit.leave(worker);
    // Nobody will say how its trials went.
    const lost = this.#trials.filter((trial) => trial.worker === worker);
    this.#trials = this.#trials.filter((trial) => trial.worker !== worker);
    for (const { pool, id } of lost) pool.abandonTrial(id);
  }

  permitReturned(worker: PermitTaker): void {
    this.#permit.ended(worker);
  }

  changed(pool: string, event: PoolEvent): void {
    for (const worker of this.#workers) worker.send({ kind: 'pool', pool, event });
  }

  hear(worker: PermitTaker, { kind, pool: name, id, url, cause }: UpstreamReport): void {
    const pool = this.#pools.get(name);
    const index = pool?.snapshot.indexOf(id);
    // A worker that has not been reloaded yet may speak of an upstream that is another by now.
    if (pool === undefined || index === undefined || pool.snapshot.upstreams[index]!.url !== url) return;
    if (kind === 'trialBegun') {
      // Whoever was at it before has taken too long.
      if (pool.beginTrial(id))
        this.#trials = [
          ...this.#trials.filter((trial) => trial.pool !== pool || trial.id !== id),
          { worker, pool, id },
        ];
      return;
    }
    if (kind === 'answeredWhileDown') {
      pool.answeredWhileDown(id);
      return;
    }
    const wasTrial = this.#endTrial(worker, pool, id);
    if (kind === 'requestFailed' || kind === 'requestDoubted') {
      // Whoever did not make the trial speaks of the past: its word counts only while the upstream is up.
      if (wasTrial || pool.conditionOf(id) === 'up') pool[kind](id, this.#clock.monotonic(), cause);
    } else if (!wasTrial) return;
    else if (kind === 'trialSucceeded') pool.requestSucceeded(id);
    else pool.abandonTrial(id);
  }

  stop(): void {
    this.#timer.stop();
  }

  #endTrial(worker: PermitTaker, pool: Pool, id: string): boolean {
    const before = this.#trials.length;
    this.#trials = this.#trials.filter(
      (trial) => trial.worker !== worker || trial.pool !== pool || trial.id !== id,
    );
    return this.#trials.length < before;
  }
}

/** What leads from a pool that nothing has happened to, to this one. */
function eventsOf({ upstreams, standings, conditions, awaySince, ramps }: PoolSnapshot): PoolEvent[] {
  const events: PoolEvent[] = [{ kind: 'members', upstreams, standings }];
  upstreams.forEach(({ id, url }, index) => {
    const condition = conditions[index]!;
    const ramp = ramps?.[index];
    if (ramp !== undefined) events.push({ kind: 'ramp', id, url, ramp });
    if (condition !== 'up')
      events.push({ kind: 'condition', id, url, condition, awaySince: awaySince[index] });
  });
  return events;
}
