import type { Condition } from './snapshot.js';

/** How many probes in a row change an upstream's condition. */
export interface ProbeThresholds {
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

/**
 * How many requests must fail, within what time, to take an upstream down, and for how long. `maxFails` 0:
 * never.
 */
export interface PassiveThresholds {
  readonly maxFails: number;
  readonly failTimeoutMs: number;
}

export interface Thresholds {
  /** Undefined: no probes; what they said before no longer counts. */
  readonly health: ProbeThresholds | undefined;
  readonly passive: PassiveThresholds;
}

/** Why a condition changed. `trialFailed` is told although it stays `down`. */
export type ChangeWhy =
  | 'probesFailed'
  | 'probesSucceeded'
  | 'requestsFailed'
  | 'timeoutPassed'
  | 'trialBegun'
  | 'trialSucceeded'
  | 'trialFailed'
  | 'trialAbandoned'
  | 'thresholdsChanged';

/**
 * What requests say: `closed` is well, `open` failed, `waiting` for a trial, `trying` with a trial under way.
 */
type Circuit = 'closed' | 'open' | 'waiting' | 'trying';

/**
 * The health of one upstream, from two witnesses. Probes hold it down until `healthyAfter` of them succeed;
 * no trial is made meanwhile. Failed requests take it down for `failTimeoutMs`, then one request may try it.
 * Whatever comes first ends that: the trial, or `healthyAfter` probes that succeed after the failure. Each
 * call answers why the condition changed, or undefined. Time comes from a clock that never goes back.
 */
export class Health {
  #isHeldByProbes = false;
  #successes = 0;
  #failures = 0;
  #circuit: Circuit = 'closed';
  /** When the last requests failed, oldest first, at most `maxFails` of them. */
  #failedAt: number[] = [];
  #openUntil = 0;
  /** When a tick first saw the trial under way. */
  #tryingSince: number | undefined;

  get condition(): Condition {
    if (this.#isHeldByProbes) return 'down';
    if (this.#circuit === 'closed') return 'up';
    return this.#circuit === 'waiting' ? 'trial' : 'down';
  }

  probeSucceeded({ health }: Thresholds): ChangeWhy | undefined {
    if (health === undefined) return undefined;
    this.#failures = 0;
    if (++this.#successes < health.healthyAfter || this.condition === 'up') return undefined;
    this.#isHeldByProbes = false;
    this.#close();
    return 'probesSucceeded';
  }

  probeFailed({ health }: Thresholds): ChangeWhy | undefined {
    if (health === undefined) return undefined;
    this.#successes = 0;
    if (++this.#failures < health.unhealthyAfter || this.#isHeldByProbes) return undefined;
    const before = this.condition;
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
    this.#failedAt.push(nowMs);
    if (this.#failedAt.length > passive.maxFails)
      this.#failedAt.splice(0, this.#failedAt.length - passive.maxFails);
    if (this.#failedAt.length < passive.maxFails || nowMs - this.#failedAt[0]! > passive.failTimeoutMs)
      return undefined;
    this.#open(nowMs + passive.failTimeoutMs);
    return 'requestsFailed';
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

  tick({ passive }: Thresholds, nowMs: number): ChangeWhy | undefined {
    if (this.#circuit === 'open' && nowMs >= this.#openUntil) {
      this.#circuit = 'waiting';
      return 'timeoutPassed';
    }
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
    this.#failures = 0;
    if (condition === 'up') this.#close();
    else if (condition === 'trial') this.#circuit = 'waiting';
    else this.#open(Infinity);
  }

  #open(untilMs: number): void {
    this.#circuit = 'open';
    this.#openUntil = untilMs;
    this.#failedAt = [];
    this.#successes = 0;
  }

  #close(): void {
    this.#circuit = 'closed';
    this.#failedAt = [];
  }
}
