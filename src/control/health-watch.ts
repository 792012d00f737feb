import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import { Pool, type ConditionChange, type PoolOptions } from '../route/pool/pool.js';
import type { PoolEvent } from '../route/pool/pool-event.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { Assembly } from './assembly.js';
import { probe, Probes } from './probes.js';
import { upstreamTls } from './tls-settings.js';
import { isThere } from './upstream-check.js';
import { UpstreamHistories } from './upstream-history.js';
import type { Verdict } from './upstream-question.js';

/** How often time-outs of upstreams that failed are looked at. */
const TICK_MS = 100;

interface RunningProbes {
  readonly settings: unknown;
  readonly probes: Probes;
}

export interface WatchListeners {
  /** Told of everything that happens to a pool, by name. */
  onEvent(pool: string, event: PoolEvent): void;
  /** Told of every conclusion of health. */
  onChange(pool: string, change: ConditionChange): void;
}

/** Keeps pools in this process: probes their upstreams, moves their time-outs on, and logs every change. */
export class HealthWatch {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #told: WatchListeners;
  /** What has happened to each upstream. */
  readonly histories: UpstreamHistories;
  readonly #pools = new Map<string, Pool>();
  /** How each pool's upstreams are asked whether they are there. */
  readonly #asking = new Map<string, (upstream: Upstream) => Promise<Verdict>>();
  readonly #checking = new Set<Upstream>();
  readonly #probing = new Map<string, RunningProbes>();
  #tick: Timer | undefined;

  constructor(clock: Clock, random: Random, logger: Logger, told: WatchListeners) {
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
    this.#told = told;
    this.histories = new UpstreamHistories(clock);
  }

  get pools(): ReadonlyMap<string, Pool> {
    return this.#pools;
  }

  create(name: string, options: PoolOptions): Pool {
    const pool = new Pool({
      ...options,
      now: () => this.#clock.now(),
      onChange: (change) => this.#changed(name, change),
      onEvent: (event) => {
        if (event.kind === 'members') this.histories.follow(name, event.upstreams);
        this.#told.onEvent(name, event);
      },
      onRequestFault: (id, cause) => this.histories.faulted(name, id, 'request', cause ?? 'no answer'),
    });
    this.#pools.set(name, pool);
    this.histories.follow(name, options.upstreams);
    return pool;
  }

  /** Throws for members that can't be, and leaves the pool as it was. */
  apply(pool: string, event: PoolEvent): void {
    this.#pools.get(pool)?.apply(event);
    if (event.kind === 'members') this.#probing.get(pool)?.probes.askNew();
  }

  hold(pool: string, down: ReadonlySet<string>): void {
    this.#pools.get(pool)?.hold(down);
  }

  isUp(pool: string, id: string): boolean {
    return this.#pools.get(pool)?.conditionOf(id) === 'up';
  }

  /**
   * Probes go on where the settings are the same; where they differ they start anew, with what is known of
   * the upstreams.
   */
  follow({ config, pools }: Assembly): void {
    this.#tick ??= this.#clock.every(TICK_MS, () => {
      const now = this.#clock.monotonic();
      for (const [name, pool] of this.#pools) {
        pool.tick(now);
        for (const upstream of pool.doubted) this.#check(name, pool, upstream);
      }
    });
    for (const name of this.#pools.keys()) if (!pools.has(name)) this.#remove(name);
    this.#asking.clear();
    for (const pool of config.pools) {
      const { name, health, http2 } = pool;
      const tls = upstreamTls(pool);
      this.#asking.set(name, (upstream) =>
        health === undefined
          ? isThere(upstream, tls, http2, this.#clock)
          : probe(upstream, { health, tls, isHttp2: http2 }, this.#clock),
      );
    }
    for (const name of this.#probing.keys()) if (!pools.has(name)) this.#endProbes(name);
    for (const pool of config.pools) {
      const { name, health, http2 } = pool;
      const tls = upstreamTls(pool);
      const settings = health && { health, tls, isHttp2: http2 };
      const running = this.#probing.get(name);
      if (isDeepStrictEqual(running?.settings, settings)) {
        running?.probes.askNew();
        continue;
      }
      this.#endProbes(name);
      if (settings?.health.before === 'probe') this.#tellAwaited(name);
      if (settings !== undefined)
        this.#probing.set(name, {
          settings,
          probes: new Probes(this.#pools.get(name)!, {
            ...settings,
            clock: this.#clock,
            random: this.#random,
            asked: (id, verdict, tookMs) => {
              const cause = verdict.kind === 'failed' ? verdict.cause : undefined;
              this.histories.probed(name, id, verdict.kind, tookMs, cause);
            },
          }),
        });
    }
  }

  stop(): void {
    this.#tick?.stop();
    for (const name of this.#probing.keys()) this.#endProbes(name);
    this.#pools.clear();
  }

  /**
   * Requests put it in doubt; its own answer decides. Looked at once a tick, so that a client that sends what
   * upstreams can't answer costs them ten questions a second at most.
   */
  #check(name: string, pool: Pool, upstream: Upstream): void {
    const ask = this.#asking.get(name);
    if (ask === undefined || this.#checking.has(upstream)) return;
    this.#checking.add(upstream);
    void ask(upstream).then((verdict) => {
      this.#checking.delete(upstream);
      // By now the id may be that of another instance.
      if (verdict.kind === 'unasked' || pool.urlOf(upstream.id) !== upstream.url) return;
      const cause = verdict.kind === 'failed' ? verdict.cause : undefined;
      if (cause !== undefined) this.histories.faulted(name, upstream.id, 'check', cause);
      pool.checked(upstream.id, verdict.kind === 'well', this.#clock.monotonic(), cause);
    });
  }

  #remove(name: string): void {
    this.#pools.delete(name);
    this.histories.forget(name);
  }

  /** Workers that a reload gave this pool have it as new, with all of it up. */
  #tellAwaited(name: string): void {
    const { upstreams, conditions, awaySince } = this.#pools.get(name)!.snapshot;
    upstreams.forEach(({ id, url }, index) => {
      const event = {
        kind: 'condition',
        id,
        url,
        condition: conditions[index]!,
        awaySince: awaySince[index],
      };
      if (event.condition !== 'up') this.#told.onEvent(name, event as PoolEvent);
    });
  }

  #endProbes(name: string): void {
    this.#probing.get(name)?.probes.stop();
    this.#probing.delete(name);
  }

  #changed(pool: string, change: ConditionChange): void {
    const { id, from, to, why, cause } = change;
    this.histories.changed(pool, change);
    this.#told.onChange(pool, change);
    this.#logger[to === 'down' && why !== 'awaitsProbe' ? 'warn' : 'info'](
      { pool, upstream: id, from, to, why, ...(cause !== undefined && { cause }) },
      `upstream ${id} of pool ${pool} is ${to}`,
    );
  }
}
