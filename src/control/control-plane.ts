import type { Logger } from 'pino';
import { stayAlive, type Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Kinds } from '../route/kinds.js';
import type { PoolEvent } from '../route/pool/pool-event.js';
import { standingWord, type Standing } from '../route/pool/standing.js';
import type { Upstream } from '../route/pool/upstream.js';
import { assemble, type Assembly } from './assembly.js';
import type { Config } from './config/config.js';
import { countersOf } from './counters.js';
import { explain } from './explanation.js';
import { fixedText, withFixed } from './fixed-settings.js';
import { drainStatus, hasOthers, plannedDrain, type DrainOptions } from './drain-plan.js';
import type { Measures } from './metrics/measures.js';
import { PlaneRecord } from './metrics/plane-record.js';
import { metricsOf, type MetricsSnapshot } from './metrics/snapshot.js';
import { Membership, type MembershipOwner } from './membership.js';
import { operationsOf, refused, type Operations, type Reloaded, type Status } from './operations.js';
import { HealthWatch } from './health-watch.js';
import { readinessOf, type DataPlaneState, type Readiness } from './readiness.js';
import type { Setup } from './setup.js';
import { version } from './version.js';
import { configWarnings } from './warnings.js';

/** A configuration that can be read again. */
export interface ConfigFile {
  /** As it was typed; messages show it. */
  readonly name: string;
  read(): Config;
}

export interface ControlPlaneOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly kinds?: Kinds | undefined;
  /** What `operations.reload()` reads. */
  readonly file?: ConfigFile | undefined;
  /** Told of everything that happens to a pool, by name. */
  readonly onEvent?: ((pool: string, event: PoolEvent) => void) | undefined;
}

/** What serves requests under a control plane: the gateway of this process, or the workers of a fleet. */
export interface DataPlane {
  /** Serves by this setup from the next request on. It can't fail: all that can has been tried before. */
  swap(setup: Setup, assembly: Assembly): void | Promise<void>;
  /** Of all its processes. `withUsers`: what bound users are counted by, too. */
  measures(withUsers: boolean): Promise<Measures>;
  state(): DataPlaneState;
}

/**
 * Keeps what a gateway runs by: the configuration in use, who is in which pool, how each upstream is and what
 * operators want. The same for one process and for a fleet, which differ in their data plane alone.
 */
export class ControlPlane {
  readonly operations: Operations;
  readonly #options: ControlPlaneOptions;
  readonly #watch: HealthWatch;
  readonly #membership: Membership;
  #setup: Setup;
  #assembly: Assembly;
  #data: DataPlane | undefined;
  readonly #record: PlaneRecord;
  /** Who asks while another asks gets the same. */
  #asked: Promise<MetricsSnapshot> | undefined;

  /** Puts the configuration together. Opens and starts nothing. */
  constructor(config: Config, options: ControlPlaneOptions) {
    const { clock, logger, random, kinds, onEvent } = options;
    this.#options = options;
    this.#watch = new HealthWatch(clock, logger, onEvent);
    this.#membership = new Membership(membershipOwner(this.#watch, logger), { clock, random, kinds });
    this.#assembly = assemble(config, {
      random,
      kinds,
      members: (pool) => this.#membership.of(pool),
      createPool: (name, pool) => this.#watch.create(name, pool),
    });
    this.#setup = this.#setupOf(config, this.#assembly);
    this.#record = new PlaneRecord(this.#setup.config, clock.now());
    this.operations = operationsOf({
      status: () => this.#status(),
      find: (pool, upstream) => this.#find(pool, upstream),
      planDrain: (pool, upstream, options) => this.#planDrain(pool, upstream, options),
      say: (pool, upstream, said) => this.#membership.say(pool, upstream, said),
      reload: (next) => this.#recorded(next),
      explain: (request) => explain(this.#assembly, request, clock, random),
      counters: async () => countersOf(await this.#data!.measures(false)),
      metrics: () => this.#metrics(),
      readiness: () => this.readiness(),
    });
  }

  get setup(): Setup {
    return this.#setup;
  }

  get assembly(): Assembly {
    return this.#assembly;
  }

  get pools(): HealthWatch['pools'] {
    return this.#watch.pools;
  }

  /** From now on probes run, sources look, and reloads reach these. */
  begin(data: DataPlane): void {
    this.#data = data;
    this.#follow();
  }

  /**
   * Resolves when every source has answered, or the time for that is over. Then the log says which sources
   * are missing.
   */
  async ready(): Promise<void> {
    const { sourceWaitMs } = this.#setup.config;
    // A clock's timers don't keep the process alive, and nothing listens yet.
    const hold = stayAlive();
    const missing = await this.#membership.answered(sourceWaitMs);
    hold.stop();
    for (const source of missing)
      this.#options.logger.warn(
        { source, waitMs: sourceWaitMs },
        `started without the upstreams of ${source}: it gave no answer yet`,
      );
  }

  stop(): void {
    this.#membership.stop();
    this.#watch.stop();
  }

  readiness(): Readiness {
    return readinessOf(this.#data!.state(), this.#assembly.pools);
  }

  #metrics(): Promise<MetricsSnapshot> {
    this.#asked ??= this.#data!.measures(true)
      .then((measures) =>
        metricsOf(measures, {
          atMs: this.#options.clock.now(),
          version: VERSION,
          pools: this.#status().pools,
          reloads: this.#record.reloads,
          certificates: this.#record.certificates,
          isReady: this.readiness().isReady,
        }),
      )
      .finally(() => (this.#asked = undefined));
    return this.#asked;
  }

  async #recorded(wanted: Config | undefined): Promise<Reloaded> {
    try {
      const reloaded = await this.#reload(wanted ?? this.#read());
      this.#record.succeeded(this.#setup.config, this.#options.clock.now());
      return reloaded;
    } catch (error) {
      this.#record.failed();
      throw error;
    }
  }

  #read(): Config {
    const { file } = this.#options;
    if (file === undefined)
      throw refused('There is no file to read again: this gateway was started without one.');
    return file.read();
  }

  /** Read, assemble, check, swap, follow, warn: a reload, for one process and for a fleet. */
  async #reload(wanted: Config): Promise<Reloaded> {
    const { config, needsRestart } = withFixed(this.#setup.config, wanted);
    await this.#membership.prepare(config.pools, config.sourceWaitMs);
    const assembly = this.#reassemble(config);
    // Until here nothing that runs has changed. From here on nothing can fail.
    this.#setup = this.#setupOf(config, assembly);
    await this.#data!.swap(this.#setup, assembly);
    assembly.commit();
    const told = new Set(configWarnings(this.#assembly.config, this.#options.kinds));
    this.#assembly = assembly;
    this.#follow();
    for (const warning of configWarnings(config, this.#options.kinds))
      if (!told.has(warning)) this.#options.logger.warn(`reloaded, but ${warning}`);
    for (const fixed of needsRestart) this.#options.logger.warn(fixed, `reloaded, but ${fixedText(fixed)}`);
    return { needsRestart };
  }

  #reassemble(config: Config): Assembly {
    const { random, kinds } = this.#options;
    try {
      return assemble(config, {
        previous: this.#assembly,
        random,
        kinds,
        members: (pool) => this.#membership.of(pool),
        createPool: (name, pool) => this.#watch.create(name, pool),
      });
    } catch (error) {
      this.#membership.abandon();
      throw error;
    }
  }

  #follow(): void {
    this.#watch.follow(this.#assembly);
    this.#membership.follow(this.#assembly.config.pools);
  }

  /** With the keys, also when they were made here, so that every worker seals alike. */
  #setupOf(config: Config, { keys }: Assembly): Setup {
    const members = new Map(config.pools.map((pool) => [pool.name, this.#membership.of(pool)]));
    return { config: { ...config, keys }, members };
  }

  #planDrain(pool: string, { id }: Upstream, options: DrainOptions): Standing {
    const planned = plannedDrain(id, options, this.#options.clock.now());
    if (typeof planned === 'string') return planned;
    if ('problem' in planned) throw refused(`drain ${planned.problem}`);
    if (!hasOthers(this.#assembly.pools.get(pool)!.snapshot, id))
      throw refused(
        `Upstream "${id}" is the only one of pool "${pool}" that takes new users, so its users have nowhere to go. Add or enable another first.`,
      );
    return planned;
  }

  #status(): Status {
    const nowMs = this.#options.clock.now();
    return {
      pools: [...this.#assembly.pools].map(([name, { snapshot }]) => ({
        name,
        sources: this.#membership.sources(name),
        upstreams: snapshot.upstreams.map((upstream, index) => {
          const { id, url, weight } = upstream;
          const source = this.#membership.originOf(name, id);
          const absentMs = this.#membership.absentMs(name, id);
          const word = this.#membership.word(name, upstream);
          const standing = snapshot.standings[index]!;
          return {
            id,
            url,
            weight,
            condition: snapshot.conditions[index]!,
            standing: standingWord(standing, nowMs),
            ...(typeof standing === 'object' && { drain: drainStatus(standing.leaving, nowMs) }),
            ...(word && {
              said: {
                ...(word.standing !== undefined && { standing: standingWord(word.standing, nowMs) }),
                ...(word.weight !== undefined && { weight: word.weight }),
              },
            }),
            ...(source !== undefined && { source }),
            ...(absentMs !== undefined && { absentMs }),
          };
        }),
      })),
    };
  }

  #find(pool: string, id: string): Upstream {
    const { pools } = this.#assembly;
    const snapshot = pools.get(pool)?.snapshot;
    if (snapshot === undefined)
      throw refused(`There is no pool "${pool}". The pools are: ${shortList([...pools.keys()])}.`);
    const index = snapshot.indexOf(id);
    if (index === undefined) {
      const ids = snapshot.upstreams.map((upstream) => upstream.id);
      throw refused(`Pool "${pool}" has no upstream "${id}". It has: ${shortList(ids)}.`);
    }
    return snapshot.upstreams[index]!;
  }
}

const VERSION = version();
/** What a membership does to the pools, and what the log says of it. */
function membershipOwner(watch: HealthWatch, logger: Logger): MembershipOwner {
  return {
    changed: (pool, members) => watch.apply(pool, { kind: 'members', ...members }),
    refused: (pool, error) =>
      logger.warn({ pool, why: String(error) }, `pool ${pool} keeps its upstreams: ${String(error)}`),
    hold: (pool, down) => watch.hold(pool, down),
    isUp: (pool, id) => watch.isUp(pool, id),
    told: (pool, change, why) => {
      const told = Object.entries(change).filter(([, ids]) => (ids as readonly string[]).length > 0);
      const fields = told.map(([what, ids]) => [what, (ids as readonly string[]).slice(0, LISTED_MAX)]);
      const text = told.map(([what, ids]) => `${(ids as readonly string[]).length} ${what}`).join(', ');
      logger.info(
        { pool, why, ...Object.fromEntries(fields) },
        `upstreams of pool ${pool}: ${text} (${why})`,
      );
    },
    problem: (pool, source, problem) => {
      if (problem === undefined)
        logger.info({ pool, source }, `source ${source} of pool ${pool} is well again`);
      else logger.warn({ pool, source, why: problem }, `source ${source} of pool ${pool}: ${problem}`);
    },
  };
}

const LISTED_MAX = 20;

function shortList(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  if (names.length === 0) return 'none';
  return names.slice(0, LISTED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
