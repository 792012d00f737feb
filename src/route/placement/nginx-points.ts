import { crc32, crc32More, crc32MoreWord } from '../hash/crc32.js';
import { Circle, point, pointHash } from './circle.js';
import { checkAddresses, memberAddress } from './member-address.js';
import { checkMembers, checkWholeWeights, invalidPlacement, isSameMembers } from './members.js';
import { NGINX_DRAWS_MAX, NGINX_WEIGHT_MAX } from './nginx-draws.js';
import type { Member, Placement } from './placement.js';

const POINTS_PER_WEIGHT = 160;
const POINTS_TOTAL_MAX = 2 ** 22;

/**
 * `hash … consistent` of nginx, which is Cache::Memcached::Fast's: 160 points for each unit of weight, each
 * the hash of the one before. A key belongs to the first point at or after its own; those that are away keep
 * their points, and the walk over them ends after 20.
 */
export class NginxPoints implements Placement {
  readonly name = 'nginxConsistent';
  readonly members: readonly Member[];
  readonly #circle: Circle;
  readonly #isUsable: readonly boolean[];
  readonly #usable: number;

  constructor(
    members: readonly Member[],
    previous?: { readonly circle: Circle; readonly isUsable: readonly boolean[] },
  ) {
    checkMembers(members);
    checkWholeWeights(members, NGINX_WEIGHT_MAX, 'nginx');
    this.members = members;
    this.#circle = previous?.circle ?? circle(members);
    this.#isUsable = previous?.isUsable ?? members.map(() => true);
    this.#usable = this.#isUsable.filter(Boolean).length;
  }

  owner(key: string): number {
    if (this.members.length < 2) return this.#usable - 1;
    if (key === '') return -1;
    const { owners, size } = this.#circle;
    const start = this.#circle.from(crc32(key));
    for (let at = start; at < start + NGINX_DRAWS_MAX; at++) {
      const index = owners[at % size]!;
      if (this.#isUsable[index]!) return index;
    }
    return -1;
  }

  /**
   * After a failed try nginx goes on at the point where it was, so that what was named costs no try but its
   * further points do.
   */
  rank(key: string): ArrayLike<number> {
    if (this.members.length < 2) return this.#usable === 0 ? [] : [0];
    const ranked: number[] = [];
    if (key === '') return ranked;
    const { owners, size } = this.#circle;
    const start = this.#circle.from(crc32(key));
    for (let at = start; at < start + NGINX_DRAWS_MAX && ranked.length < this.#usable; at++) {
      const index = owners[at % size]!;
      if (this.#isUsable[index]! && !ranked.includes(index)) ranked.push(index);
    }
    return ranked;
  }

  withMembers(members: readonly Member[]): NginxPoints {
    return this.#usable === this.members.length && isSameMembers(this.members, members)
      ? this
      : new NginxPoints(members);
  }

  among(isUsable: (index: number) => boolean): NginxPoints {
    return new NginxPoints(this.members, {
      circle: this.#circle,
      isUsable: this.members.map((_, index) => isUsable(index)),
    });
  }
}

function circle(members: readonly Member[]): Circle {
  const count = members.reduce((sum, { weight }) => sum + weight * POINTS_PER_WEIGHT, 0);
  if (count > POINTS_TOTAL_MAX) {
    throw invalidPlacement(
      `nginx would make ${count} points of these weights, ${POINTS_PER_WEIGHT} for each unit; at most ${POINTS_TOTAL_MAX} are made here: lower the weights.`,
    );
  }
  checkAddresses(members, 'nginx would take turns between them');
  const points = new Float64Array(count);
  let put = 0;
  members.forEach((member, index) => {
    const base = nameState(memberAddress(member));
    let hash = 0;
    for (let left = member.weight * POINTS_PER_WEIGHT; left > 0; left--) {
      hash = ~crc32MoreWord(hash, base);
      points[put++] = point(hash, index);
    }
  });
  points.sort();
  // Of points that meet, nginx keeps one: that of the first in the configuration, where the C library's qsort
  // is a stable one.
  let kept = 0;
  for (let at = 0; at < count; at++) {
    if (kept === 0 || pointHash(points[at]!) !== pointHash(points[kept - 1]!)) points[kept++] = points[at]!;
  }
  return new Circle(points.subarray(0, kept));
}

/**
 * Host, a zero byte, port, as nginx takes a name apart: at its last colon where only digits follow; `unix:`
 * in front goes. Not yet finished.
 */
function nameState(name: string): number {
  const colon = /:\d*$/.exec(name)?.index;
  if (/^unix:/i.test(name)) return crc32More(`${name.slice(5)}\0`, -1);
  if (colon === undefined) return crc32More(`${name}\0`, -1);
  return crc32More(`${name.slice(0, colon)}\0${name.slice(colon + 1)}`, -1);
}
