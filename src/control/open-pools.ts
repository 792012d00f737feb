import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.js';
import type { Deadlines } from '../proxy/deadlines.js';
import type { Limits } from '../proxy/limits.js';
import { PoolConnections } from '../proxy/pool-connections.js';
import type { UpstreamTally } from '../proxy/tally.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Engine } from '../proxy/wire.js';
import type { LivePool } from '../route/pool/live-pool.js';
import type { Assembly } from './assembly.js';
import type { PoolConfig } from './config/config.js';
import { upstreamTls } from './tls-settings.js';

interface OpenPool {
  readonly settings: {
    readonly limits: Limits;
    readonly tls: UpstreamTls;
    readonly http2: boolean;
    readonly retryAfterSeconds: number;
  };
  readonly connections: PoolConnections;
}

interface Ground {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Where what happens at an upstream of a pool is counted. */
  tally(pool: string, upstream: string): UpstreamTally;
}

/** The pools of a gateway with their connections, through reloads. */
export class OpenPools {
  readonly #ground: Ground;
  readonly #open = new Map<LivePool, OpenPool>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** By name. Connections are kept when their settings are; the others finish what they have. */
  follow({ config, pools }: Assembly, limits: Limits): ReadonlyMap<string, PoolConnections> {
    const connections = new Map(
      config.pools.map((settings) => {
        const pool = pools.get(settings.name)!;
        return [settings.name, this.#connections(pool, settings, limits)];
      }),
    );
    const used = new Set(pools.values());
    for (const [pool, { connections: unused }] of this.#open) {
      if (used.has(pool)) continue;
      this.#open.delete(pool);
      unused.close();
    }
    return connections;
  }

  close(): void {
    for (const { connections } of this.#open.values()) connections.close();
    this.#open.clear();
  }

  #connections(pool: LivePool, settings: PoolConfig, limits: Limits): PoolConnections {
    const before = this.#open.get(pool);
    const tls = upstreamTls(settings);
    const own = settings.limits === undefined ? limits : { ...limits, ...settings.limits };
    const wanted = {
      limits: own,
      tls,
      http2: settings.http2,
      retryAfterSeconds: retryAfterSeconds(settings),
    };
    if (before !== undefined && isDeepStrictEqual(before.settings, wanted)) return before.connections;
    before?.connections.close();
    const { engine, clock, deadlines, tally } = this.#ground;
    const { name } = settings;
    const connections = new PoolConnections({
      pool,
      engine,
      clock,
      deadlines,
      tally: ({ id }) => tally(name, id),
      ...wanted,
    });
    this.#open.set(pool, { settings: wanted, connections });
    return connections;
  }
}

/** An upstream that is down can be back after a probe or two, or when its time-out has passed. */
function retryAfterSeconds({ health, passive }: PoolConfig): number {
  const ms = health === undefined ? passive.failTimeoutMs : health.everyMs * health.healthyAfter;
  return Math.min(60, Math.max(1, Math.ceil(ms / 1000)));
}
