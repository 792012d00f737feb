import { readFileSync } from 'node:fs';
import type { Limits } from '../proxy/limits.js';
import type { Config } from './config/config.js';

/** Kept back for what Node opens, the log, name servers, configuration files, and the channel of workers. */
const OWN_FILES = 48;

/** A limit that is lowered by less than this part is no news. */
const UNTOLD_PART = 1 / 10;

/** Of what is left, this part at least may stand idle to upstreams. */
const IDLE_PART = 1 / 8;

/**
 * How many files this process may have open, connections included; Node raises its own limit to the hard one
 * as it starts. Infinity: no limit, or none that can be known.
 */
export function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return line === null || line[1] === 'unlimited' ? Infinity : Number(line[1]);
  } catch {
    const { userLimits } = process.report.getReport() as unknown as {
      readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
    };
    const soft = Number(userLimits?.open_files?.soft ?? Infinity);
    return Number.isFinite(soft) ? soft : Infinity;
  }
}

/**
 * The limits of a configuration, lowered to what the system allows. A client that was let in must find a file
 * for its upstream: so each counts twice, and those for probes and for idle connections are kept back.
 */
export function limitsWithin({ limits, pools }: Config, filesMax: number): Limits {
  if (filesMax === Infinity) return limits;
  const upstreams = pools.reduce((sum, pool) => sum + pool.upstreams.length, 0);
  const free = Math.max(0, filesMax - OWN_FILES - Math.min(probed(pools), filesMax / 4));
  const idleFree = Math.max(free * IDLE_PART, free - 2 * limits.connectionsMax);
  const upstreamIdleMax = Math.min(limits.upstreamIdleMax, Math.floor(idleFree / Math.max(1, upstreams)));
  const connectionsMax = Math.floor((free - upstreamIdleMax * upstreams) / 2);
  return {
    ...limits,
    upstreamIdleMax,
    connectionsMax: Math.max(1, Math.min(limits.connectionsMax, connectionsMax)),
  };
}

/** What an operator should know of a limit that is lowered by much; `undefined` when it isn't. */
export function openFilesWarning(config: Config, filesMax: number): string | undefined {
  const wanted = config.limits.connectionsMax;
  const { connectionsMax } = limitsWithin(config, filesMax);
  if (connectionsMax >= wanted * (1 - UNTOLD_PART)) return undefined;
  const upstreams = config.pools.reduce((sum, pool) => sum + pool.upstreams.length, 0);
  const idle = config.limits.upstreamIdleMax * upstreams;
  const needed =
    OWN_FILES +
    probed(config.pools) +
    2 * wanted +
    Math.min(idle, Math.ceil((2 * wanted * IDLE_PART) / (1 - IDLE_PART)));
  return `limits.connections is ${wanted}, but this process may open only ${filesMax} files, so it takes ${connectionsMax} connections: each may need another one to an upstream. Raise the limit to ${needed} (ulimit -n ${needed}; LimitNOFILE of systemd), or lower limits.connections.`;
}

function probed(pools: Config['pools']): number {
  return pools.reduce((sum, { health, upstreams }) => sum + (health === undefined ? 0 : upstreams.length), 0);
}
