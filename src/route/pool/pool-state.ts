import { StickyError } from '../../base/errors.js';
import type { Placement } from '../placement/placement.js';
import type { Sweep } from '../sweep.js';
import type { CreatePlacement } from './pool-options.js';
import type { Members, PoolEvent, UpstreamName } from './pool-event.js';
import type { Condition, PoolSnapshot } from './snapshot.js';
import { firstStanding, isSameStanding, type Standing } from './standing.js';
import { membersOf, type Upstream, UPSTREAM_FIELDS } from './upstream.js';

/**
 * What events have made of a pool: its current snapshot and nothing else. A pool that judges health itself
 * and a pool in a worker both stand on this, so the same events lead to the same snapshot in both.
 */
export class PoolState {
  #snapshot: Snapshot;
  /** By id: also of those that are about to join. */
  readonly #ramps = new Map<string, { readonly url: string; readonly ramp: Sweep }>();

  constructor({ upstreams, standings }: Members, placement: CreatePlacement) {
    const indexes = indexesOf(upstreams);
    this.#snapshot = new Snapshot(1, {
      upstreams,
      conditions: upstreams.map(() => 'up'),
      awaySince: upstreams.map(() => 0),
      standings: standings ?? upstreams.map(firstStanding),
      ramps: undefined,
      placement: placement(membersOf(upstreams)),
      indexes,
    });
  }

  get snapshot(): PoolSnapshot {
    return this.#snapshot;
  }

  /** True when the pool has an upstream of this id at this URL. */
  has({ id, url }: UpstreamName): boolean {
    return this.#indexOf(id, url) !== undefined;
  }

  /**
   * Answers whether the snapshot is a new one. `placed`: the placement of new members, when it has been built
   * already, so that whatever can fail in a reload fails before anything changes.
   */
  apply(event: PoolEvent, placed?: Placement): boolean {
    if (event.kind === 'members') return this.#setMembers(event, placed);
    if (event.kind === 'ramp') this.#ramps.set(event.id, event);
    const index = this.#indexOf(event.id, event.url);
    if (index === undefined) return false;
    const now = this.#snapshot;
    if (event.kind === 'condition') {
      const { condition, awaySince } = event;
      const since = condition === 'up' ? 0 : (awaySince ?? now.awaySince[index]!);
      if (now.conditions[index] === condition && now.awaySince[index] === since) return false;
      this.#renew({
        ...now.parts,
        conditions: now.conditions.with(index, condition),
        awaySince: now.awaySince.with(index, since),
      });
    } else if (event.kind === 'ramp') this.#renew({ ...now.parts, ramps: this.#rampsOf(now.upstreams) });
    else {
      if (isSameStanding(now.standings[index]!, event.standing)) return false;
      this.#renew({ ...now.parts, standings: now.standings.with(index, event.standing) });
    }
    return true;
  }

  #setMembers({ upstreams, standings: wanted }: Members, placed: Placement | undefined): boolean {
    const { parts: before } = this.#snapshot;
    const standings = wanted ?? upstreams.map(firstStanding);
    const isSamePlacement = placed === undefined || placed === before.placement;
    const areSame = isSame(before.upstreams, upstreams);
    if (isSamePlacement && areSame && isSameList(before.standings, standings, isSameStanding)) return false;
    const indexes = indexesOf(upstreams);
    const placement =
      placed ?? (areSame ? before.placement : before.placement.withMembers(membersOf(upstreams)));
    const places = upstreams.map(({ id, url }) => this.#indexOf(id, url));
    for (const id of this.#ramps.keys()) if (!indexes.has(id)) this.#ramps.delete(id);
    this.#renew({
      upstreams,
      conditions: places.map((index) => (index === undefined ? 'up' : before.conditions[index]!)),
      awaySince: places.map((index) => (index === undefined ? 0 : before.awaySince[index]!)),
      standings,
      ramps: this.#rampsOf(upstreams),
      placement,
      indexes,
    });
    return true;
  }

  #rampsOf(upstreams: readonly Upstream[]): readonly (Sweep | undefined)[] | undefined {
    if (this.#ramps.size === 0) return undefined;
    return upstreams.map(({ id, url }) => {
      const kept = this.#ramps.get(id);
      return kept?.url === url ? kept.ramp : undefined;
    });
  }

  #indexOf(id: string, url: string): number | undefined {
    const index = this.#snapshot.indexOf(id);
    return index !== undefined && this.#snapshot.upstreams[index]!.url === url ? index : undefined;
  }

  #renew(parts: Parts): void {
    this.#snapshot = new Snapshot(this.#snapshot.version + 1, parts);
  }
}

interface Parts {
  readonly upstreams: readonly Upstream[];
  readonly conditions: readonly Condition[];
  readonly awaySince: readonly number[];
  readonly standings: readonly Standing[];
  readonly ramps: readonly (Sweep | undefined)[] | undefined;
  readonly placement: Placement;
  readonly indexes: ReadonlyMap<string, number>;
}

class Snapshot implements PoolSnapshot {
  readonly version: number;
  readonly upstreams: readonly Upstream[];
  readonly conditions: readonly Condition[];
  readonly awaySince: readonly number[];
  readonly standings: readonly Standing[];
  readonly ramps: readonly (Sweep | undefined)[] | undefined;
  readonly placement: Placement;
  readonly parts: Parts;

  constructor(version: number, parts: Parts) {
    this.version = version;
    this.upstreams = parts.upstreams;
    this.conditions = parts.conditions;
    this.awaySince = parts.awaySince;
    this.standings = parts.standings;
    this.ramps = parts.ramps;
    this.placement = parts.placement;
    this.parts = parts;
  }

  indexOf(id: string): number | undefined {
    return this.parts.indexes.get(id);
  }
}

function indexesOf(upstreams: readonly Upstream[]): ReadonlyMap<string, number> {
  const indexes = new Map(upstreams.map(({ id }, index) => [id, index]));
  if (indexes.size === upstreams.length) return indexes;
  const twice = upstreams.find(({ id }, index) => indexes.get(id) !== index)!;
  throw new StickyError(
    'STICKY_POOL_INVALID',
    `The pool has two upstreams with the id "${twice.id}": give each an id of its own.`,
  );
}

function isSame(before: readonly Upstream[], after: readonly Upstream[]): boolean {
  return (
    before.length === after.length &&
    before.every((one, index) => {
      const other = after[index]!;
      return UPSTREAM_FIELDS.every((field) =>
        field === 'standing'
          ? isSameStanding(firstStanding(one), firstStanding(other))
          : one[field] === other[field],
      );
    })
  );
}

function isSameList<T>(
  before: readonly T[],
  after: readonly T[],
  isSame: (one: T, other: T) => boolean,
): boolean {
  return before.length === after.length && before.every((one, index) => isSame(one, after[index]!));
}
