import { isDeepStrictEqual } from 'node:util';
import { pino, type Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import { systemRandom, type Random } from '../base/random.js';
import { Deadlines } from '../proxy/deadlines.js';
import { cookieForwarding } from '../proxy/forwarded-cookies.js';
import { Gateway } from '../proxy/gateway.js';
import type { Limits } from '../proxy/limits.js';
import { nodeEngine } from '../proxy/node-engine.js';
import { PoolConnections } from '../proxy/pool-connections.js';
import type { GatewayRoute } from '../proxy/gateway-route.js';
import type { GatewayObserver, GatewaySettings } from '../proxy/site.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Engine, Listener, TlsPair } from '../proxy/wire.js';
import { clientAddress, parseAddress } from '../route/address.js';
import type { Rule } from '../route/affinity/rule.js';
import type { PoolView } from '../route/pool/pool-view.js';
import { accessLog, noAccessLog } from './access-log.js';
import { assemble, type Assembly } from './assembly.js';
import { readCertificates, upstreamTls, type CertificateTexts } from './certificate-texts.js';
import type { Config, PoolConfig } from './config/config.js';
import { RequestCounter, type Counters } from './counters.js';
import { warnOfFixed } from './fixed-settings.js';
import type { PoolKeeper } from './pool-keeper.js';
import { PoolWatch } from './pool-watch.js';
import { RouteTable, type Matching } from './route-table.js';

export { readConfig, loadConfig, parseConfig } from './config/load.js';
export { ConfigError } from './config/problem.js';
export type { Config } from './config/config.js';
export type { Counters } from './counters.js';

export interface GatewayOptions {
  /** Where the access log and what happens to upstreams is written. Default: nowhere. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly engine?: Engine;
  /**
   * Who knows how the upstreams are. Default: this gateway, by its probes and by what its requests meet. A
   * worker process has a supervisor for it.
   */
  readonly keeper?: PoolKeeper;
  /** Reads the certificate files of a configuration. Default: from the disk. */
  readonly readCertificates?: (config: Config) => CertificateTexts;
}

/** A gateway that listens. */
export interface RunningGateway {
  /** `http://127.0.0.1:8080`, as one may type it. */
  readonly address: string;
  readonly port: number;
  /**
   * Changes everything but `listen` without losing a request. Rejects, and changes nothing, when the new
   * files can't be read.
   */
  reload(config: Config): Promise<void>;
  /** Accepts no more, finishes what runs within `shutdownGrace`, then resolves. */
  close(): Promise<void>;
  /** What it has done so far. */
  counters(): Promise<Counters>;
}

/**
 * Opens the port of a configuration and serves it.
 *
 * ```js
 * import { readConfig, startGateway } from 'stickyroute/gateway';
 * const gateway = await startGateway(readConfig({ listen: 8080, upstreams: ['http://127.0.0.1:3001'],
 * affinity: ['cookie'] }));
 * ```
 *
 * Rejects with STICKY_LISTEN_FAILED when the port can't be had, and with STICKY_TLS_UNREADABLE when a
 * certificate can't be read.
 */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<RunningGateway> {
  const control = new Control(config, options);
  await control.listen();
  return control;
}

/** What runs for one pool. */
interface PoolWork {
  readonly settings: {
    readonly limits: Limits;
    readonly tls: UpstreamTls;
    readonly retryAfterSeconds: number;
  };
  readonly connections: PoolConnections;
}

class Control implements RunningGateway {
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #deadlines: Deadlines;
  readonly #logger: Logger;
  readonly #gateway: Gateway;
  readonly #keeper: PoolKeeper;
  readonly #readCertificates: (config: Config) => CertificateTexts;
  readonly #counter = new RequestCounter();
  #config: Config;
  #assembly: Assembly;
  #observer: GatewayObserver;
  #work = new Map<PoolView, PoolWork>();
  /** What the listener was opened with. */
  readonly #tls: TlsPair | undefined;
  #listener: Listener | undefined;

  constructor(config: Config, options: GatewayOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#engine = options.engine ?? nodeEngine;
    this.#logger = options.logger ?? pino({ enabled: false });
    this.#deadlines = new Deadlines(this.#clock);
    this.#config = config;
    this.#keeper = options.keeper ?? new PoolWatch(this.#clock, this.#logger);
    this.#readCertificates = options.readCertificates ?? readCertificates;
    const certificates = this.#readCertificates(config);
    this.#tls = certificates.listener;
    this.#assembly = assemble(config, { createPool: (name, pool) => this.#keeper.create(name, pool) });
    this.#observer = this.#observe(config);
    const observer: GatewayObserver = {
      finished: (exchange) => {
        this.#counter.finished(exchange);
        this.#observer.finished(exchange);
      },
      refused: (head) => {
        this.#counter.refused(head);
        this.#observer.refused(head);
      },
    };
    const ground = {
      engine: this.#engine,
      clock: this.#clock,
      random: options.random ?? systemRandom,
      deadlines: this.#deadlines,
    };
    this.#gateway = new Gateway(ground, this.#settings(config, this.#assembly, certificates), observer);
    this.#keeper.follow(this.#assembly, certificates);
  }

  get address(): string {
    const { host, port } = this.#listener!;
    const name = host === '::' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    return `${this.#config.tls === undefined ? 'http' : 'https'}://${name}:${port}`;
  }

  get port(): number {
    return this.#listener!.port;
  }

  async listen(): Promise<void> {
    const { listen, limits } = this.#config;
    try {
      this.#listener = await this.#gateway.listen({
        ...listen,
        tls: this.#tls,
        connectionsMax: limits.connectionsMax,
        handshakeTimeMs: limits.headTimeMs,
      });
    } catch (error) {
      this.#stop();
      throw error instanceof StickyError ? error : listenError(error as NodeJS.ErrnoException, this.#config);
    }
  }

  async reload(config: Config): Promise<void> {
    const before = this.#config;
    const certificates = this.#readCertificates(config);
    const assembly = assemble(config, {
      previous: this.#assembly,
      createPool: (name, pool) => this.#keeper.create(name, pool),
    });
    // From here on nothing can fail.
    const settings = this.#settings(config, assembly, certificates);
    assembly.commit();
    this.#keeper.follow(assembly, certificates);
    this.#gateway.apply(settings);
    this.#observer = this.#observe(config);
    this.#assembly = assembly;
    this.#config = config;
    this.#dropUnused(assembly);
    const { listener } = certificates;
    if (listener !== undefined && before.tls !== undefined) this.#gateway.setTls(listener);
    warnOfFixed(before, config, this.#logger);
  }

  async close(): Promise<void> {
    await this.#gateway.close(this.#config.shutdownGraceMs);
    this.#stop();
  }

  async counters(): Promise<Counters> {
    return this.#counter.read(this.#gateway.connectionCount);
  }

  #stop(): void {
    this.#keeper.stop();
    this.#deadlines.stop();
    for (const { connections } of this.#work.values()) connections.close();
    this.#work.clear();
  }

  #observe(config: Config): GatewayObserver {
    return config.accessLog ? accessLog(this.#logger, this.#clock) : noAccessLog;
  }

  #settings(config: Config, assembly: Assembly, certificates: CertificateTexts): GatewaySettings {
    const routes = assembly.routes.map((route): GatewayRoute & Matching => {
      const pool = this.#connections(
        config,
        config.pools.find((each) => each.name === route.poolName)!,
        route.pool,
        certificates,
      );
      const names = ruleNames(route.affinity.rules);
      const mayWait = route.affinity.rules.some((rule) => rule.prepare !== undefined);
      const forwardLines = cookieForwarding(route.affinity.rules);
      return {
        name: route.name,
        hosts: route.hosts,
        path: route.path,
        affinity: route.affinity,
        pool,
        mayWait,
        forwardLines,
        ruleName: (rule) => names.get(rule)!,
      };
    });
    const table = new RouteTable(routes);
    const { trusted } = assembly;
    return {
      limits: config.limits,
      expose: config.expose,
      routeFor: (host, path) => table.find(host, path),
      isTrusted: (address) => trusted.has(parseAddress(address)),
      clientAddress: (peer, forwardedFor) => clientAddress(peer, forwardedFor, trusted),
    };
  }

  /** The pool's connections, made when they don't exist or can't be kept. */
  #connections(
    config: Config,
    settings: PoolConfig,
    pool: PoolView,
    certificates: CertificateTexts,
  ): PoolConnections {
    const before = this.#work.get(pool);
    const wanted = {
      limits: config.limits,
      tls: upstreamTls(settings, certificates),
      retryAfterSeconds: retryAfterSeconds(settings),
    };
    if (before !== undefined && isDeepStrictEqual(before.settings, wanted)) return before.connections;
    before?.connections.close();
    const connections = new PoolConnections({
      pool,
      engine: this.#engine,
      clock: this.#clock,
      deadlines: this.#deadlines,
      ...wanted,
    });
    this.#work.set(pool, { settings: wanted, connections });
    return connections;
  }

  #dropUnused(assembly: Assembly): void {
    const used = new Set(assembly.pools.values());
    for (const [pool, { connections }] of this.#work) {
      if (used.has(pool)) continue;
      this.#work.delete(pool);
      connections.close();
    }
  }
}

/** A rule goes by its name; where a route has two of a kind, by name and subject. */
function ruleNames(rules: readonly Rule[]): ReadonlyMap<Rule, string> {
  return new Map(
    rules.map((rule) => {
      const isOnly = rules.filter((other) => other.name === rule.name).length === 1;
      return [rule, isOnly || rule.subject === '' ? rule.name : `${rule.name}:${rule.subject}`];
    }),
  );
}

/** An upstream that is down can be back after a probe or two, or when its time-out has passed. */
function retryAfterSeconds({ health, passive }: PoolConfig): number {
  const ms = health === undefined ? passive.failTimeoutMs : health.everyMs * health.healthyAfter;
  return Math.min(60, Math.max(1, Math.ceil(ms / 1000)));
}

function listenError(error: NodeJS.ErrnoException, { listen }: Config): StickyError {
  const where = listen.host === undefined ? `port ${listen.port}` : `${listen.host}:${listen.port}`;
  const message =
    error.code === 'EADDRINUSE'
      ? `${where} is in use. Stop what listens there, or choose another port with listen (--listen).`
      : error.code === 'EACCES'
        ? `${where} is not open to this user. Ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one with listen (--listen).`
        : error.code === 'EADDRNOTAVAIL'
          ? `${where} is not an address of this machine. Write one that is, or leave the host out.`
          : error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
            ? `${where} can't be opened: ${listen.host} names no address here. Write an address of this machine, or leave the host out.`
            : `${where} can't be opened (${error.code ?? error.message}).`;
  return new StickyError('STICKY_LISTEN_FAILED', message, { cause: error });
}
