import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { pino, type Logger } from 'pino';
import { systemClock, type Clock, type Timer } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import { systemRandom, type Random } from '../base/random.js';
import { Deadlines } from '../proxy/deadlines.js';
import { Gateway, type GatewayObserver, type GatewaySettings } from '../proxy/gateway.js';
import { nodeEngine } from '../proxy/node-engine.js';
import { PoolConnections } from '../proxy/pool-connections.js';
import type { GatewayRoute } from '../proxy/site.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Engine, Listener, TlsPair } from '../proxy/wire.js';
import { clientAddress, parseAddress } from '../route/address.js';
import type { Rule } from '../route/affinity/rule.js';
import type { ConditionChange, Pool } from '../route/pool/pool.js';
import { accessLog, noAccessLog } from './access-log.js';
import { assemble, type Assembly, type Route } from './assembly.js';
import type { Config, PoolConfig } from './config/config.js';
import { startProbes } from './probes.js';

export { readConfig, loadConfig, parseConfig } from './config/load.js';
export { ConfigError } from './config/problem.js';
export type { Config } from './config/config.js';

export interface GatewayOptions {
  /** Where the access log and what happens to upstreams is written. Default: nowhere. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly engine?: Engine;
}

/** A gateway that listens. */
export interface RunningGateway {
  /** `http://127.0.0.1:8080`, as one may type it. */
  readonly address: string;
  readonly port: number;
  /** Changes everything but `listen` without losing a request. Rejects, and changes nothing, when the new files can't be read. */
  reload(config: Config): Promise<void>;
  /** Accepts no more, finishes what runs within `shutdownGrace`, then resolves. */
  close(): Promise<void>;
}

/** How often time-outs of upstreams that failed are looked at. */
const TICK_MS = 100;

/**
 * Opens the port of a configuration and serves it.
 *
 * ```js
 * import { readConfig, startGateway } from 'stickyroute/gateway';
 * const gateway = await startGateway(readConfig({ listen: 8080, upstreams: ['http://127.0.0.1:3001'], affinity: ['cookie'] }));
 * ```
 *
 * Rejects with STICKY_LISTEN_FAILED when the port can't be had, and with STICKY_TLS_UNREADABLE when a certificate can't be read.
 */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<RunningGateway> {
  const control = new Control(config, options);
  await control.listen();
  return control;
}

/** What runs for one pool. */
interface PoolWork {
  readonly config: PoolConfig;
  readonly connections: PoolConnections;
  readonly probes: Timer | undefined;
}

class Control implements RunningGateway {
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #deadlines: Deadlines;
  readonly #logger: Logger;
  readonly #gateway: Gateway;
  #config: Config;
  #assembly: Assembly;
  #observer: GatewayObserver;
  #work = new Map<Pool, PoolWork>();
  #tick: Timer;
  #listener: Listener | undefined;

  constructor(config: Config, options: GatewayOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#engine = options.engine ?? nodeEngine;
    this.#logger = options.logger ?? pino({ enabled: false });
    this.#deadlines = new Deadlines(this.#clock);
    this.#config = config;
    this.#assembly = assemble(config, { onPoolChange: (pool, change) => this.#report(pool, change) });
    this.#observer = this.#observe(config);
    const observer: GatewayObserver = {
      finished: (exchange) => this.#observer.finished(exchange),
      refused: (head) => this.#observer.refused(head),
    };
    const ground = { engine: this.#engine, clock: this.#clock, random: options.random ?? systemRandom, deadlines: this.#deadlines };
    this.#gateway = new Gateway(ground, this.#settings(config, this.#assembly), observer);
    this.#tick = this.#clock.every(TICK_MS, () => {
      const now = this.#clock.monotonic();
      for (const pool of this.#work.keys()) pool.tick(now);
    });
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
      const tls = readTls(this.#config);
      this.#listener = await this.#gateway.listen({ ...listen, tls, connectionsMax: limits.connectionsMax, handshakeTimeMs: limits.headTimeMs });
    } catch (error) {
      this.#stop();
      throw error instanceof StickyError ? error : listenError(error as NodeJS.ErrnoException, this.#config);
    }
  }

  async reload(config: Config): Promise<void> {
    const before = this.#config;
    const tls = readTls(config);
    for (const pool of config.pools) readAuthority(pool);
    const assembly = assemble(config, { previous: this.#assembly, onPoolChange: (pool, change) => this.#report(pool, change) });
    // From here on nothing can fail.
    const settings = this.#settings(config, assembly);
    assembly.commit();
    this.#gateway.apply(settings);
    this.#observer = this.#observe(config);
    this.#assembly = assembly;
    this.#config = config;
    this.#dropUnused(assembly);
    if (tls !== undefined && before.tls !== undefined) this.#gateway.setTls(tls);
    const { host, port } = config.listen;
    if (host !== before.listen.host || port !== before.listen.port || (tls === undefined) !== (before.tls === undefined)) {
      this.#logger.warn('listen and the switch between http and https take effect at the next start; everything else has been reloaded');
    }
  }

  async close(): Promise<void> {
    await this.#gateway.close(this.#config.shutdownGraceMs);
    this.#stop();
  }

  #stop(): void {
    this.#tick.stop();
    this.#deadlines.stop();
    for (const work of this.#work.values()) end(work);
    this.#work.clear();
  }

  #report(pool: string, { id, from, to, why }: ConditionChange): void {
    this.#logger[to === 'down' ? 'warn' : 'info']({ pool, upstream: id, from, to, why }, `upstream ${id} of pool ${pool} is ${to}`);
  }

  #observe(config: Config): GatewayObserver {
    return config.accessLog ? accessLog(this.#logger, this.#clock) : noAccessLog;
  }

  #settings(config: Config, assembly: Assembly): GatewaySettings {
    const routes = new Map<Route, GatewayRoute>();
    for (const route of assembly.routes) {
      const pool = this.#connections(config, config.pools.find((each) => each.name === route.poolName)!, route.pool);
      const names = ruleNames(route.affinity.rules);
      routes.set(route, { name: route.name, affinity: route.affinity, pool, ruleName: (rule) => names.get(rule)! });
    }
    const { trusted } = assembly;
    return {
      limits: config.limits,
      expose: config.expose,
      routeFor: (host, path) => {
        const route = assembly.routeFor(host, path);
        return route === undefined ? undefined : routes.get(route);
      },
      isTrusted: (address) => trusted.has(parseAddress(address)),
      clientAddress: (peer, forwardedFor) => clientAddress(peer, forwardedFor, trusted),
    };
  }

  /** The pool's connections, made when they don't exist or can't be kept. */
  #connections(config: Config, settings: PoolConfig, pool: Pool): PoolConnections {
    const before = this.#work.get(pool);
    const isSame = before !== undefined && isDeepStrictEqual([this.#config.limits, before.config.tls], [config.limits, settings.tls]);
    if (isSame) return before.connections;
    if (before !== undefined) end(before);
    const tls: UpstreamTls = { ca: readAuthority(settings), insecure: settings.tls.insecure };
    const connections = new PoolConnections({
      pool,
      tls,
      engine: this.#engine,
      limits: config.limits,
      clock: this.#clock,
      deadlines: this.#deadlines,
      retryAfterSeconds: retryAfterSeconds(settings),
    });
    const probes = settings.health === undefined ? undefined : startProbes(pool, settings.health, tls, this.#clock);
    this.#work.set(pool, { config: settings, connections, probes });
    return connections;
  }

  #dropUnused(assembly: Assembly): void {
    const used = new Set(assembly.pools.values());
    for (const [pool, work] of this.#work) {
      if (used.has(pool)) continue;
      this.#work.delete(pool);
      end(work);
    }
  }
}

function end(work: PoolWork): void {
  work.probes?.stop();
  work.connections.close();
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

function readTls(config: Config): TlsPair | undefined {
  return config.tls === undefined ? undefined : { cert: readPem(config.tls.certFile), key: readPem(config.tls.keyFile) };
}

function readAuthority({ tls }: PoolConfig): string | undefined {
  return tls.caFile === undefined ? undefined : readPem(tls.caFile);
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StickyError('STICKY_TLS_UNREADABLE', `${file} can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}). Check the path and who may read it.`, { cause: error });
  }
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
          : `${where} can't be opened (${error.code ?? error.message}).`;
  return new StickyError('STICKY_LISTEN_FAILED', message, { cause: error });
}
