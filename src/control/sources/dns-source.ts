import type { Timer } from '../../base/clock.js';
import type { Source, SourceContext, SourceDefinition, SourceListener } from '../../route/pool/source.js';
import { dnsOptions, type DnsSourceOptions } from './dns-options.js';
import { DnsFailure, DnsQuery } from './dns-query.js';
import { upstreamsOfAddresses, upstreamsOfSrv, type DnsAnswer } from './dns-records.js';

/** A time to live is believed from the first to the second of these. */
const TTL_MS_MIN = 1000;
const TTL_MS_MAX = 300_000;
/** After a failure, then twice as long up to `every`; and before a doubtful answer is believed. */
const AGAIN_MS = 1000;
/** Gateways that were started together don't ask together for ever. */
const JITTER = 0.1;
/** An answer that lost more than half of at least so many is asked for again before it is believed. */
const DOUBTED_FROM = 4;

/** Addresses of a name with a port, or SRV records, which have ports of their own. */
export const dnsSource: SourceDefinition<DnsSourceOptions> = {
  name: 'dns',
  options: dnsOptions,
  subject: ({ name, port }) => (port === undefined ? name : `${name}:${port}`),
  create: (options, context) => new DnsSource(options, context),
};

class DnsSource implements Source {
  readonly #options: DnsSourceOptions;
  readonly #context: SourceContext;

  constructor(options: DnsSourceOptions, context: SourceContext) {
    this.#options = options;
    this.#context = context;
  }

  start(listener: SourceListener): Timer {
    return new DnsFollower(this.#options, this.#context, listener);
  }
}

class DnsFollower implements Timer {
  readonly #options: DnsSourceOptions;
  readonly #context: SourceContext;
  readonly #listener: SourceListener;
  /** Addresses of SRV targets. */
  readonly #targets = new Map<string, string>();
  #known = 0;
  /** When it last had upstreams; undefined: never, or it was told that there are none. */
  #heardAtMs: number | undefined;
  #isDoubted = false;
  #failures = 0;
  #query: DnsQuery | undefined;
  #next: Timer | undefined;
  #isStopped = false;

  constructor(options: DnsSourceOptions, context: SourceContext, listener: SourceListener) {
    this.#options = options;
    this.#context = context;
    this.#listener = listener;
    this.#next = context.clock.after(0, () => void this.#look());
  }

  stop(): void {
    this.#isStopped = true;
    this.#next?.stop();
    this.#query?.stop();
  }

  async #look(): Promise<void> {
    const { clock } = this.#context;
    const query = new DnsQuery(this.#options, clock);
    this.#query = query;
    let waitMs: number;
    try {
      const { port } = this.#options;
      const answer =
        port === undefined
          ? await upstreamsOfSrv(this.#options, query, this.#targets)
          : await upstreamsOfAddresses(this.#options, port, query);
      if (this.#isStopped) return;
      waitMs = this.#take(answer, clock.monotonic());
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error;
      if (this.#isStopped) return;
      this.#listener.failed(error.message);
      waitMs = this.#waitAfterFailure();
    } finally {
      this.#query = undefined;
    }
    const share = 1 - JITTER + (2 * JITTER * this.#context.random.below(1001)) / 1000;
    this.#next = clock.after(waitMs * share, () => void this.#look());
  }

  /** Answers when to look again. */
  #take({ upstreams, ttlMs, problem }: DnsAnswer, nowMs: number): number {
    const { name, port, everyMs, holdMs } = this.#options;
    if (upstreams.length === 0) {
      const heardAtMs = this.#heardAtMs;
      const why = `${name} has no ${port === undefined ? 'SRV record with an address' : 'address'}.`;
      if (heardAtMs === undefined || nowMs - heardAtMs < holdMs) this.#listener.failed(why);
      else {
        this.#known = 0;
        this.#listener.found({ upstreams, problem: why });
      }
      return this.#waitAfterFailure();
    }
    this.#failures = 0;
    if (this.#known >= DOUBTED_FROM && upstreams.length * 2 < this.#known && !this.#isDoubted) {
      this.#isDoubted = true;
      return AGAIN_MS;
    }
    this.#isDoubted = false;
    this.#known = upstreams.length;
    this.#heardAtMs = nowMs;
    this.#listener.found({ upstreams, problem });
    return ttlMs === undefined ? everyMs : Math.min(TTL_MS_MAX, Math.max(TTL_MS_MIN, ttlMs));
  }

  #waitAfterFailure(): number {
    const waitMs = AGAIN_MS * 2 ** Math.min(this.#failures++, 16);
    return Math.min(waitMs, Math.max(AGAIN_MS, this.#options.everyMs));
  }
}
