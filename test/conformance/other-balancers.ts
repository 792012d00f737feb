import type { Random } from '../../src/base/random.js';
import type { Rule } from '../../src/route/affinity/rule.js';
import { roundRobin } from '../../src/route/balance/round-robin.js';
import { plainFacts } from '../../src/route/plain-facts.js';
import { formatAddress } from '../../src/route/address.js';
import { Pool } from '../../src/route/pool/pool.js';
import type { PoolSnapshot } from '../../src/route/pool/snapshot.js';
import type { Upstream } from '../../src/route/pool/upstream.js';
import { placements } from '../../src/route/placement/registry.js';
import { decide, type Affinity, type Decision } from '../../src/route/router.js';

export const KEYS = 1000;

export const SEED = Number(process.env['SEED'] ?? Math.floor(performance.now() * 1000) % 2 ** 31);

/**
 * How an upstream is: well, marked as down in the configuration, or with nobody listening where it should be.
 */
export type State = 'up' | 'marked' | 'refusing';

export interface TestUpstream extends Upstream {
  readonly state: State;
}

export interface PoolOptions {
  readonly count: number;
  readonly weightMax: number;
  /** Of each hundred. */
  readonly marked?: number;
  /** Of each hundred. */
  readonly refusing?: number;
}

/**
 * Upstreams at addresses of their own on this machine: one listener at `port` is all of them; at `closedPort`
 * nobody listens.
 */
export function testPool(
  random: Random,
  pool: number,
  port: number,
  closedPort: number,
  options: PoolOptions,
): TestUpstream[] {
  const { count, weightMax, marked = 0, refusing = 0 } = options;
  const drawn = Array.from({ length: count }, (_, at): TestUpstream => {
    const lot = random.below(100);
    const state = lot < marked ? 'marked' : lot < marked + refusing ? 'refusing' : 'up';
    const address = `127.1.${pool}.${at + 1}:${state === 'refusing' ? closedPort : port}`;
    return {
      id: `api-${at + 1}`,
      url: `http://${address}`,
      weight: 1 + random.below(weightMax),
      draining: state === 'marked',
      state,
    };
  });
  if (drawn.some(({ state }) => state === 'up')) return drawn;
  const { weight, draining: _, ...rest } = drawn[0]!;
  return [
    { ...rest, url: rest.url.replace(/\d+$/, String(port)), weight, draining: false, state: 'up' },
    ...drawn.slice(1),
  ];
}

/**
 * Texts as keys are: numbers, ids, long ones, bytes above ASCII. None has a comma, at which HAProxy ends, or
 * blanks around it.
 */
export function testKeys(random: Random): string[] {
  const kinds: (() => string)[] = [
    () => String(random.below(2 ** 31)),
    () => `user:${random.below(1e9)}`,
    () => random.id(),
    () => random.id().repeat(1 + random.below(6)),
    () =>
      Array.from({ length: 1 + random.below(40) }, () => String.fromCharCode(0x21 + random.below(0x5e)))
        .join('')
        .replaceAll(',', '.'),
    () => Buffer.from(`żółw 🐢 ${random.below(1e6)}`).toString('latin1'),
  ];
  return Array.from({ length: KEYS }, () => kinds[random.below(kinds.length)]!());
}

/** IPv4 and IPv6 addresses, in the one spelling that the rule `ip` gives them. */
export function testAddresses(random: Random): string[] {
  return Array.from({ length: KEYS }, () => {
    if (random.below(3) > 0) return formatAddress(0x0b000000 + random.below(0x70000000));
    return formatAddress(
      Uint16Array.from({ length: 8 }, (_, at) =>
        at === 0 ? 0x2001 : random.below(3) === 0 ? 0 : random.below(65_536),
      ),
    );
  });
}

/**
 * A pool as the gateway holds it, with the placement made from its options as they would stand in a
 * configuration.
 */
export function snapshotOf(upstreams: readonly Upstream[], name: string, options: unknown): PoolSnapshot {
  const definition = placements.find((placement) => placement.name === name)!;
  const checked = definition.options.parse(options);
  return new Pool({
    upstreams,
    placement: (members) => definition.create(members, checked),
    health: undefined,
    passive: { maxFails: 0, failTimeoutMs: 0, ejectedShareMax: 0.5 },
  }).snapshot;
}

/**
 * One client's requests, as the gateway would decide them: by the key, and where nobody is named by it, by
 * turns.
 */
export function decider(pool: PoolSnapshot, random: Random): (key: string) => Decision {
  let found = '';
  const rule: Rule = {
    name: 'header',
    subject: 'x-key',
    onFailure: 'borrow',
    find: () => ({ kind: 'keyed', key: found }),
  };
  const affinity: Affinity = { rules: [rule], balance: roundRobin.create({}) };
  const facts = plainFacts({ nowMs: 0 });
  return (key) => {
    found = key;
    return decide(affinity, facts, pool, new Uint32Array(pool.upstreams.length), random);
  };
}

/**
 * Everybody that a request would try until somebody is there, joined as nginx joins them. Nobody is there:
 * all were tried.
 */
export function tries(decision: Decision, upstreams: readonly TestUpstream[], triesMax = Infinity): string[] {
  const tried: string[] = [];
  for (let at = decision.index; at !== -1 && tried.length < triesMax; at = decision.next('unreachable')) {
    tried.push(upstreams[at]!.url.slice('http://'.length));
    if (upstreams[at]!.state === 'up') break;
  }
  return tried;
}

/** What differs, for people, a few of them; empty when nothing does. */
export function differences(
  keys: readonly string[],
  expected: readonly string[],
  actual: readonly string[],
): string[] {
  const differing = keys.map((key, at) => ({ key, at })).filter(({ at }) => expected[at] !== actual[at]);
  if (differing.length === 0) return [];
  return [
    `${differing.length} of ${keys.length} keys differ (SEED=${SEED})`,
    ...differing
      .slice(0, 5)
      .map(({ key, at }) => `${JSON.stringify(key)}: here ${expected[at]}, there ${actual[at]}`),
  ];
}
