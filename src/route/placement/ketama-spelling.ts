import { distinctNames } from './distinct-names.js';
import { memberAddress } from './member-address.js';
import { checkMembers, checkWholeWeights, invalidPlacement } from './members.js';
import type { Member } from './placement.js';

/**
 * How the points of an upstream are named and counted, and what happens while it is down: where the programs
 * of the ketama family differ.
 */
export interface KetamaSpelling {
  /** What it is called in messages. */
  readonly balancer: string;
  nameOf(member: Member): string;
  /** For each weight, how many digests of four points each. */
  digestCounts(weights: readonly number[]): number[];
  /**
   * twemproxy with `auto_eject_hosts` makes a new ring of those that are left. The others keep the ring as it
   * is.
   */
  readonly isRemade: boolean;
  /** spymemcached does not go along the ring from a key whose upstream is down, but to other points of it. */
  readonly leaps: boolean;
  /** Where two points meet: true when the later upstream has it, as in a map that is written to twice. */
  readonly isLastFirst: boolean;
}

const DIGESTS = 40;
const MEMCACHED_PORT = ':11211';
const WEIGHT_SUM_MAX = 2 ** 31 - 1;
/** What `read_server_line` of libketama takes; a longer one is an error there. */
const LIBKETAMA_NAME_MAX = 23;

const { fround } = Math;

const libketama: KetamaSpelling = {
  balancer: 'libketama',
  nameOf(member) {
    const name = memberAddress(member);
    if (name.length > LIBKETAMA_NAME_MAX)
      throw invalidPlacement(
        `Upstream "${member.id}" is "${name}" to libketama, which takes at most ${LIBKETAMA_NAME_MAX} characters: give it a shorter \`address\`.`,
      );
    return name;
  },
  // libketama/ketama.c, ketama_create_continuum: a quotient of floats, a product of doubles, rounded to a
  // float before it is cut.
  digestCounts: (weights) =>
    shares(weights).map((share) => Math.floor(fround(share * DIGESTS * weights.length))),
  isRemade: false,
  leaps: false,
  isLastFirst: false,
};

const twemproxy: KetamaSpelling = {
  balancer: 'twemproxy',
  nameOf: (member) => withoutMemcachedPort(memberAddress(member)),
  digestCounts: floatDigestCounts,
  isRemade: true,
  leaps: false,
  isLastFirst: false,
};

const spymemcached: KetamaSpelling = {
  balancer: 'spymemcached',
  nameOf: memberAddress,
  // KetamaNodeLocator.setKetamaNodes: without a map of weights, forty each; the formula for weights may come
  // to 39 for equal ones.
  digestCounts: (weights) =>
    weights.every((weight) => weight === 1) ? weights.map(() => DIGESTS) : floatDigestCounts(weights),
  isRemade: false,
  leaps: true,
  isLastFirst: true,
};

export const SPELLINGS = {
  libketama,
  twemproxy,
  spymemcached,
  /** spymemcached with `KetamaNodeKeyFormatter.Format.LIBMEMCACHED`. */
  spymemcachedLibmemcached: { ...spymemcached, nameOf: twemproxy.nameOf },
} satisfies Record<string, KetamaSpelling>;

export type KetamaSpellingName = keyof typeof SPELLINGS;
export const SPELLING_NAMES = Object.keys(SPELLINGS) as KetamaSpellingName[];

/** Throws unless the program would take these; answers what it calls each. */
export function ketamaNames(members: readonly Member[], { balancer, nameOf }: KetamaSpelling): string[] {
  checkMembers(members);
  checkWholeWeights(members, WEIGHT_SUM_MAX, balancer);
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  if (sum > WEIGHT_SUM_MAX)
    throw invalidPlacement(
      `The weights make ${sum} in all, and ${balancer} takes ${WEIGHT_SUM_MAX} at most: divide them by a common factor.`,
    );
  return distinctNames(members, nameOf, balancer);
}

function shares(weights: readonly number[]): number[] {
  const sum = fround(weights.reduce((total, weight) => total + weight, 0));
  return weights.map((weight) => fround(fround(weight) / sum));
}

/**
 * twemproxy's nc_ketama.c, and spymemcached after it: products of floats, a sum of doubles, rounded to a
 * float before it is cut.
 */
function floatDigestCounts(weights: readonly number[]): number[] {
  const points = 4 * DIGESTS;
  return shares(weights).map((share) =>
    Math.floor(fround(fround((fround(share * points) / 4) * weights.length) + 1e-10)),
  );
}

/** For the sake of libmemcached, which never wrote its default port. */
function withoutMemcachedPort(name: string): string {
  return name.endsWith(MEMCACHED_PORT) ? name.slice(0, -MEMCACHED_PORT.length) : name;
}
