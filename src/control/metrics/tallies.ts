import type { Clock, Timer } from '../../base/clock.js';
import type { RefusedHead } from '../../proxy/request-record.js';
import type { RouteTally } from '../../proxy/tally.js';
import type { Rule } from '../../route/affinity/rule.js';
import { WHYS } from '../../route/outcome.js';
import type { Measures, RequestRow, UpstreamRow } from './measures.js';
import { countRefused } from './request-row.js';
import { RouteCounter, RouteRows } from './route-rows.js';
import { UpstreamCounts } from './upstream-counts.js';
import { CELLS, CELLS_OF_MANY, LARGE_MAX, SLOT_MS, SlotCount, UserCells } from './user-cells.js';

/** What is gone is still shown for so long, for whoever looks now and then. */
const SHOWN_MS = 10 * 60_000;
/** Each upstream's cells are looked through once in so many slots. */
const FORGET_SLOTS = 8;
/** More reasons than there are; what is beyond would be a fault of ours. */
const REASONS_MAX = 200;

/** What this process counts of requests, routes and upstreams. */
export type Tallied = Pick<Measures, 'requests' | 'misses' | 'moves' | 'upstreams' | 'refusedHeads'>;

/** The routes and upstreams that there are now. */
export interface InUse {
  readonly routes: readonly { readonly name: string; readonly pool: string }[];
  readonly pools: ReadonlyMap<string, readonly { readonly id: string }[]>;
}

/** All that is counted on the way of requests, through reloads. */
export class Tallies {
  /** For requests for which no route was found, and for refused heads. */
  readonly unrouted: RouteTally;
  readonly #clock: Clock;
  readonly #inUse: () => InUse;
  readonly #slots: SlotCount;
  readonly #timer: Timer;
  /** By index. */
  readonly #upstreams: (UpstreamCounts | undefined)[] = [];
  readonly #byName = new Map<string, UpstreamCounts>();
  readonly #routes = new Map<string, RouteRows>();
  readonly #routesGoneAtMs = new Map<string, number>();
  readonly #unroutedRows = new RouteRows('', '');
  readonly #refusedHeads = new Map<string, number>();
  #largeCount = 0;

  constructor(clock: Clock, inUse: () => InUse) {
    this.#clock = clock;
    this.#inUse = inUse;
    this.#slots = new SlotCount(clock.monotonic());
    this.#timer = clock.every(SLOT_MS, () => this.#tick());
    this.unrouted = new RouteCounter(this.#unroutedRows, this.#upstreams, [], () => '');
  }

  upstream(pool: string, id: string): UpstreamCounts {
    const name = `${pool}\n${id}`;
    let counts = this.#byName.get(name);
    if (counts === undefined) {
      const free = this.#upstreams.indexOf(undefined);
      const index = free === -1 ? this.#upstreams.length : free;
      counts = new UpstreamCounts(pool, id, index, () => this.#makeCells());
      this.#upstreams[index] = counts;
      this.#byName.set(name, counts);
    }
    return counts;
  }

  route(route: string, pool: string, rules: readonly Rule[], ruleName: (rule: Rule) => string): RouteTally {
    const name = `${route}\n${pool}`;
    let rows = this.#routes.get(name);
    if (rows === undefined) this.#routes.set(name, (rows = new RouteRows(route, pool)));
    return new RouteCounter(rows, this.#upstreams, rules, ruleName);
  }

  refused({ code, status }: RefusedHead): void {
    const name = this.#refusedHeads.size < REASONS_MAX || this.#refusedHeads.has(code) ? code : 'other';
    this.#refusedHeads.set(name, (this.#refusedHeads.get(name) ?? 0) + 1);
    countRefused(this.#unroutedRows.withoutUpstream.numbers, status);
  }

  /** What is gone is forgotten after a while: a gateway whose upstreams come and go must not grow. */
  #forgetGone(): void {
    const { routes, pools } = this.#inUse();
    const now = this.#clock.monotonic();
    const inUse = new Set(routes.map(({ name, pool }) => `${name}\n${pool}`));
    for (const name of this.#routes.keys()) {
      const goneAtMs = this.#routesGoneAtMs.get(name) ?? now;
      if (inUse.has(name)) this.#routesGoneAtMs.delete(name);
      else this.#routesGoneAtMs.set(name, goneAtMs);
      if (inUse.has(name) || now - goneAtMs < SHOWN_MS) continue;
      this.#routes.delete(name);
      this.#routesGoneAtMs.delete(name);
    }
    const members = new Set(
      [...pools].flatMap(([pool, upstreams]) => upstreams.map(({ id }) => `${pool}\n${id}`)),
    );
    for (const [name, counts] of this.#byName) {
      counts.goneAtMs = members.has(name) ? undefined : (counts.goneAtMs ?? now);
      if (counts.goneAtMs === undefined || counts.requestsInProgress > 0) continue;
      if (now - counts.goneAtMs >= SHOWN_MS) this.#forget(name, counts);
    }
  }

  /** `withUsers`: a look at each cell of each upstream, 50 µs for one with many users. */
  read(withUsers: boolean): Tallied {
    const all = [this.#unroutedRows, ...this.#routes.values()];
    return {
      requests: all.flatMap((rows) => requestRowsOf(rows)),
      misses: all.flatMap(({ route, misses }) =>
        [...misses].flatMap(([rule, numbers]) => counted(numbers).map((each) => ({ route, rule, ...each }))),
      ),
      moves: all.flatMap(({ route, moves, rehomes }) => [
        ...counted(moves).map((each) => ({ route, outcome: 'moved' as const, ...each })),
        ...counted(rehomes).map((each) => ({ route, outcome: 'rehomed' as const, ...each })),
      ]),
      upstreams: [...this.#byName.values()].map((counts) =>
        upstreamRowOf(counts, withUsers, this.#clock.now()),
      ),
      refusedHeads: Object.fromEntries(this.#refusedHeads),
    };
  }

  stop(): void {
    this.#timer.stop();
  }

  #makeCells(): UserCells {
    const isLarge = this.#largeCount < LARGE_MAX;
    if (isLarge) this.#largeCount++;
    return new UserCells(this.#slots, isLarge ? CELLS : CELLS_OF_MANY);
  }

  #forget(name: string, counts: UpstreamCounts): void {
    this.#byName.delete(name);
    this.#upstreams[counts.index] = undefined;
    for (const { rows } of this.#routes.values()) delete rows[counts.index];
    if (counts.cells?.size === CELLS) this.#largeCount--;
  }

  /** A process may have stood still, so a tick may stand for many slots. */
  #tick(): void {
    const before = this.#slots.number;
    const passed = this.#slots.advance(this.#clock.monotonic());
    if (passed === 0) return;
    this.#forgetGone();
    for (const counts of this.#byName.values())
      if (passed > 1 || counts.index % FORGET_SLOTS === this.#slots.slot % FORGET_SLOTS)
        counts.cells?.forget(before, passed);
  }
}

function requestRowsOf({ route, pool, rows, withoutUpstream }: RouteRows): RequestRow[] {
  return [withoutUpstream, ...rows].flatMap((row) =>
    row === undefined
      ? []
      : [{ route, pool, upstream: row.upstream?.id ?? '', numbers: row.numbers.slice() }],
  );
}

function counted(numbers: Float64Array): { readonly why: (typeof WHYS)[number]; readonly count: number }[] {
  return WHYS.map((why, at) => ({ why, count: numbers[at]! })).filter(({ count }) => count > 0);
}

function upstreamRowOf(counts: UpstreamCounts, withUsers: boolean, nowMs: number): UpstreamRow {
  const { pool, id, tries, connections, faults, requestsInProgress, tunnels, cells } = counts;
  const seen = withUsers ? cells?.read() : undefined;
  return {
    pool,
    id,
    tries,
    connections,
    faults: Object.fromEntries(faults),
    requestsInProgress,
    tunnels,
    users: seen === undefined ? [] : [seen],
    left: counts.leavers === undefined ? [] : [counts.leavers.read(nowMs)],
  };
}
