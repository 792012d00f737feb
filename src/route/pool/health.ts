import type { Condition } from './snapshot.js';

/** How many probes in a row change an upstream's condition. */
export interface ProbeThresholds {
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  /** `probe`: a new upstream is down until a probe of it succeeds. The first one that does is enough. */
  readonly before?: 'probe' | undefined;
}

/**
 * How many requests must fail, within what time, to take an upstream down, and for how long. `maxFails` 0:
 * never.
 */
export interface PassiveThresholds {
  readonly maxFails: number;
  readonly failTimeoutMs: number;
  /** The share of a pool, 0 to 1, above which doubts take no more of its upstreams away. Default: all. */
  readonly ejectedShareMax?: number | undefined;
}

export interface Thresholds {
  /** Undefined: no probes; what they said before no longer counts. */
  readonly health: ProbeThresholds | undefined;
  readonly passive: PassiveThresholds;
  /** In what time an upstream that joins or comes back gets its whole share. Undefined, 0: at once. */
  readonly rampUpMs?: number | undefined;
}

/** Why a condition changed. `trialFailed` is told although it stays `down`. */
export type ChangeWhy =
  | 'probesFailed'
  | 'probesSucceeded'
  /** It is new, and its first probe decides. */
  | 'awaitsProbe'
  | 'requestsFailed'
  | 'timeoutPassed'
  | 'trialBegun'
  | 'trialSucceeded'
  | 'trialFailed'
  | 'trialAbandoned'
  /** The gateway's own check was answered, or a request that was sent because nothing was up. */
  | 'answered'
  | 'thresholdsChanged'
  /** The source that names it says that it can't serve, or that it can again. */
  | 'sourceSaysDown'
  | 'sourceSaysUp';

/**
 * What requests say: `closed` is well, `open` failed, `waiting` for a trial, `trying` with a trial under way.
 */
type Circuit = 'closed' | 'open' | 'waiting' | 'trying';

/**
 * The health of one upstream, from two witnesses and the source that names it. Probes hold it down until
 * `healthyAfter` of them succeed; no trial is made meanwhile. Failed requests take it down for
 * `failTimeoutMs`, then one request may try it. Whatever comes first ends that: the trial, or `healthyAfter`
 * probes that succeed after the failure. Each call answers why the condition changed, or undefined. Time
 * comes from a clock that never goes back.
 *
 * A request fails in two ways. `requestFailed` is a fact about the upstream: no connection could be made.
 * `requestDoubted` may be the request's own doing: the upstream took it and gave no answer. Doubts only make
 * the upstream `isDoubted`; then whoever keeps the pool asks it something of its own (`checked`), and that
 * decides. See docs/decisions/a-doubt-is-checked.md.
 */
export class Health {
  #isHeldBySource = false;
  #isHeldByProbes = false;
  #successes = 0;
  #failures = 0;
  #circuit: Circuit = 'closed';
  /** When the last requests failed, oldest first, at most `maxFails` of them. */
  #failedAt: number[] = [];
  /** The same of the last doubts. */
  #doubtedAt: number[] = [];
  #isDoubted = false;
  /** New, and no probe has said anything yet. */
  #isAwaited = false;
  #openUntil = 0;
  /** When a tick first saw the trial under way. */
  #tryingSince: number | undefined;

  get condition(): Condition {
    return this.#isHeldBySource ? 'down' : this.#seen;
  }

  /** Its source holds it down, whatever probes and requests say. */
  get isHeldBySource(): boolean {
    return this.#isHeldBySource;
  }

  /** What probes and requests say. */
  get #seen(): Condition {
    if (this.#isHeldByProbes) return 'down';
    if (this.#circuit === 'closed') return 'up';
    return this.#circuit === 'waiting' ? 'trial' : 'down';
  }

  /** Enough requests went unanswered that it should be asked whether it is there. */
  get isDoubted(): boolean {
    return this.#isDoubted;
  }

  /** Requests, not probes, took it away. */
  get isEjected(): boolean {
    return this.#circuit !== 'closed';
  }

  /** A source's word goes over that of probes and requests, which are still heard. */
  hold(isHeld: boolean): ChangeWhy | undefined {
    const before = this.condition;
    this.#isHeldBySource = isHeld;
    if (this.condition === before) return undefined;
    return isHeld ? 'sourceSaysDown' : 'sourceSaysUp';
  }

  /** A new one: held down until its first probe. */
  awaitProbe(): ChangeWhy {
    this.#isHeldByProbes = true;
    this.#isAwaited = true;
    return 'awaitsProbe';
  }

  probeSucceeded({ health }: Thresholds): ChangeWhy | undefined {
    if (health === undefined) return undefined;
    this.#failures = 0;
    const isEnough = ++this.#successes >= health.healthyAfter || this.#isAwaited;
    this.#isAwaited = false;
    if (!isEnough || this.#seen === 'up') return undefined;
    this.#isHeldByProbes = false;
    this.#close();
    return 'probesSucceeded';
  }

  probeFailed({ health }: Thresholds): ChangeWhy | undefined {
    if (health === undefined) return undefined;
    this.#successes = 0;
    const wasAwaited = this.#isAwaited;
    this.#isAwaited = false;
    this.#failures++;
    if (wasAwaited) return 'probesFailed';
    if (this.#failures < health.unhealthyAfter || this.#isHeldByProbes) return undefined;
    const before = this.#seen;
    this.#isHeldByProbes = true;
    // From here on the probes decide; what requests said is settled with them.
    this.#close();
    return before === 'down' ? undefined : 'probesFailed';
  }

  /**
   * Called for every request, so the ordinary case is one comparison. Answers to requests from before a
   * failure don't end it.
   */
  requestSucceeded(): ChangeWhy | undefined {
    if (this.#circuit === 'closed' || this.#circuit === 'open') return undefined;
    this.#close();
    return 'trialSucceeded';
  }

  requestFailed({ passive }: Thresholds, nowMs: number): ChangeWhy | undefined {
    if (passive.maxFails === 0 || this.#isHeldByProbes || this.#circuit === 'open') return undefined;
    if (this.#circuit !== 'closed') {
      this.#open(nowMs + passive.failTimeoutMs);
      return 'trialFailed';
    }
    // As in nginx, successes in between don't count: a share of failing requests is a failing upstream.
    note(this.#failedAt, passive.maxFails, nowMs);
    if (recent(this.#failedAt, passive, nowMs) < passive.maxFails) {
      this.#doubtIfMany(passive, nowMs);
      return undefined;
    }
    this.#open(nowMs + passive.failTimeoutMs);
    return 'requestsFailed';
  }

  /** The upstream took a request and gave no answer, which the request itself may have caused. */
  requestDoubted({ passive }: Thresholds, nowMs: number): void {
    if (passive.maxFails === 0 || this.#isHeldByProbes) return;
    if (this.#circuit === 'trying') this.#isDoubted = true;
    if (this.#circuit !== 'closed') return;
    note(this.#doubtedAt, passive.maxFails, nowMs);
    this.#doubtIfMany(passive, nowMs);
  }

  /**
   * What came of asking an upstream that `isDoubted`. `mayEject` false: too many others are away already.
   */
  checked(
    isThere: boolean,
    mayEject: boolean,
    { passive }: Thresholds,
    nowMs: number,
  ): ChangeWhy | undefined {
    if (!this.#isDoubted) return undefined;
    this.#isDoubted = false;
    this.#doubtedAt = [];
    const isTrial = this.#circuit === 'trying';
    if (isThere) {
      if (!isTrial) return undefined;
      this.#close();
      return 'answered';
    }
    if (!isTrial && (this.#circuit !== 'closed' || !mayEject)) return undefined;
    this.#open(nowMs + passive.failTimeoutMs);
    return isTrial ? 'trialFailed' : 'requestsFailed';
  }

  /** It answered a request that went to it although it was down, because nothing was up. */
  answeredWhileDown(): ChangeWhy | undefined {
    if (this.#isHeldByProbes || this.#circuit === 'closed') return undefined;
    this.#close();
    return 'answered';
  }

  /**
   * Undefined when there is no trial to be had: someone else has it, or the upstream is not waiting for one.
   */
  beginTrial(): ChangeWhy | undefined {
    if (this.condition !== 'trial') return undefined;
    this.#circuit = 'trying';
    this.#tryingSince = undefined;
    return 'trialBegun';
  }

  abandonTrial(): ChangeWhy | undefined {
    if (this.#circuit !== 'trying') return undefined;
    this.#circuit = 'waiting';
    return 'trialAbandoned';
  }

  /** May be tried now: the time-out no longer has a reason. */
  endTimeout(): ChangeWhy | undefined {
    if (this.#circuit !== 'open') return undefined;
    this.#circuit = 'waiting';
    return 'timeoutPassed';
  }

  tick({ passive }: Thresholds, nowMs: number): ChangeWhy | undefined {
    if (this.#circuit === 'open' && nowMs >= this.#openUntil) return this.endTimeout();
    if (this.#circuit !== 'trying') return undefined;
    // A trial that neither ends nor is abandoned must not keep the upstream down for good: let another
    // request try.
    this.#tryingSince ??= nowMs;
    return nowMs - this.#tryingSince < passive.failTimeoutMs ? undefined : this.abandonTrial();
  }

  /** Lets go of what a witness said that is no longer heard. */
  applyThresholds({ health, passive }: Thresholds): ChangeWhy | undefined {
    const before = this.condition;
    if (health === undefined) {
      this.#isHeldByProbes = false;
      this.#isAwaited = false;
      this.#successes = 0;
      this.#failures = 0;
    }
    if (passive.maxFails === 0) this.#close();
    return this.condition === before ? undefined : 'thresholdsChanged';
  }

  /**
   * Another judge has decided, and what probes and requests said so far is settled with that. `down` lasts
   * until probes succeed or the judge decides anew.
   */
  settle(condition: Condition): void {
    this.#isHeldByProbes = false;
    this.#isAwaited = false;
    this.#failures = 0;
    if (condition === 'up') this.#close();
    else if (condition === 'trial') this.#circuit = 'waiting';
    else this.#open(Infinity);
  }

  #doubtIfMany(passive: PassiveThresholds, nowMs: number): void {
    const doubts = recent(this.#doubtedAt, passive, nowMs);
    if (doubts > 0 && doubts + recent(this.#failedAt, passive, nowMs) >= passive.maxFails)
      this.#isDoubted = true;
  }

  #open(untilMs: number): void {
    this.#close();
    this.#circuit = 'open';
    this.#openUntil = untilMs;
    this.#successes = 0;
  }

  #close(): void {
    this.#circuit = 'closed';
    this.#failedAt = [];
    this.#doubtedAt = [];
    this.#isDoubted = false;
  }
}

/** Keeps the last `max` instants. */
function note(instants: number[], max: number, nowMs: number): void {
  instants.push(nowMs);
  if (instants.length > max) instants.splice(0, instants.length - max);
}

function recent(instants: readonly number[], { failTimeoutMs }: PassiveThresholds, nowMs: number): number {
  let count = 0;
  for (const instant of instants) if (nowMs - instant <= failTimeoutMs) count++;
  return count;
}
