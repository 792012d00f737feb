import { StickyError } from '../base/errors.js';
import type { Condition } from '../route/pool/snapshot.js';
import type { Standing, StandingWord } from '../route/pool/standing.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { Config } from './config/config.js';
import { weightProblem } from './config/upstreams.js';
import type { Counters } from './counters.js';
import type { DrainOptions } from './drain-plan.js';
import type { DrainStatus } from './drain-status.js';
import type { AskedRequest, Explanation } from './explanation.js';
import type { Forecast } from './forecast/forecast.js';
import type { FixedSetting } from './fixed-settings.js';
import type { MetricsSnapshot } from './metrics/snapshot.js';
import type { Word } from './word.js';
import type { Readiness } from './readiness.js';
import type { SourceState } from './sources/followed-source.js';
import type { UpstreamHistory } from './upstream-history.js';

/**
 * Everything that an operator can ask of a gateway while it runs: the same for one process and for a fleet of
 * workers, from code, by a signal, by the command line. What an operator says of an upstream outlives
 * reloads; it ends with the upstream. Rejects with STICKY_OPERATION_REFUSED for a pool or an upstream that is
 * not there.
 */
export interface Operations {
  /** Who is in each pool, how each is, and what operators want of it. */
  status(): Promise<Status>;
  /**
   * No new users from now on. With an end, `within` or `until`, those who are there are moved one after the
   * other until then; without one they still come. Standing `leaving`, and `drained` after the end.
   */
  drain(pool: string, upstream: string, options?: DrainOptions): Promise<void>;
  /** All users may come. Standing `in`. */
  enable(pool: string, upstream: string): Promise<void>;
  /**
   * No requests any more, bound users included: their rule's failure policy says what now. Standing `out`.
   */
  disable(pool: string, upstream: string): Promise<void>;
  /** Another share of users and requests: a number above 0. */
  weight(pool: string, upstream: string, weight: number): Promise<void>;
  /**
   * Takes another configuration, or, without one, reads the file again. Rejects, and changes nothing, when
   * something is wrong with it.
   */
  reload(config?: Config): Promise<Reloaded>;
  /** What a reload would do to users. Changes nothing. */
  forecast(config?: Config): Promise<Forecast>;
  /** Where a request would go now, and why. */
  explain(request: AskedRequest): Promise<Explanation>;
  /** Whoever rotates logs has moved the file of `accessLog` away: the next line makes another. */
  reopenLogs(): Promise<void>;
  /** What the gateway has done so far, in sums. */
  counters(): Promise<Counters>;
  /** All that it has counted, and how it is now. `prometheusText` writes it for Prometheus. */
  metrics(): Promise<MetricsSnapshot>;
  /** Whether it should be started anew, and whether requests may be sent to it. */
  readiness(): Promise<Readiness>;
  /** The same verbs, said by somebody else in logs and events: `admin 127.0.0.1`. `code` unless set. */
  as(who: string): Operations;
}

export interface Status {
  readonly pools: readonly PoolStatus[];
}

export interface PoolStatus {
  readonly name: string;
  readonly upstreams: readonly UpstreamStatus[];
  /** Where upstreams come from beside the configuration, and how that goes. */
  readonly sources: readonly SourceState[];
}

export interface UpstreamStatus {
  readonly id: string;
  readonly url: string;
  readonly weight: number;
  readonly condition: Condition;
  readonly standing: StandingWord;
  /** How far it is emptied, where that has an end. */
  readonly drain?: DrainStatus;
  /** The operator's word, when there is one beside what the configuration says. */
  readonly said?: { readonly standing?: StandingWord; readonly weight?: number };
  /** The source that it comes from, such as `dns api.internal:8080`; absent: the configuration lists it. */
  readonly source?: string;
  /** How long its source has named it no more; absent: the source names it. */
  readonly absentMs?: number;
  /** Where each setting comes from. */
  readonly from: { readonly standing: SettingOrigin; readonly weight: SettingOrigin };
  /** What has happened to it. */
  readonly history: UpstreamHistory;
}

/** `file`: the configuration. `admin`: an operator, while the gateway runs. `discovery`: a source. */
export type SettingOrigin = 'file' | 'admin' | 'discovery';

/** How a reload went. */
export interface Reloaded {
  /** Settings that wait for the next start, such as another `listen`. Everything else is in use. */
  readonly needsRestart: readonly FixedSetting[];
}

/** What the verbs stand on. */
export interface Operated {
  status(): Promise<Status>;
  /** The upstream as it is now; throws when there is none. */
  find(pool: string, upstream: string): Upstream;
  /** The standing that these options ask for; throws when it can't be had. */
  planDrain(pool: string, upstream: Upstream, options: DrainOptions): Standing;
  say(pool: string, upstream: Upstream, said: Pick<Word, 'standing' | 'weight'>, who: string): Promise<void>;
  reload(config: Config | undefined, who: string): Promise<Reloaded>;
  forecast(config: Config | undefined): Promise<Forecast>;
  explain(request: AskedRequest): Promise<Explanation>;
  reopenLogs(): void;
  counters(): Promise<Counters>;
  metrics(): Promise<MetricsSnapshot>;
  readiness(): Readiness;
}

/** Runs verbs one after the other: what is said during a reload is said of what the reload leaves. */
export function verbsInTurn(): <T>(verb: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(verb: () => T | Promise<T>): Promise<T> => {
    const result = last.then(verb);
    last = result.catch(() => {});
    return result;
  };
}

/** Every verb, said by `who`. */
export function operationsOf(operated: Operated, inTurn = verbsInTurn(), who = 'code'): Operations {
  const say = (pool: string, upstream: string, said: Pick<Word, 'standing' | 'weight'>): Promise<void> =>
    inTurn(() => operated.say(pool, operated.find(pool, upstream), said, who));
  return {
    status: () => operated.status(),
    drain: (pool, upstream, options = {}) =>
      inTurn(() => {
        const found = operated.find(pool, upstream);
        return operated.say(pool, found, { standing: operated.planDrain(pool, found, options) }, who);
      }),
    enable: (pool, upstream) => say(pool, upstream, { standing: 'in' }),
    disable: (pool, upstream) => say(pool, upstream, { standing: 'out' }),
    weight: async (pool, upstream, weight) => {
      const problem = weightProblem(weight);
      if (problem !== undefined)
        throw new OperationRefused('invalid', `The weight of upstream "${upstream}" ${problem}`);
      await say(pool, upstream, { weight });
    },
    reload: (config) => inTurn(() => operated.reload(config, who)),
    forecast: (config) => inTurn(() => operated.forecast(config)),
    explain: (request) => operated.explain(request),
    reopenLogs: async () => operated.reopenLogs(),
    counters: () => operated.counters(),
    metrics: () => operated.metrics(),
    readiness: async () => operated.readiness(),
    as: (someone) => operationsOf(operated, inTurn, someone),
  };
}

/** Why an operator's wish can't be met: there is no such thing, it says nonsense, or not as things stand. */
export type RefusalReason = 'unknown' | 'invalid' | 'conflict';

export class OperationRefused extends StickyError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super('STICKY_OPERATION_REFUSED', message);
    this.name = 'OperationRefused';
    this.reason = reason;
  }
}
