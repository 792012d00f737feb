import { toByteString } from '../../base/framed-key.js';
import { checkNames } from '../../base/options.js';
import { xxh32, xxh32Text } from '../hash/xxh32.js';
import { CADDY_VERSION_DEFAULT, CaddyContest } from './caddy-contest.js';
import { ENVOY_RING_DEFAULTS, EnvoyRing, type EnvoyRingOptions } from './envoy-ring.js';
import { ENVOY_TABLE_DEFAULTS, EnvoyTable, type EnvoyTableOptions } from './envoy-table.js';
import type { HaproxyHashOptions } from './haproxy-hash.js';
import { HaproxyNodes, type HaproxyNodesOptions } from './haproxy-nodes.js';
import { HaproxySlots } from './haproxy-slots.js';
import type { HashedPlacement } from './hashed-placement.js';
import { KETAMA_DEFAULTS, type KetamaOptions, KetamaRing } from './ketama-ring.js';
import { MaglevTable, TABLE_SIZE_DEFAULT } from './maglev-table.js';
import { invalidPlacement } from './members.js';
import { AddressDraws, KeyDraws, NginxDraws } from './nginx-draws.js';
import { NginxPoints } from './nginx-points.js';
import type { Member, Placement } from './placement.js';
import { POINTS_DEFAULT, PointRing } from './point-ring.js';
import { SLOTS_DEFAULT, SlotTable } from './slot-table.js';
import { TraefikContest } from './traefik-contest.js';

/**
 * An upstream by its id, with its share where that isn't 1, and what another balancer's configuration says of
 * it where that matters.
 */
export type MemberInput = string | (Omit<Member, 'weight'> & { readonly weight?: number | undefined });

/** Text, or bytes; a text and its UTF-8 bytes are the same key. */
export type Key = string | Uint8Array;

/**
 * Weighted rendezvous hashing, even and with no needless move: the default. `slots`: a power of two, 2^20
 * unless set.
 */
export function rendezvous(
  members: readonly MemberInput[],
  options: { readonly slots?: number | undefined } = {},
): Placed {
  check(options, { slots: 1 }, 'rendezvous');
  return new Placed(new SlotTable(toMembers(members), options.slots ?? SLOTS_DEFAULT));
}

/** A ring of virtual points, for many small pools. `points`: of an upstream of weight 1, 1000 unless set. */
export function ring(
  members: readonly MemberInput[],
  options: { readonly points?: number | undefined } = {},
): Placed {
  check(options, { points: 1 }, 'ring');
  return new Placed(new PointRing(toMembers(members), options.points ?? POINTS_DEFAULT));
}

/**
 * Google's Maglev table, the evenest, which moves a few keys more on a change. `tableSize`: a prime, 65537
 * unless set.
 */
export function maglev(
  members: readonly MemberInput[],
  options: { readonly tableSize?: number | undefined } = {},
): Placed {
  check(options, { tableSize: 1 }, 'maglev');
  return new Placed(new MaglevTable(toMembers(members), options.tableSize ?? TABLE_SIZE_DEFAULT));
}

/** As nginx's `ip_hash` does. Members in the order of its configuration; keys are addresses. */
export function nginxIpHash(members: readonly MemberInput[]): Placed {
  return new Placed(new NginxDraws('nginxIpHash', toMembers(members), new AddressDraws()));
}

/** As nginx's `hash KEY` does. Members in the order of its configuration. */
export function nginxHash(members: readonly MemberInput[]): Placed {
  return new Placed(new NginxDraws('nginxHash', toMembers(members), new KeyDraws()));
}

/**
 * As nginx's `hash KEY consistent` does. What nginx's configuration calls a member is its `address`, or else
 * its id.
 */
export function nginxConsistent(members: readonly MemberInput[]): Placed {
  return new Placed(new NginxPoints(toMembers(members)));
}

/** As HAProxy's `hash-type consistent` does: by `number`, or else by position in its configuration. */
export function haproxyConsistent(
  members: readonly MemberInput[],
  options: HaproxyNodesOptions = {},
): Placed {
  check(options, { hash: 1, avalanche: 1, source: 1, key: 1 }, 'haproxyConsistent');
  return new Placed(new HaproxyNodes(toMembers(members), options));
}

/** As HAProxy's `hash-type map-based` does. Members in the order of its configuration. */
export function haproxyMap(members: readonly MemberInput[], options: HaproxyHashOptions = {}): Placed {
  check(options, { hash: 1, avalanche: 1, source: 1 }, 'haproxyMap');
  return new Placed(new HaproxySlots(toMembers(members), options));
}

/**
 * As Caddy's hash policies do. What Caddy dials is a member's `address`, or else its id. `version`: Caddy's,
 * 2.8 or later unless set.
 */
export function caddyHrw(
  members: readonly MemberInput[],
  options: { readonly version?: string | undefined } = {},
): Placed {
  check(options, { version: 1 }, 'caddyHrw');
  return new Placed(new CaddyContest(toMembers(members), options.version ?? CADDY_VERSION_DEFAULT));
}

/**
 * As Envoy's ring hash does. Members in the order of its configuration; what it hashes of a member is its
 * `address`, or else its id.
 */
export function envoyRingHash(
  members: readonly MemberInput[],
  options: Partial<EnvoyRingOptions> = {},
): Placed {
  check(options, ENVOY_RING_DEFAULTS, 'envoyRingHash');
  return new Placed(new EnvoyRing(toMembers(members), { ...ENVOY_RING_DEFAULTS, ...options }));
}

/** As Envoy's Maglev does. What it hashes of a member is its `address`, or else its id. */
export function envoyMaglev(
  members: readonly MemberInput[],
  options: Partial<EnvoyTableOptions> = {},
): Placed {
  check(options, ENVOY_TABLE_DEFAULTS, 'envoyMaglev');
  return new Placed(new EnvoyTable(toMembers(members), { ...ENVOY_TABLE_DEFAULTS, ...options }));
}

/**
 * As the ketama of libketama, twemproxy or spymemcached does: `spelling`. What it calls a member is its
 * `address`, or else its id.
 */
export function ketamaMd5(members: readonly MemberInput[], options: Partial<KetamaOptions> = {}): Placed {
  check(options, KETAMA_DEFAULTS, 'ketamaMd5');
  return new Placed(new KetamaRing(toMembers(members), { ...KETAMA_DEFAULTS, ...options }));
}

/**
 * As Traefik's `strategy: hrw` does. A member's `address`, `url` or id, the first of them that is there, is
 * the server's URL as Traefik's configuration has it; keys are addresses.
 */
export function traefikHrw(members: readonly MemberInput[]): Placed {
  return new Placed(new TraefikContest(toMembers(members)));
}

/**
 * Keys placed over a set of upstreams. Immutable: `add`, `remove` and `among` answer a new one and leave this
 * one as it was.
 */
export class Placed {
  readonly #placement: Placement;
  /**
   * The same where it takes hashes: a text is then hashed as it stands, and needs not become a byte string
   * first.
   */
  readonly #hashed: HashedPlacement | undefined;
  /** Who is passed over, where the placement itself doesn't want to know. */
  readonly #isUsable: readonly boolean[] | undefined;

  constructor(placement: Placement, isUsable?: readonly boolean[]) {
    this.#placement = placement;
    this.#hashed = 'ownerOfHash' in placement ? (placement as HashedPlacement) : undefined;
    this.#isUsable = isUsable;
  }

  get members(): readonly Member[] {
    return this.#placement.members;
  }

  /**
   * The id of the key's upstream; undefined when there is none, and when the balancer that it agrees with
   * would balance the key.
   */
  get(key: Key): string | undefined {
    const owner =
      this.#hashed === undefined
        ? this.#placement.owner(bytesOf(key))
        : this.#hashed.ownerOfHash(hashOf(key));
    if (this.#isUsable?.[owner] === false) return this.candidates(key, 1)[0];
    return this.#placement.members[owner]?.id;
  }

  /** Ids best first, each once: the key's upstream, then its backups in order. */
  candidates(key: Key, limit = Infinity): string[] {
    if (typeof limit !== 'number' || !(limit >= 0))
      throw invalidPlacement('`limit` must be a number from 0.');
    // Who is away may stand among the best few: then all are ranked.
    const atMost = this.#isUsable === undefined ? limit : undefined;
    const ranked =
      this.#hashed === undefined
        ? this.#placement.rank(bytesOf(key), atMost)
        : this.#hashed.rankOfHash(hashOf(key), atMost);
    const ids: string[] = [];
    for (let i = 0; i < ranked.length && ids.length < limit; i++) {
      const index = ranked[i]!;
      if (this.#isUsable === undefined || this.#isUsable[index]!) ids.push(this.members[index]!.id);
    }
    return ids;
  }

  /**
   * The same with one upstream more. Keys move to it, and nowhere else (Maglev: hardly anywhere else). All
   * are usable again.
   */
  add(member: MemberInput): Placed {
    return new Placed(this.#placement.withMembers([...this.members, toMember(member)]));
  }

  /**
   * The same without one upstream. Its keys move, each to its next candidate, and no others (Maglev: hardly
   * any others). All are usable again.
   */
  remove(id: string): Placed {
    const left = this.members.filter((member) => member.id !== id);
    if (left.length === this.members.length)
      throw invalidPlacement(`There is no upstream "${id}" to remove; \`members\` lists those there are.`);
    return new Placed(this.#placement.withMembers(left));
  }

  /**
   * The same while only these can be used: nobody else moves, unless the balancer that it agrees with moves
   * them. An earlier `among` no longer counts.
   */
  among(isUsable: (id: string) => boolean): Placed {
    if (typeof isUsable !== 'function')
      throw invalidPlacement('`among` takes a function that says whether an id can be used.');
    const usable = this.members.map(({ id }) => isUsable(id));
    const { among } = this.#placement;
    return among === undefined
      ? new Placed(this.#placement, usable)
      : new Placed(among.call(this.#placement, (index) => usable[index]!));
  }
}

function check(options: unknown, names: object, what: string): void {
  checkNames(options, names, `The options of ${what}`, 'STICKY_PLACEMENT_INVALID');
}

function toMembers(inputs: readonly MemberInput[]): Member[] {
  if (!Array.isArray(inputs))
    throw invalidPlacement("The upstreams must be a list, such as ['api-1', 'api-2'].");
  return (inputs as readonly MemberInput[]).map(toMember);
}

function toMember(input: MemberInput): Member {
  if (typeof input === 'string') return { id: input, weight: 1 };
  if (typeof input === 'object' && input !== null) return { ...input, weight: input.weight ?? 1 };
  throw invalidPlacement("An upstream is its id, or an object such as { id: 'api-1', weight: 2 }.");
}

function hashOf(key: Key): number {
  return typeof key === 'string' ? xxh32Text(key) : xxh32(bytesOf(key));
}

/** A number would be hashed as another balancer does not. */
function bytesOf(key: Key): string {
  if (typeof key === 'string' || key instanceof Uint8Array) return toByteString(key);
  throw invalidPlacement('A key must be text or a Uint8Array. Write a number as text: String(id).');
}
