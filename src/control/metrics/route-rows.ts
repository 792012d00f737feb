import type { CountedRequest, RouteTally } from '../../proxy/tally.js';
import type { Rule } from '../../route/affinity/rule.js';
import type { Decision } from '../../route/router.js';
import { hashOfKey } from '../../route/sweep.js';
import { WHYS } from '../../route/outcome.js';
import { countRequest, ROW_NUMBERS } from './request-row.js';
import type { UpstreamCounts } from './upstream-counts.js';

/** What a row of numbers stands for. No upstream: none was tried. */
export interface RouteRow {
  readonly upstream: UpstreamCounts | undefined;
  readonly numbers: Float64Array;
}

/**
 * What is counted of one route to one pool, through reloads: a row of numbers for each upstream that answered
 * for it. A request costs two look-ups by index and a dozen additions.
 */
export class RouteRows {
  readonly route: string;
  readonly pool: string;
  /** By the upstream's index. */
  readonly rows: (RouteRow | undefined)[] = [];
  /** For requests for which no upstream was tried. */
  readonly withoutUpstream: RouteRow = { upstream: undefined, numbers: new Float64Array(ROW_NUMBERS) };
  /** How often each reason kept a rule from being followed, by the rule's name. Numbers as in `WHYS`. */
  readonly misses = new Map<string, Float64Array>();
  /** How often each reason bound a user to another upstream: on purpose, and because of a failure. */
  readonly moves = new Float64Array(WHYS.length);
  readonly rehomes = new Float64Array(WHYS.length);

  constructor(route: string, pool: string) {
    this.route = route;
    this.pool = pool;
  }

  missesOf(rule: string): Float64Array {
    let numbers = this.misses.get(rule);
    if (numbers === undefined) this.misses.set(rule, (numbers = new Float64Array(WHYS.length)));
    return numbers;
  }
}

/** A borrower belongs to another upstream, and nothing is known of whom the balance sent somewhere. */
function sawUser(upstream: UpstreamCounts | undefined, decision: Decision): void {
  const { outcome, identity } = decision;
  if (upstream === undefined || outcome === 'borrowed' || outcome === 'balanced') return;
  if (identity !== undefined) upstream.saw(identity);
  else {
    const { user } = decision;
    if (user !== undefined) upstream.saw(hashOfKey(user));
  }
}

/** Counts a route's requests as they end, under the rules that it has now. */
export class RouteCounter implements RouteTally {
  readonly #rows: RouteRows;
  readonly #upstreams: readonly (UpstreamCounts | undefined)[];
  readonly #rules: readonly Rule[];
  readonly #misses: readonly Float64Array[];

  /** `upstreams`: those of all pools, by their index. `ruleName`: what a rule is called in labels. */
  constructor(
    rows: RouteRows,
    upstreams: readonly (UpstreamCounts | undefined)[],
    rules: readonly Rule[],
    ruleName: (rule: Rule) => string,
  ) {
    this.#rows = rows;
    this.#upstreams = upstreams;
    this.#rules = rules;
    this.#misses = rules.map((rule) => rows.missesOf(ruleName(rule)));
  }

  upgraded({ decision, tally }: CountedRequest): void {
    if (decision !== undefined && tally !== undefined) sawUser(this.#upstreams[tally.index], decision);
  }

  finished(request: CountedRequest): void {
    const { decision, tally } = request;
    const { rows } = this.#rows;
    const row =
      tally === undefined ? this.#rows.withoutUpstream : (rows[tally.index] ?? this.#row(tally.index));
    if (decision === undefined) {
      countRequest(row.numbers, undefined, request);
      return;
    }
    countRequest(row.numbers, decision.outcome, request);
    sawUser(row.upstream, decision);
    if (decision.why !== undefined) this.#missed(decision);
  }

  #missed({ missedBy, why, outcome }: Decision): void {
    const reason = WHYS.indexOf(why!);
    const numbers = missedBy === undefined ? undefined : this.#misses[this.#rules.indexOf(missedBy)];
    if (numbers !== undefined) numbers[reason]!++;
    if (outcome === 'moved') this.#rows.moves[reason]!++;
    else if (outcome === 'rehomed') this.#rows.rehomes[reason]!++;
  }

  #row(index: number): RouteRow {
    const upstream = this.#upstreams[index];
    if (upstream === undefined) return this.#rows.withoutUpstream;
    return (this.#rows.rows[index] = { upstream, numbers: new Float64Array(ROW_NUMBERS) });
  }
}
