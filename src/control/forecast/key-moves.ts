import { formatAddress } from '../../route/address.js';
import { mix32 } from '../../route/hash/mix32.js';
import { plainFacts } from '../../route/plain-facts.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import { percent } from './percent.js';
import type { SampledRule } from './outlook.js';

/** Keys that are drawn for a route: a share is then exact to one per cent, in 19 of 20 cases. */
export const KEYS_DRAWN = 10_000;
/** Flows that an answer names at most. */
const FLOWS_MAX = 100;
const FLOWS_TOLD = 3;

/** Keys that leave one upstream for another; an id is undefined where the balance chooses. */
export interface KeyFlow {
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Of all keys, from 0 to 1. */
  readonly share: number;
}

export interface KeyMoves {
  readonly share: number;
  /** The greatest first, at most 100. */
  readonly flows: readonly KeyFlow[];
  readonly flowCount: number;
}

/** How the keys of a user are had, before and after. */
export interface KeysOf {
  readonly before: SampledRule;
  readonly after: SampledRule;
}

/**
 * Which share of users belongs elsewhere by their keys. The same keys are drawn each time, so the answer is
 * the same each time. Health is left out: whoever is away now may be back before the change.
 */
export function keyMoves(
  before: PoolSnapshot,
  after: PoolSnapshot,
  rules: KeysOf,
  isSamePool: boolean,
): KeyMoves {
  const [beforeOf, afterOf] = [ownersOf(before), ownersOf(after)];
  const counts = new Map<string, { from: number; to: number; keys: number }>();
  const isSameRule = rules.before.label === rules.after.label;
  let moved = 0;
  for (let at = 0; at < KEYS_DRAWN; at++) {
    const from = beforeOf(keyOf(rules.before, at, 'user'));
    const to = afterOf(keyOf(rules.after, at, isSameRule ? 'user' : 'other'));
    const [one, other] = [before.upstreams[from], after.upstreams[to]];
    // Another pool may have another instance under the same id.
    if (one?.id === other?.id && (isSamePool || one?.url === other?.url)) continue;
    moved++;
    const flow = counts.get(`${from} ${to}`);
    if (flow === undefined) counts.set(`${from} ${to}`, { from, to, keys: 1 });
    else flow.keys++;
  }
  const flows = [...counts.values()]
    .sort((a, b) => b.keys - a.keys || a.from - b.from || a.to - b.to)
    .map(({ from, to, keys }) => ({
      from: before.upstreams[from]?.id,
      to: after.upstreams[to]?.id,
      share: keys / KEYS_DRAWN,
    }));
  return { share: moved / KEYS_DRAWN, flows: flows.slice(0, FLOWS_MAX), flowCount: flows.length };
}

/** `25.2 % of keys move, all of them to api-4` */
export function keyMovesText({ share, flows, flowCount }: KeyMoves): string {
  const start = `${percent(share)} of keys move`;
  const [first] = flows;
  if (first === undefined) return 'no key moves';
  if (flowCount === 1) return `${start}, all of them from ${named(first.from)} to ${named(first.to)}`;
  const isWhole = flowCount === flows.length;
  if (isWhole && flows.every(({ to }) => to === first.to))
    return `${start}, all of them to ${named(first.to)}`;
  if (isWhole && flows.every(({ from }) => from === first.from))
    return `${start}, all of them from ${named(first.from)}`;
  const told = flows
    .slice(0, FLOWS_TOLD)
    .map(({ from, to, share }) => `${percent(share)} from ${named(from)} to ${named(to)}`);
  const more = flowCount - told.length;
  return `${start}: ${told.join(', ')}${more > 0 ? `, and ${more} smaller parts` : ''}`;
}

function named(id: string | undefined): string {
  return id ?? 'where the balance chooses';
}

/** Where keys belong, as far as standings let them. */
function ownersOf({ placement, standings }: PoolSnapshot): (key: string) => number {
  const placed = placement.among?.((index) => standings[index] === 'in') ?? placement;
  const atMost = standings.filter((standing) => standing !== 'in').length + 1;
  return (key) => {
    const owner = placed.owner(key);
    if (owner === -1 || standings[owner] === 'in') return owner;
    const ranked = placed.rank(key, atMost);
    for (let at = 0; at < ranked.length; at++) if (standings[ranked[at]!] === 'in') return ranked[at]!;
    return owner;
  };
}

/** Draws the user's key; a rule that finds a key in every request is asked for it, by the user's address. */
function keyOf({ rule, alwaysFinds }: SampledRule, at: number, who: string): string {
  const drawn = mix32(mix32(at + 1) ^ 0x5eed) >>> 0;
  if (alwaysFinds) {
    const found = rule.find(plainFacts({ ip: formatAddress(drawn), nowMs: 0 }), NOBODY);
    if (found.kind === 'keyed') return found.key;
  }
  return `${who}-${drawn}`;
}

/** Rules that find keys don't look at the pool. */
export const NOBODY: PoolSnapshot = {
  version: 0,
  upstreams: [],
  conditions: [],
  awaySince: [],
  standings: [],
  placement: { name: '', members: [], owner: () => -1, rank: () => [], withMembers: () => NOBODY.placement },
  indexOf: () => undefined,
};
