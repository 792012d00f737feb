import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { stayAlive, type Clock, type Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Kinds } from '../route/kinds.js';
import type { PoolEvent } from '../route/pool/pool-event.js';
import type { Upstream } from '../route/pool/upstream.js';
import { StickyError } from '../base/errors.js';
import { assemble, type Assembly } from './assembly.js';
import type { Config } from './config/config.js';
import { countersOf } from './counters.js';
import { EventLog } from './event-log.js';
import { explain } from './explanation.js';
import { askedDrain } from './asked-drain.js';
import { forecast, type Forecast } from './forecast/forecast.js';
import { outlookOf } from './forecast/outlook.js';
import { fixedText, withFixed, type FixedSetting } from './fixed-settings.js';
import { checkLogFile } from './log-file.js';
import { MemberNews } from './member-news.js';
import { Membership } from './membership.js';
import { membershipOwner } from './membership-owner.js';
import type { Measures } from './metrics/measures.js';
import { PlaneRecord } from './metrics/plane-record.js';
import { metricsOf, type MetricsSnapshot } from './metrics/snapshot.js';
import {
  OperationRefused,
  operationsOf,
  type Operations,
  type Reloaded,
  type Status,
  type UpstreamStatus,
} from './operations.js';
import type { Word } from './word.js';
import { HealthWatch } from './health-watch.js';
import { findUpstream, poolStatus } from './pool-status.js';
import { readinessOf, type DataPlaneState, type Readiness } from './readiness.js';
import type { Setup } from './setup.js';
import { StateFile } from './state-file.js';
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
  reopenLogs(): void;
}

/** How the last reload went. */
export interface ReloadRecord {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: string;
  /** Why it was refused; undefined when it went well. */
  readonly problem?: string | undefined;
  readonly needsRestart: readonly FixedSetting[];
}

/**
 * Keeps what a gateway runs by: the configuration in use, who is in which pool, how each upstream is and what
 * operators want. The same for one process and for a fleet, which differ in their data plane alone.
 */
export class ControlPlane {
  readonly operations: Operations;
  readonly events: EventLog;
  /** When the configuration in use was taken, in milliseconds since 1970. */
  configuredAt: number;
  lastReload: ReloadRecord | undefined;
  /** Undefined: what operators say ends with the process. */
  readonly state: StateFile | undefined;
  readonly #news: MemberNews;
  readonly #options: ControlPlaneOptions;
  readonly #watch: HealthWatch;
  readonly #membership: Membership;
  #setup: Setup;
  #assembly: Assembly;
  #data: DataPlane | undefined;
  #looking: Timer | undefined;
  readonly #record: PlaneRecord;
  /** Who asks while another asks gets the same. */
  #asked: Promise<MetricsSnapshot> | undefined;

  /** Puts the configuration together. Opens and starts nothing. */
  constructor(config: Config, options: ControlPlaneOptions) {
    const { clock, logger, random, kinds, onEvent } = options;
    this.#options = options;
    this.events = new EventLog(clock, random);
    this.configuredAt = clock.now();
    this.#news = new MemberNews(this.events, clock);
    this.#watch = new HealthWatch(clock, random, logger, {
      onEvent: (pool, event) => {
        if (event.kind === 'members') this.#news.tell(pool, event);
        onEvent?.(pool, event);
      },
      onChange: (pool, { id, ...change }) => {
        if (change.from !== change.to) this.events.add({ kind: 'condition', pool, upstream: id, ...change });
      },
    });
    this.#membership = new Membership(membershipOwner(this.#watch, logger), { clock, random, kinds });
    checkLogFile(config);
    const { stateFile } = config;
    this.state = stateFile === undefined ? undefined : new StateFile(stateFile, logger, clock);
    if (this.state !== undefined) this.#membership.restore(this.state.words);
    this.#assembly = assemble(config, {
      random,
      kinds,
      members: (pool) => this.#membership.of(pool),
      createPool: (name, pool) => this.#watch.create(name, pool),
    });
    this.#setup = this.#setupOf(config, this.#assembly);
    this.#record = new PlaneRecord(this.#setup.config, clock.now());
    this.operations = operationsOf({
      status: async () => this.#status(await this.#measuresOfDrains()),
      planDrain: (pool, { id }, options) =>
        askedDrain(this.#assembly.pools.get(pool)!.snapshot, pool, id, options, clock.now()),
      find: (pool, upstream) => findUpstream(this.#assembly, pool, upstream),
      say: (pool, upstream, said, who) => this.#say(pool, upstream, said, who),
      reload: (next, who) => this.#reload(next, who),
      forecast: (next) => this.#forecast(next ?? this.#read()),
      explain: (request) => explain(this.#assembly, request, clock, random),
      counters: async () => countersOf(await this.#data!.measures(false)),
      reopenLogs: () => this.#data!.reopenLogs(),
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
    for (const { pool, upstream, url } of this.#membership.dropStaleWords())
      this.#options.logger.warn(
        { pool, upstream, url },
        `what an operator said of upstream ${upstream} of pool ${pool} is dropped: it is not there any more`,
      );
    this.#looking = this.#options.clock.every(LOOK_MS, () => {
      this.#news.look();
      // Words end with their upstreams, and a disk that was full may have room again.
      void this.#save();
    });
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
    this.#looking?.stop();
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

  #read(): Config {
    const { file } = this.#options;
    if (file === undefined)
      throw new OperationRefused(
        'conflict',
        'There is no file to read again: this gateway was started without one.',
      );
    return file.read();
  }

  async #save(): Promise<void> {
    await this.state?.save(this.#membership.words);
  }

  async #say(
    pool: string,
    upstream: Upstream,
    said: Pick<Word, 'standing' | 'weight'>,
    who: string,
  ): Promise<void> {
    const before = this.#inForce(pool, upstream.id);
    this.#news.by = who;
    try {
      this.#membership.say(pool, upstream, said);
    } finally {
      this.#news.by = 'file';
    }
    const { id } = upstream;
    this.#options.logger.info(
      { pool, upstream: id, by: who, before, after: this.#inForce(pool, id) },
      `${who} set the ${Object.keys(said).join(' and ')} of upstream ${id} of pool ${pool}`,
    );
    await this.#save();
  }

  /** What goes for an upstream now, as its log lines have it. */
  #inForce(pool: string, id: string): Pick<UpstreamStatus, 'standing' | 'weight' | 'drain'> {
    const status = this.#status().pools.find(({ name }) => name === pool)!;
    const { standing, weight, drain } = status.upstreams.find((upstream) => upstream.id === id)!;
    return { standing, weight, ...(drain && { drain }) };
  }

  async #reload(config: Config | undefined, by: string): Promise<Reloaded> {
    const { logger, clock } = this.#options;
    const at = clock.now();
    try {
      const reloaded = await this.#take(config ?? this.#read());
      this.#record.succeeded(this.#setup.config, clock.now());
      this.lastReload = { at, by, ...reloaded };
      this.configuredAt = at;
      const needsRestart = reloaded.needsRestart.map(({ setting }) => setting);
      this.events.add({ kind: 'reloaded', needsRestart, by });
      logger.info({ by, needsRestart }, `${by} reloaded the configuration`);
      return reloaded;
    } catch (error) {
      this.#record.failed();
      if (!(error instanceof StickyError)) throw error;
      const { code, message } = error;
      this.lastReload = { at, by, problem: message, needsRestart: [] };
      this.events.add({ kind: 'reloadFailed', code, by });
      logger.warn({ by, code }, `${by} asked for a reload; nothing changed: ${message}`);
      throw error;
    }
  }

  /** What a reload would do to users; it is put together apart from what runs. */
  async #forecast(wanted: Config): Promise<Forecast> {
    const { random, kinds } = this.#options;
    try {
      await this.#membership.prepare(wanted.pools, wanted.sourceWaitMs);
      const next = assemble(wanted, { random, kinds, members: (pool) => this.#membership.of(pool) });
      return forecast(outlookOf(this.#assembly, kinds), outlookOf(next, kinds));
    } finally {
      this.#membership.abandon();
    }
  }

  /** Read, assemble, check, swap, follow, warn: a reload, for one process and for a fleet. */
  async #take(wanted: Config): Promise<Reloaded> {
    const { config, needsRestart } = withFixed(this.#setup.config, wanted);
    await this.#membership.prepare(config.pools, config.sourceWaitMs);
    const assembly = this.#reassemble(config);
    checkLogFile(config);
    // Until here nothing that runs has changed. From here on nothing can fail.
    const { tls } = this.#setup.config;
    this.#setup = this.#setupOf(config, assembly);
    await this.#data!.swap(this.#setup, assembly);
    assembly.commit();
    const told = new Set(configWarnings(this.#assembly.config, this.#options.kinds));
    this.#assembly = assembly;
    this.#follow();
    for (const warning of configWarnings(config, this.#options.kinds))
      if (!told.has(warning)) this.#options.logger.warn(`reloaded, but ${warning}`);
    if (config.tls !== undefined && !isDeepStrictEqual(config.tls.certificates, tls?.certificates))
      this.events.add({ kind: 'certificate', validUntil: endOf(config.tls.certificates[0].cert.text) });
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
    const { pools, config } = this.#assembly;
    for (const [name, { snapshot }] of pools) this.#news.begin(name, snapshot);
    this.#news.keep(pools);
    this.#watch.follow(this.#assembly);
    this.#membership.follow(config.pools);
  }

  /** With the keys, also when they were made here, so that every worker seals alike. */
  #setupOf(config: Config, { keys }: Assembly): Setup {
    const members = new Map(config.pools.map((pool) => [pool.name, this.#membership.of(pool)]));
    return { config: { ...config, keys }, members };
  }

  /** Users are counted for drains alone: nobody else asks of a status how many there are. */
  async #measuresOfDrains(): Promise<Measures | undefined> {
    const pools = [...this.#assembly.pools.values()];
    const isDraining = pools.some(({ snapshot }) =>
      snapshot.standings.some((one) => typeof one === 'object'),
    );
    return isDraining ? await this.#data!.measures(true) : undefined;
  }

  #status(measures?: Measures): Status {
    return poolStatus(this.#assembly, {
      membership: this.#membership,
      histories: this.#watch.histories,
      measures,
      nowMs: this.#options.clock.now(),
    });
  }
}

const VERSION = version();

/** How often drains are looked at, for the event that they are over. */
const LOOK_MS = 1000;

/** The last instant at which clients take the certificate, as RFC 3339 writes it. */
function endOf(pem: string): string {
  return new Date(new X509Certificate(pem).validTo).toISOString();
}
