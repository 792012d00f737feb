import type { Random } from '../base/random.js';
import type { BindingTimes, BoundAnswer, Found, FailurePolicy, Rule } from './affinity/rule.js';
import type { Balance, BalanceFacts, Load } from './balance/balance.js';
import type { Failure, Outcome, Why } from './outcome.js';
import type { RequestFacts } from './facts.js';
import { isReachable, placementNow, takesNewUsers, type PoolSnapshot } from './pool/snapshot.js';

/** How a pool's users are told apart and spread: the part of a route that the router needs. */
export interface Affinity {
  /** Tried in order; the first that finds something decides. */
  readonly rules: readonly Rule[];
  readonly balance: Balance;
}

/**
 * Waits for rules that can't answer at once. Undefined, which is nearly always, when `decide` can be called
 * now. Rules behind one that decides already are not asked, unless its upstream is away and they may name a
 * stand-in.
 */
export function prepare(
  affinity: Affinity,
  facts: RequestFacts,
  pool: PoolSnapshot,
): Promise<void> | undefined {
  const last = affinity.rules.findLastIndex((rule) => rule.prepare !== undefined);
  return prepareFrom(0, last, affinity, facts, pool);
}

function prepareFrom(
  start: number,
  last: number,
  affinity: Affinity,
  facts: RequestFacts,
  pool: PoolSnapshot,
): Promise<void> | undefined {
  for (let at = start; at <= last; at++) {
    const rule = affinity.rules[at]!;
    const waiting = rule.prepare?.(facts);
    // Each rule is waited for once: one that has learnt nothing by then (its keys can't be fetched) must not
    // be asked for ever.
    if (waiting !== undefined)
      return waiting.then(() =>
        isSettled(rule, facts, pool) ? undefined : prepareFrom(at + 1, last, affinity, facts, pool),
      );
    if (at < last && isSettled(rule, facts, pool)) return undefined;
  }
  return undefined;
}

function isSettled(rule: Rule, facts: RequestFacts, pool: PoolSnapshot): boolean {
  const found = rule.find(facts, pool);
  return found.kind === 'keyed' || (found.kind === 'bound' && isReachable(pool, found.index));
}

/** The router: request facts + snapshot → decision. It does nothing but look. */
export function decide(
  affinity: Affinity,
  facts: RequestFacts,
  pool: PoolSnapshot,
  load: Load,
  random: Random,
  first?: FirstBinding,
): Decision {
  return new Decision(affinity, facts, pool, load, random, first);
}

/**
 * Where requests go that come side by side, over one connection, from a client that has no binding yet: they
 * must not be bound to several upstreams. Decisions read it and set it.
 */
export interface FirstBinding {
  upstreamId: string | undefined;
}

/**
 * The upstreams to try, in order, with the reason. It starts at the best one; after a failed try `next` moves
 * it on. What it says (`outcome`, `rule`, `why`) always speaks of the upstream it stands at.
 */
export class Decision implements BalanceFacts {
  readonly pool: PoolSnapshot;
  readonly load: Load;
  readonly random: Random;
  /** The upstream to try now, as its index in `pool.upstreams`; -1 when none is left. */
  index = -1;
  outcome: Outcome = 'balanced';
  /** The rule that decided; undefined when the balance did. */
  rule: Rule | undefined;
  why: Why | undefined;
  /** The rule that found what was not followed. */
  missedBy: Rule | undefined;
  /** What was written binds one client, on an answer that a shared cache would hand to others. */
  keepsFromShared = false;

  readonly #affinity: Affinity;
  readonly #facts: RequestFacts;
  readonly #first: FirstBinding | undefined;
  /** How many rules were asked before one decided; those of them that can bind will. */
  #asked = 0;
  /**
   * The rule that found a key or binding, and what; `rule` differs from it when another rule's binding was
   * gone.
   */
  #decider: Rule | undefined;
  #found: Deciding | undefined;
  /** True once the deciding rule's own upstream was given up and its failure policy asked. */
  #hasLeft = false;
  /** True for a borrower whom the balance serves: nothing is written that would keep it there. */
  #isBorrowing = false;
  /** The key that ranks the upstreams while the deciding rule's own can't be used. */
  #key: string | undefined;
  #rank: ArrayLike<number> | undefined;
  #rankAt = 0;
  #tried: number[] | undefined;

  constructor(
    affinity: Affinity,
    facts: RequestFacts,
    pool: PoolSnapshot,
    load: Load,
    random: Random,
    first?: FirstBinding,
  ) {
    this.#affinity = affinity;
    this.#first = first;
    this.#facts = facts;
    this.pool = pool;
    this.load = load;
    this.random = random;
    this.#start();
  }

  /**
   * Who the user is: the key, or what a binding has of its own. Undefined where nothing tells one user from
   * another.
   */
  get user(): string | undefined {
    return this.#found?.key;
  }

  tried(index: number): boolean {
    return this.#tried !== undefined && this.#tried.includes(index);
  }

  /** The upstream could not serve: stand at the next one. Returns its index, or -1 when none is left. */
  next(failure: Failure): number {
    if (this.index === -1) return -1;
    (this.#tried ??= []).push(this.index);
    if (this.#decider !== undefined && !this.#hasLeft) this.#leave('down', failure);
    else this.#advance();
    return this.index;
  }

  /**
   * The `Set-Cookie` values for the answer of the upstream it stands at. Empty for a client that is bound
   * already. Afterwards `keepsFromShared` says whether the answer must be kept out of shared caches for them.
   */
  writes(answer: BoundAnswer = NOT_SHARED): readonly string[] {
    const found = this.#found;
    const { rules } = this.#affinity;
    if (
      this.index === -1 ||
      this.outcome === 'borrowed' ||
      this.#isBorrowing ||
      (this.#asked === 0 && found?.kind === 'keyed')
    )
      return NONE;
    const values: string[] = [];
    for (let at = 0; at < this.#asked; at++) this.#bind(rules[at]!, answer, values, undefined);
    if (found?.kind === 'bound' && this.#decider !== undefined) {
      if (found.index !== this.index) this.#bind(this.#decider, answer, values, undefined);
      else if (found.refresh !== undefined) this.#bind(this.#decider, answer, values, found.refresh);
    }
    return values;
  }

  #bind(rule: Rule, answer: BoundAnswer, values: string[], times: BindingTimes | undefined): void {
    if (rule.bind === undefined) return;
    const { sharedAnswers = 'unbound' } = rule;
    if (sharedAnswers !== 'bound' && answer.isShared) {
      if (sharedAnswers === 'unbound') return;
      this.keepsFromShared = true;
    }
    values.push(rule.bind(this.#facts, this.pool, this.index, times));
  }

  #start(): void {
    const { rules } = this.#affinity;
    for (; this.#asked < rules.length; this.#asked++) {
      const rule = rules[this.#asked]!;
      const found = rule.find(this.#facts, this.pool);
      if (decides(found)) {
        this.#follow(rule, found);
        return;
      }
      if (found.kind === 'nothing') continue;
      this.missedBy ??= rule;
      this.why ??= found.kind;
      if (found.kind === 'gone' && this.rule === undefined) {
        this.rule = rule;
        this.outcome = 'rehomed';
      }
    }
    this.#advance();
  }

  #follow(rule: Rule, found: Deciding): void {
    this.#decider = rule;
    this.#found = found;
    if (found.kind === 'bound') {
      // Also behind a binding that is gone: this one is followed, so nobody is moved.
      this.rule = rule;
      this.outcome = 'bound';
      this.index = found.index;
      if (!isReachable(this.pool, found.index)) this.#leave(this.#away(found.index), 'unreachable');
      return;
    }
    if (this.outcome !== 'rehomed') {
      this.rule = rule;
      this.outcome = 'keyed';
    }
    this.#key = found.key;
    this.index = this.pool.placement.owner(found.key);
    if (this.index === -1) this.#advance();
    else if (!takesNewUsers(this.pool, this.index)) {
      this.#leave(this.#away(this.index), 'unreachable');
    } else if (this.pool.placement.among !== undefined) {
      // Its own upstream is well, and yet others that are not may have moved it: HAProxy's map does.
      this.index = placementNow(this.pool).owner(found.key);
    }
  }

  /** Why an upstream can't be used: health's word comes before an operator's. */
  #away(index: number): Why {
    if (this.pool.conditions[index] === 'down') return 'down';
    return this.pool.standings[index] === 'out' ? 'out' : 'draining';
  }

  /** The upstream of the binding or key can't be used: the rule's failure policy says what now. */
  #leave(why: Why, failure: Failure): void {
    this.#hasLeft = true;
    this.why = why;
    this.missedBy = this.#decider;
    const policy: FailurePolicy = this.#decider!.onFailure;
    if (policy === 'reject') {
      this.outcome = 'rejected';
      this.index = -1;
      return;
    }
    if (this.outcome !== 'rehomed')
      this.outcome = policy === 'rehome' && failure === 'unreachable' ? 'rehomed' : 'borrowed';
    if (this.#found?.kind === 'bound') this.#key = this.#standIn();
    this.#advance();
  }

  /**
   * A key for a bound user whose upstream is away: a later rule's, or, to keep a borrower in one place, the
   * binding's own.
   */
  #standIn(): string | undefined {
    const { rules } = this.#affinity;
    for (let at = this.#asked + 1; at < rules.length; at++) {
      const found = rules[at]!.find(this.#facts, this.pool);
      if (found.kind === 'keyed') return found.key;
    }
    return this.outcome === 'borrowed' && this.#found?.kind === 'bound' ? this.#found.key : undefined;
  }

  #advance(): void {
    this.index = this.#key === undefined ? this.#pick() : this.#nextByRank(this.#key);
    if (this.index === -1 && this.#key !== undefined) this.#giveUp();
    if (this.index !== -1) return;
    this.outcome = 'rejected';
    // Nobody is turned away for an unreadable cookie: there was just no upstream left.
    if (this.why !== 'draining' && this.why !== 'out') this.why = 'down';
  }

  /**
   * The ranking is at its end. Where it ends early (nginx gives up after 20 tries), the balance has somebody
   * left.
   */
  #giveUp(): void {
    this.index = this.#affinity.balance.pick(this);
    if (this.index === -1) return;
    this.#key = undefined;
    this.#hasLeft = true;
    // A moved binding stays that; a key that nobody follows any more decides nothing. A borrower's binding is
    // kept all the same.
    if (this.#found?.kind !== 'keyed' || this.rule !== this.#decider) return;
    this.#isBorrowing = this.outcome === 'borrowed';
    this.outcome = 'balanced';
    this.rule = undefined;
  }

  /** The balance's choice, or that for the first of the requests that this one came beside. */
  #pick(): number {
    const first = this.#first;
    if (first === undefined || this.outcome === 'borrowed') return this.#affinity.balance.pick(this);
    const { pool } = this;
    const index = first.upstreamId === undefined ? undefined : pool.indexOf(first.upstreamId);
    if (index !== undefined && takesNewUsers(pool, index) && !this.tried(index)) {
      this.why ??= 'beside';
      return index;
    }
    const picked = this.#affinity.balance.pick(this);
    if (picked !== -1) first.upstreamId = pool.upstreams[picked]!.id;
    return picked;
  }

  #nextByRank(key: string): number {
    this.#rank ??= placementNow(this.pool).rank(key);
    while (this.#rankAt < this.#rank.length) {
      const index = this.#rank[this.#rankAt++]!;
      if (takesNewUsers(this.pool, index) && !this.tried(index)) return index;
    }
    return -1;
  }
}

const NONE: readonly string[] = [];
const NOT_SHARED: BoundAnswer = { isShared: false };

type Deciding = Extract<Found, { kind: 'bound' | 'keyed' }>;

function decides(found: Found): found is Deciding {
  return found.kind === 'bound' || found.kind === 'keyed';
}
