import { fullHash } from '../hash/full-hash.js';
import { Circle, point, pointOwner } from './circle.js';
import { haproxyHash, type HaproxyHash, type HaproxyHashOptions } from './haproxy-hash.js';
import { haproxyNodeKeys, type HaproxyNodeKey } from './haproxy-node-keys.js';
import { checkMembers, checkWholeWeights, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

/** HAProxy takes no greater one. */
export const HAPROXY_WEIGHT_MAX = 256;
const NODES_PER_WEIGHT = 16;

export interface HaproxyNodesOptions extends HaproxyHashOptions {
  /** `hash-key`; `id` unless set. */
  readonly key?: HaproxyNodeKey | undefined;
}

/**
 * `hash-type consistent` of HAProxy (src/lb_chash.c): 16 nodes on a circle for each unit of weight, and a key
 * belongs to the node nearest to its hash, on either side. Those that are away have no nodes.
 */
export class HaproxyNodes implements Placement {
  readonly name = 'haproxyConsistent';
  readonly members: readonly Member[];
  readonly #options: HaproxyNodesOptions;
  readonly #hash: HaproxyHash;
  /** Of all members, unsorted: `among` takes from it. */
  readonly #points: Float64Array;
  readonly #circle: Circle;
  readonly #usable: number;

  constructor(
    members: readonly Member[],
    options: HaproxyNodesOptions,
    previous?: { readonly points: Float64Array; readonly isUsable: readonly boolean[] },
  ) {
    checkMembers(members);
    checkWholeWeights(members, HAPROXY_WEIGHT_MAX, 'HAProxy');
    this.members = members;
    this.#options = options;
    // As in HAProxy, naming a function takes back the avalanche that goes without saying.
    this.#hash = haproxyHash({ ...options, avalanche: options.avalanche ?? options.hash === undefined });
    this.#points = previous?.points ?? allPoints(members, options.key ?? 'id');
    const isUsable = previous?.isUsable;
    this.#circle = new Circle(
      isUsable === undefined
        ? this.#points.slice()
        : this.#points.filter((made) => isUsable[pointOwner(made)]),
    );
    this.#usable = isUsable === undefined ? members.length : isUsable.filter(Boolean).length;
  }

  owner(key: string): number {
    const hash = this.#hash(key);
    return hash === undefined || this.#usable === 0 ? -1 : this.#circle.owners[this.#nearest(hash)]!;
  }

  /** Onwards from the nearest node, as HAProxy goes on when it avoids the upstream of a failed try. */
  rank(key: string): ArrayLike<number> {
    const hash = this.#hash(key);
    if (hash === undefined || this.#usable === 0) return [];
    const ranked: number[] = [];
    const { owners, size } = this.#circle;
    for (let at = this.#nearest(hash); ranked.length < this.#usable; at = at + 1 < size ? at + 1 : 0) {
      if (!ranked.includes(owners[at]!)) ranked.push(owners[at]!);
    }
    return ranked;
  }

  withMembers(members: readonly Member[]): HaproxyNodes {
    return this.#usable === this.members.length && isSameMembers(this.members, members)
      ? this
      : new HaproxyNodes(members, this.#options);
  }

  among(isUsable: (index: number) => boolean): HaproxyNodes {
    return new HaproxyNodes(this.members, this.#options, {
      points: this.#points,
      isUsable: this.members.map((_, index) => isUsable(index)),
    });
  }

  #nearest(hash: number): number {
    const circle = this.#circle;
    const { size } = circle;
    const found = circle.from(hash);
    const next = found === size ? 0 : found;
    const previous = next === 0 ? size - 1 : next - 1;
    return (hash - circle.hash(previous)) >>> 0 <= (circle.hash(next) - hash) >>> 0 ? previous : next;
  }
}

function allPoints(members: readonly Member[], key: HaproxyNodeKey): Float64Array {
  const points = new Float64Array(members.reduce((sum, { weight }) => sum + weight * NODES_PER_WEIGHT, 0));
  const keys = haproxyNodeKeys(members, key);
  let put = 0;
  members.forEach(({ weight }, index) => {
    for (let node = 0; node < weight * NODES_PER_WEIGHT; node++)
      points[put++] = point(fullHash(keys[index]! + node), index);
  });
  return points;
}
