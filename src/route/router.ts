import type { Random } from '../base/random.js';
import type { Binding, BoundAnswer, FailurePolicy, Rule } from './affinity/rule.js';
import type { Balance, BalanceFacts, Load } from './balance/balance.js';
import type { FirstBinding } from './first-binding.js';
import type { Failure, Outcome, Why } from './outcome.js';
import type { RequestFacts } from './facts.js';
import { isPanic } from './pool/panic.js';
import { ownerInRamp, passedOver } from './pool/ramp.js';
import { placementNow, takesNewUsers, type PoolSnapshot } from './pool/snapshot.js';
import type { Drain } from './pool/standing.js';
import {
  canBind,
  decides,
  hasLeft,
  isAwayForGood,
  mayRefresh,
  standInKey,
  whyAway,
  type Bound,
  type Deciding,
} from './leaving.js';

/** How a pool's users are told apart and spread: the part of a route that the router needs. */
export interface Affinity {
  /** Tried in order; the first that finds something decides. */
  readonly rules: readonly Rule[];
  readonly balance: Balance;
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
  #isAway = false;
  /** Where the user belongs, by its binding or its key; -1 where nothing says so. */
  #belongsAt = -1;
  /** The rule that found a binding to an upstream that the pool no longer has, and that binding. */
  #goneRule: Rule | undefined;
  #goneBinding: Binding | undefined;
  /** True for a borrower whom the balance serves: nothing is written that would keep it there. */
  #isBorrowing = false;
  /** The key that ranks the upstreams while the deciding rule's own can't be used. */
  #key: string | undefined;
  #rank: ArrayLike<number> | undefined;
  #rankAt = 0;
  /** The upstream that the one it stands at hands the user over to; -1: none. */
  #heir = -1;
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
   * The 32-bit identity of the user's binding; undefined where none with an identity was found. It stays
   * through refreshes and moves.
   */
  get identity(): number | undefined {
    const found = this.#found;
    return found?.kind === 'bound' ? found.binding?.identity : this.#goneBinding?.identity;
  }

  /** Who the user is: the key, or that of its binding. Undefined where nothing tells users apart. */
  get user(): string | undefined {
    const found = this.#found;
    if (found === undefined) return this.#goneBinding?.key;
    return found.kind === 'keyed' ? found.key : found.binding?.key;
  }

  /** Where the user belongs while another upstream serves it or has taken it over; undefined otherwise. */
  get from(): string | undefined {
    if (this.#belongsAt === -1 || this.#belongsAt === this.index) return undefined;
    return this.pool.upstreams[this.#belongsAt]!.id;
  }

  tried(index: number): boolean {
    return this.#tried !== undefined && this.#tried.includes(index);
  }

  /** The upstream could not serve: stand at the next one. Returns its index, or -1 when none is left. */
  next(failure: Failure): number {
    if (this.index === -1) return -1;
    (this.#tried ??= []).push(this.index);
    if (this.#decider !== undefined && !this.#isAway) this.#leave('down', failure);
    else this.#advance();
    return this.index;
  }

  /** Not now: a user that has left stays where it belongs for this request. */
  stay(): void {
    if (this.outcome !== 'moved') return;
    this.outcome = 'bound';
    this.index = this.#belongsAt;
    this.why = undefined;
    this.missedBy = undefined;
    this.#isAway = false;
  }

  /** The upstream it stands at hands the user over: what is written binds it to another. */
  handOver(): void {
    if (this.index === -1 || this.outcome === 'borrowed') return;
    const key = this.user;
    (this.#tried ??= []).push(this.index);
    if (key === undefined) this.#heir = this.#affinity.balance.pick(this);
    else {
      const isOther = (index: number) => takesNewUsers(this.pool, index) && !this.tried(index);
      this.#heir = Array.from(placementNow(this.pool).rank(key)).find(isOther) ?? -1;
    }
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
    // Behind a binding that is gone, its rule writes it anew: its user is the same.
    for (let at = 0; at < this.#asked; at++)
      this.#bind(rules[at]!, answer, values, rules[at] === this.#goneRule ? this.#goneBinding : undefined);
    if (found?.kind === 'bound' && this.#decider !== undefined) {
      if (
        found.index !== this.#writtenIndex ||
        (found.isRefreshDue === true && mayRefresh(this.pool, found, this.#facts.nowMs))
      )
        this.#bind(this.#decider, answer, values, found.binding);
    }
    return values;
  }

  #bind(rule: Rule, answer: BoundAnswer, values: string[], binding: Binding | undefined): void {
    if (rule.bind === undefined) return;
    const { sharedAnswers = 'unbound' } = rule;
    if (sharedAnswers !== 'bound' && answer.isShared) {
      if (sharedAnswers === 'unbound') return;
      this.keepsFromShared = true;
    }
    values.push(rule.bind(this.#facts, this.pool, this.#writtenIndex, binding));
  }

  get #writtenIndex(): number {
    return this.#heir === -1 ? this.index : this.#heir;
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
        this.#goneRule = rule;
        this.#goneBinding = found.binding;
      }
    }
    this.#key = this.#goneBinding?.key;
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
      this.#followBinding(found);
      return;
    }
    if (this.outcome !== 'rehomed') {
      this.rule = rule;
      this.outcome = 'keyed';
    }
    this.#key = found.key;
    this.index = this.pool.placement.owner(found.key);
    this.#belongsAt = this.index;
    if (this.index === -1) this.#advance();
    else if (!takesNewUsers(this.pool, this.index)) this.#leaveOwner(found.key);
    else {
      // Its own upstream is well, and yet others that are not may have moved it: HAProxy's map does.
      if (this.pool.placement.among !== undefined)
        this.index = this.#belongsAt = placementNow(this.pool).owner(found.key);
      if (this.pool.ramps !== undefined) this.#followRamp(found.key);
    }
  }

  /** While the user's own upstream ramps up, another has the user until its turn has come. */
  #followRamp(key: string): void {
    const ramp = this.pool.ramps![this.index];
    if (ramp === undefined || this.#facts.nowMs >= ramp.untilMs) return;
    this.#rank = placementNow(this.pool).rank(key);
    this.index = this.#belongsAt = ownerInRamp(this.pool, this.#rank, key, this.#facts.nowMs);
  }

  #followBinding({ index, binding }: Bound): void {
    this.#belongsAt = index;
    const standing = this.pool.standings[index]!;
    const isDown = this.pool.conditions[index] === 'down';
    if (typeof standing !== 'string') {
      const { leaving } = standing;
      // One that is down will not come back for those who are to leave it anyway.
      if (isDown || this.#hasLeft(leaving, binding?.identity)) this.#move(isDown ? 'down' : 'draining');
    } else if (isDown || standing === 'out') this.#leave(whyAway(this.pool, index), 'unreachable');
  }

  /** The upstream that the placement names takes no new users. */
  #leaveOwner(key: string): void {
    const owner = this.index;
    const standing = this.pool.standings[owner]!;
    if (typeof standing === 'string' || this.pool.conditions[owner] === 'down') {
      this.#leave(whyAway(this.pool, owner), 'unreachable');
      return;
    }
    // A user who would be bound is a new one; the others leave when their turn has come.
    if (!canBind(this.#affinity.rules, this.#asked) && !this.#hasLeft(standing.leaving, key)) return;
    this.#move('draining');
  }

  /** Has the user's turn come to leave an upstream that is emptied? */
  #hasLeft(drain: Drain, key: string | number | undefined): boolean {
    // With nobody up who takes new users, where it is is the best place.
    if (this.#facts.nowMs < drain.untilMs && isPanic(this.pool)) return false;
    return hasLeft(drain, key, this.#facts, this.#decider!, this.#found!);
  }

  /** The user leaves on purpose, whatever the failure policy says. */
  #move(why: Why): void {
    this.#isAway = true;
    this.why = why;
    this.missedBy = this.#decider;
    const { rules } = this.#affinity;
    const isWritten = rules[this.#asked]?.bind !== undefined || canBind(this.#affinity.rules, this.#asked);
    if (this.outcome !== 'rehomed')
      this.outcome = this.#found?.kind === 'bound' && isWritten ? 'moved' : 'borrowed';
    if (this.#found?.kind === 'bound')
      this.#key = standInKey(this.#affinity.rules, this.#asked, this.#facts, this.pool, this.#found);
    this.#advance();
  }

  /** The upstream of the binding or key can't be used: the rule's failure policy says what now. */
  #leave(why: Why, failure: Failure): void {
    this.#isAway = true;
    this.why = why;
    this.missedBy = this.#decider;
    const policy: FailurePolicy = this.#decider!.onFailure;
    if (policy === 'reject') {
      this.outcome = 'rejected';
      this.index = -1;
      return;
    }
    const isForGood =
      policy === 'rehome' &&
      failure === 'unreachable' &&
      isAwayForGood(this.pool, this.#decider!, this.#found!, why, this.#facts.nowMs);
    if (this.outcome !== 'rehomed') this.outcome = isForGood ? 'rehomed' : 'borrowed';
    if (this.#found?.kind === 'bound')
      this.#key = standInKey(this.#affinity.rules, this.#asked, this.#facts, this.pool, this.#found);
    this.#advance();
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
    this.#isAway = true;
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
    if (first === undefined || this.outcome === 'borrowed') return this.#balanced();
    const { pool } = this;
    const index = first.upstreamId === undefined ? undefined : pool.indexOf(first.upstreamId);
    if (index !== undefined && takesNewUsers(pool, index) && !this.tried(index)) {
      this.why ??= 'beside';
      return index;
    }
    const picked = this.#balanced();
    if (picked !== -1) first.upstreamId = pool.upstreams[picked]!.id;
    return picked;
  }

  /** The balance's choice, where upstreams that ramp up are not in every draw. */
  #balanced(): number {
    const { balance } = this.#affinity;
    const { ramps } = this.pool;
    if (ramps === undefined) return balance.pick(this);
    const tried = this.#tried;
    const over = passedOver(ramps, this.#facts.nowMs, this.random);
    if (over.length === 0) return balance.pick(this);
    this.#tried = tried === undefined ? over : [...tried, ...over];
    const index = balance.pick(this);
    this.#tried = tried;
    return index === -1 ? balance.pick(this) : index;
  }

  #nextByRank(key: string): number {
    this.#rank ??= placementNow(this.pool).rank(key);
    // Who has to leave its own upstream for a time does not hurry to one that ramps up.
    if (this.pool.ramps !== undefined && this.#tried === undefined && this.#found?.kind === 'keyed')
      return ownerInRamp(this.pool, this.#rank, key, this.#facts.nowMs);
    while (this.#rankAt < this.#rank.length) {
      const index = this.#rank[this.#rankAt++]!;
      if (takesNewUsers(this.pool, index) && !this.tried(index)) return index;
    }
    return -1;
  }
}

const NONE: readonly string[] = [];
const NOT_SHARED: BoundAnswer = { isShared: false };
