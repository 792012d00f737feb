import type { Random } from '../../src/base/random.js';
import { cookie } from '../../src/route/affinity/cookie.js';
import type { Rule } from '../../src/route/affinity/rule.js';
import { roundRobin } from '../../src/route/balance/round-robin.js';
import { plainFacts } from '../../src/route/plain-facts.js';
import type { Condition, PoolSnapshot } from '../../src/route/pool/snapshot.js';
import type { Drain, Standing } from '../../src/route/pool/standing.js';
import { decide, type Decision } from '../../src/route/router.js';
import { fakePool } from '../../src/testing/fake-pool.js';

const SECRET = 'a secret for simulations, 32 characters';

/** One gateway of several, which share keys and instants, and have clocks and eyes of their own. */
export class SimGateway {
  readonly skewMs: number;
  readonly #random: Random;
  readonly #balance = roundRobin.create({});
  readonly #options: object;
  readonly #standings: Record<string, Standing> = {};
  readonly #conditions: Record<string, Condition> = {};
  readonly #awaySince: Record<string, number> = {};
  #ids: readonly string[];
  #rule: Rule;
  #pool: PoolSnapshot | undefined;

  constructor(ids: readonly string[], options: object, skewMs: number, random: Random) {
    this.#ids = ids;
    this.#options = options;
    this.skewMs = skewMs;
    this.#random = random;
    this.#rule = ruleOf(options);
  }

  get pool(): PoolSnapshot {
    return (this.#pool ??= fakePool(this.#ids, {
      standings: this.#standings,
      conditions: this.#conditions,
      awaySince: this.#awaySince,
    }));
  }

  /** A restart, or a reload: nothing of a user is kept. */
  restart(): void {
    this.#rule = madeRule(this.#options);
    this.#pool = undefined;
  }

  stand(id: string, standing: Standing): void {
    this.#standings[id] = standing;
    this.#pool = undefined;
  }

  see(id: string, condition: Condition, nowMs: number): void {
    this.#conditions[id] = condition;
    this.#awaySince[id] = condition === 'up' ? 0 : this.#awaySince[id] || nowMs + this.skewMs;
    this.#pool = undefined;
  }

  members(ids: readonly string[]): void {
    this.#ids = ids;
    this.#pool = undefined;
  }

  ask(nowMs: number, held: string | undefined, isPage = false): Decision {
    const headers: [string, string][] = held === undefined ? [] : [['cookie', held]];
    if (isPage) headers.push(['sec-fetch-mode', 'navigate']);
    const facts = plainFacts({ nowMs: nowMs + this.skewMs, headers, ip: '10.0.0.1' });
    chance = this.#random;
    const load = this.pool.upstreams.map(() => 0);
    return decide({ rules: [this.#rule], balance: this.#balance }, facts, this.pool, load, this.#random);
  }
}

/** Whose turn it is to draw: what rules draw then depends on the schedule alone. */
let chance: Random | undefined;

function madeRule(options: object): Rule {
  return cookie.create(cookie.options.parse(options), {
    route: 'default',
    keys: [SECRET],
    random: { below: (below) => chance!.below(below), id: () => chance!.id() },
    tokenVerifier: () => {
      throw new Error('not needed');
    },
  });
}

/** Keys take a while to be made, so gateways share a rule until one of them starts anew. */
const rules = new Map<string, Rule>();

function ruleOf(options: object): Rule {
  const text = JSON.stringify(options);
  const rule = rules.get(text) ?? madeRule(options);
  rules.set(text, rule);
  return rule;
}

/** The cookie that the answer sets, as it is sent back. */
export function written(decision: Decision): string | undefined {
  return decision.writes()[0]?.split(';')[0];
}

export function placeOf(decision: Decision): string | undefined {
  return decision.pool.upstreams[decision.index]?.id;
}

export function drainIn({ pool }: SimGateway, id: string): Drain | undefined {
  const index = pool.indexOf(id);
  const standing = index === undefined ? undefined : pool.standings[index];
  return typeof standing === 'object' ? standing.leaving : undefined;
}
