import type { Clock } from '../base/clock.js';
import type { ChangeWhy, ConditionChange } from '../route/pool/pool.js';
import type { UpstreamName } from '../route/pool/pool-event.js';

/** What has happened to an upstream, as far as an operator asks. Instants are milliseconds since 1970. */
export interface UpstreamHistory {
  /** Since when its condition is what it is. */
  readonly sinceAt: number;
  /** What its condition comes from. `joined`: nothing has been said of it yet, so it counts as up. */
  readonly why: ChangeWhy | 'joined';
  readonly cause?: string | undefined;
  readonly lastProbe?: ProbeRecord | undefined;
  readonly lastFault?: FaultRecord | undefined;
}

export interface ProbeRecord {
  readonly at: number;
  /** `unasked`: it could not be asked, because this machine lacked something. */
  readonly result: 'well' | 'failed' | 'unasked';
  readonly tookMs: number;
  readonly cause?: string | undefined;
}

export interface FaultRecord {
  readonly at: number;
  /** Who met it. `check`: the gateway's own question after requests without an answer. */
  readonly by: 'request' | 'probe' | 'check';
  readonly cause: string;
}

interface Entry extends UpstreamHistory {
  readonly url: string;
}

/** The histories of the upstreams of all pools. What is known of an upstream ends with it. */
export class UpstreamHistories {
  readonly #clock: Clock;
  readonly #pools = new Map<string, Map<string, Entry>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(pool: string, { id, url }: UpstreamName): UpstreamHistory | undefined {
    const entry = this.#pools.get(pool)?.get(id);
    return entry?.url === url ? entry : undefined;
  }

  /** These are the pool's upstreams from now on. */
  follow(pool: string, upstreams: readonly UpstreamName[]): void {
    const before = this.#pools.get(pool);
    const sinceAt = this.#clock.now();
    this.#pools.set(
      pool,
      new Map(
        upstreams.map(({ id, url }) => {
          const known = before?.get(id);
          return [id, known?.url === url ? known : { url, sinceAt, why: 'joined' }];
        }),
      ),
    );
  }

  changed(pool: string, { id, from, to, why, cause }: ConditionChange): void {
    this.#set(pool, id, from === to ? { why, cause } : { sinceAt: this.#clock.now(), why, cause });
  }

  probed(pool: string, id: string, result: ProbeRecord['result'], tookMs: number, cause?: string): void {
    const at = this.#clock.now();
    this.#set(pool, id, { lastProbe: { at, result, tookMs, cause } });
    if (cause !== undefined) this.faulted(pool, id, 'probe', cause);
  }

  faulted(pool: string, id: string, by: FaultRecord['by'], cause: string): void {
    this.#set(pool, id, { lastFault: { at: this.#clock.now(), by, cause } });
  }

  forget(pool: string): void {
    this.#pools.delete(pool);
  }

  #set(pool: string, id: string, known: Partial<UpstreamHistory>): void {
    const entries = this.#pools.get(pool);
    const entry = entries?.get(id);
    if (entry !== undefined) entries!.set(id, { ...entry, ...known });
  }
}
