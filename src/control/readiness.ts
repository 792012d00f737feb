import type { LivePool } from '../route/pool/live-pool.js';

/** How a gateway is, for whoever starts it and for whoever sends requests to it. */
export interface Readiness {
  /** Its processes answer. When this is false, only another start helps. */
  readonly isLive: boolean;
  /** Requests may be sent to it. */
  readonly isReady: boolean;
  /** Why it is not live or not ready, in words; empty when it is both. */
  readonly reasons: readonly string[];
}

/** What serves requests, as far as readiness goes. */
export interface DataPlaneState {
  readonly isListening: boolean;
  /** It has been told to go, and still serves. */
  readonly isGoing: boolean;
  /** Processes that have said nothing for too long. */
  readonly silent: readonly string[];
}

export function readinessOf(
  { isListening, isGoing, silent }: DataPlaneState,
  pools: ReadonlyMap<string, LivePool>,
): Readiness {
  const silence = silent.map((name) => `${name} does not answer`);
  const unready = [...pools].filter(([, pool]) => !hasMember(pool)).map(([name]) => poolText(name));
  if (isGoing) unready.push('the gateway is going');
  else if (!isListening) unready.push('the gateway does not listen');
  return {
    isLive: silence.length === 0,
    isReady: unready.length === 0,
    reasons: [...silence, ...unready],
  };
}

function poolText(name: string): string {
  return `pool ${name} has no upstream that may be tried`;
}

/** One that is leaving still serves those who are bound to it: a pool of such is of use. */
function hasMember({ snapshot: { conditions, standings } }: LivePool): boolean {
  return conditions.some((condition, index) => condition !== 'down' && standings[index] !== 'out');
}
