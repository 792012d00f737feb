import { isDeepStrictEqual } from 'node:util';
import { StickyError } from '../base/errors.js';
import { systemRandom, type Random } from '../base/random.js';
import { createAddressSet, type AddressSet } from '../route/address.js';
import type { RuleContext } from '../route/affinity/definition.js';
import type { RequestFacts } from '../route/facts.js';
import { standardKinds, type Kinds } from '../route/kinds.js';
import type { Member, Placement } from '../route/placement/placement.js';
import { Pool, type PoolOptions } from '../route/pool/pool.js';
import type { LivePool } from '../route/pool/live-pool.js';
import type { Members } from '../route/pool/pool-event.js';
import { membersOf } from '../route/pool/upstream.js';
import type { Affinity } from '../route/router.js';
import type { AnsweringConfig, Choice, Config, PoolConfig, RouteConfig } from './config/config.js';
import { ConfigError } from './config/problem.js';
import { sampleRule } from './config/sample-rule.js';
import { RouteTable, type Matching } from './route-table.js';
import { createTokenVerifier } from './token-verifier.js';

/** A route with all that it names made: what the gateway and `explain` decide requests with. */
export interface Route extends Matching {
  readonly name: string;
  readonly poolName: string;
  readonly pool: LivePool;
  readonly affinity: Affinity;
  readonly config: RouteConfig;
}

/** A route that the gateway answers by itself. */
export type Answering = AnsweringConfig & { readonly pool?: undefined };

/** A configuration, put together. */
export interface Assembly {
  readonly config: Config;
  /** The configuration's, or the one that was made because it has none. */
  readonly keys: readonly string[];
  readonly pools: ReadonlyMap<string, LivePool>;
  /** The most specific first. */
  readonly routes: readonly Route[];
  readonly trusted: AddressSet;
  /** Undefined: no route answers for this request. */
  routeFor(facts: RequestFacts): Route | Answering | undefined;
  /**
   * Gives pools that were taken over from the previous assembly the members that `members` named, their
   * placement and thresholds. Until then nothing that runs has changed, so whatever else a reload must open
   * can still fail. Call it once, and once the new assembly is in use.
   */
  commit(): void;
}

export interface AssemblyNeeds {
  /** What runs now: pools of the same name are taken over, with what they know of their upstreams' health. */
  readonly previous?: Assembly | undefined;
  readonly random?: Random;
  /** What the configuration was read with. */
  readonly kinds?: Kinds | undefined;
  /** Who is in a pool. Default: the upstreams that the configuration lists. */
  readonly members?: (pool: PoolConfig) => Members;
  /** Makes a pool that is not taken over. */
  readonly createPool?: (name: string, options: PoolOptions) => LivePool;
  readonly tokenVerifier?: RuleContext['tokenVerifier'];
}

/** From a checked configuration to rules, balances, placements and pools. Opens and starts nothing. */
export function assemble(config: Config, needs: AssemblyNeeds = {}): Assembly {
  const {
    previous,
    random = systemRandom,
    kinds = standardKinds,
    tokenVerifier = createTokenVerifier,
    members = ({ upstreams }) => ({ upstreams }),
    createPool = (_, options) => new Pool(options),
  } = needs;
  const keys = config.keys.length > 0 ? config.keys : madeKeys(previous, random);
  const pools = new Map<string, LivePool>();
  const takenOver: TakenOver[] = [];
  for (const pool of config.pools) {
    const kept = previous === undefined ? undefined : takeOver(previous, pool, members(pool), kinds);
    if (kept !== undefined) takenOver.push(kept);
    pools.set(
      pool.name,
      kept?.pool ?? built(pool, () => createPool(pool.name, optionsOf(pool, members(pool), kinds))),
    );
  }
  const routes = config.routes.map((route): Route => {
    const { name, hosts, path, demands, pool } = route;
    return {
      name,
      hosts,
      path,
      demands,
      poolName: pool,
      pool: pools.get(pool)!,
      config: route,
      affinity: createAffinity(route, { route: name, keys, random, tokenVerifier }, kinds),
    };
  });
  const table = new RouteTable<Route | Answering>([...routes, ...config.answers]);
  return {
    config,
    keys,
    pools,
    routes,
    trusted: createAddressSet(config.trustedProxies),
    routeFor: (facts) => table.find(facts.line.host, facts.path, facts),
    commit() {
      for (const { pool, settings, members: now, placement } of takenOver) {
        pool.apply({ kind: 'members', ...now }, placement);
        pool.setThresholds(settings);
      }
    },
  };
}

/** Does any rule seal something, so that a key of its own would outlive a restart? */
export function sealsBindings({ routes }: Config, kinds: Kinds = standardKinds): boolean {
  return routes.some(({ name, affinity }) =>
    affinity.some((choice) => sampleRule(kinds, choice, name).bind !== undefined),
  );
}

function createAffinity(route: RouteConfig, context: RuleContext, kinds: Kinds): Affinity {
  return {
    rules: route.affinity.map(({ name, options }) => kinds.rule(name).create(options, context)),
    balance: kinds.balance(route.balance.name).create(route.balance.options),
  };
}

function optionsOf(pool: PoolConfig, members: Members, kinds: Kinds): PoolOptions {
  const { placement, health, passive, rampUpMs } = pool;
  return {
    ...members,
    placement: (placed) => createPlacement(placement, placed, kinds),
    health,
    passive,
    rampUpMs,
  };
}

function createPlacement(choice: Choice, members: readonly Member[], kinds: Kinds): Placement {
  return kinds.placement(choice.name).create(members, choice.options);
}

/**
 * What only shows when it is built: more upstreams than the table has room for, more points than memory
 * should hold.
 */
function built<T>({ name, placement }: PoolConfig, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof StickyError)
      throw new ConfigError([{ path: `pool ${name}, placement ${placement.name}`, message: error.message }]);
    throw error;
  }
}

interface TakenOver {
  readonly pool: LivePool;
  readonly settings: PoolConfig;
  readonly members: Members;
  /** Built already, so that it fails before anything is changed. */
  readonly placement: Placement;
}

/** The running pool of this name, and what a commit will give it. */
function takeOver(
  previous: Assembly,
  settings: PoolConfig,
  members: Members,
  kinds: Kinds,
): TakenOver | undefined {
  const pool = previous.pools.get(settings.name);
  if (pool === undefined) return undefined;
  const before = previous.config.pools.find(({ name }) => name === settings.name)!;
  const placed = membersOf(members.upstreams);
  const isSamePlacement = isDeepStrictEqual(before.placement, settings.placement);
  const placement = built(settings, () =>
    isSamePlacement
      ? pool.snapshot.placement.withMembers(placed)
      : createPlacement(settings.placement, placed, kinds),
  );
  return { pool, settings, members, placement };
}

/** Without keys, one that lives as long as the process: also through reloads. 256 bits. */
function madeKeys(previous: Assembly | undefined, random: Random): readonly string[] {
  return previous !== undefined && previous.config.keys.length === 0
    ? previous.keys
    : [random.id() + random.id()];
}
