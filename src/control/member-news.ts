import type { Clock } from '../base/clock.js';
import type { Members } from '../route/pool/pool-event.js';
import { firstStanding, isSameStanding, standingWord, type Standing } from '../route/pool/standing.js';
import type { EventLog } from './event-log.js';

interface Seen {
  readonly url: string;
  readonly weight: number;
  readonly standing: Standing;
}

/** Tells the event log what is other about the members of a pool: who joined and left, standings, weights. */
export class MemberNews {
  readonly #events: EventLog;
  readonly #clock: Clock;
  readonly #pools = new Map<string, ReadonlyMap<string, Seen>>();
  #lookedAtMs: number;
  /** Who wants what is told now. */
  by = 'file';

  constructor(events: EventLog, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
    this.#lookedAtMs = clock.now();
  }

  /** A pool as it begins: nobody is told that its members joined. */
  begin(pool: string, members: Members): void {
    if (!this.#pools.has(pool)) this.#pools.set(pool, seenOf(members));
  }

  /** Only these pools are left. */
  keep(pools: ReadonlyMap<string, unknown>): void {
    for (const name of this.#pools.keys()) if (!pools.has(name)) this.#pools.delete(name);
  }

  /** Tells of drains that have come to their end since the last look. */
  look(): void {
    const nowMs = this.#clock.now();
    for (const [pool, seen] of this.#pools)
      for (const [upstream, { standing }] of seen) {
        if (typeof standing !== 'object') continue;
        const { untilMs } = standing.leaving;
        if (untilMs > this.#lookedAtMs && untilMs <= nowMs)
          this.#events.add({ kind: 'drained', pool, upstream });
      }
    this.#lookedAtMs = nowMs;
  }

  tell(pool: string, members: Members): void {
    const before = this.#pools.get(pool) ?? new Map<string, Seen>();
    const now = seenOf(members);
    this.#pools.set(pool, now);
    const { by } = this;
    for (const [upstream, { url }] of before)
      if (now.get(upstream)?.url !== url) this.#events.add({ kind: 'left', pool, upstream, url });
    for (const [upstream, { url, weight, standing }] of now) {
      const was = before.get(upstream);
      if (was?.url !== url) {
        this.#events.add({ kind: 'joined', pool, upstream, url });
        continue;
      }
      if (!isSameStanding(was.standing, standing))
        this.#events.add({
          kind: 'standing',
          pool,
          upstream,
          from: standingWord(was.standing, this.#clock.now()),
          to: standingWord(standing, this.#clock.now()),
          ...(typeof standing === 'object' && { until: new Date(standing.leaving.untilMs).toISOString() }),
          by,
        });
      if (was.weight !== weight)
        this.#events.add({ kind: 'weight', pool, upstream, from: was.weight, to: weight, by });
    }
  }
}

function seenOf({ upstreams, standings }: Members): ReadonlyMap<string, Seen> {
  return new Map(
    upstreams.map((upstream, index) => {
      const { id, url, weight } = upstream;
      return [id, { url, weight, standing: standings?.[index] ?? firstStanding(upstream) }];
    }),
  );
}
