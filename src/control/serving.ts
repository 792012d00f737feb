import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Random } from '../base/random.js';
import { Deadlines } from '../proxy/deadlines.js';
import { cookieForwarding } from '../proxy/forwarded-cookies.js';
import { Gateway, type PortLeave } from '../proxy/gateway.js';
import type { Limits } from '../proxy/limits.js';
import type { ServedRoute } from '../proxy/served-route.js';
import type { AnsweringRoute } from '../proxy/own-answer.js';
import type { PoolConnections } from '../proxy/pool-connections.js';
import type { RequestLog, RequestObserver, SiteSettings } from '../proxy/site.js';
import type { ProxiedConnections } from '../proxy/proxied-sockets.js';
import type { Engine, Listener } from '../proxy/wire.js';
import type { Rule } from '../route/affinity/rule.js';
import { clientAddress, parseAddress } from '../route/address.js';
import { accessLog, noAccessLog, samplingOf } from './access-log.js';
import type { Assembly } from './assembly.js';
import { handedError, listenError } from './listen-error.js';
import type { Measures } from './metrics/measures.js';
import { OwnProcess } from './metrics/own-process.js';
import { Tallies, type InUse } from './metrics/tallies.js';
import { MissingHeaders } from './missing-headers.js';
import { limitsWithin, openFilesMax } from './open-files.js';
import { pagesOf } from './error-page.js';
import { LogFile } from './log-file.js';
import { OpenPools } from './open-pools.js';
import { RouteTable, type Matching } from './route-table.js';
import { Shortages } from './shortages.js';
import { Strangers } from './strangers.js';
import { servedTls } from './tls-settings.js';
import { ruleNames } from './rule-names.js';

/** What serving stands on. */
export interface ServingGround {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What this process is called in metrics: `gateway`, `worker-1`. */
  readonly processName: string;
}

/** The part of a gateway that requests pass: the listener, the routes, the connections to upstreams. */
export class Serving {
  readonly #logger: Logger;
  readonly #deadlines: Deadlines;
  readonly #gateway: Gateway;
  readonly #pools: OpenPools;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tallies: Tallies;
  #logFile: LogFile | undefined;
  readonly #process: OwnProcess;
  readonly #shortages: Shortages;
  readonly #headersMissing: MissingHeaders;
  readonly #strangers: Strangers;
  readonly #filesMax = openFilesMax();
  #assembly: Assembly;
  #observer: RequestLog;
  #listener: Listener | undefined;

  constructor(assembly: Assembly, ground: ServingGround) {
    const { clock, engine } = ground;
    this.#logger = ground.logger;
    this.#clock = clock;
    this.#random = ground.random;
    this.#deadlines = new Deadlines(clock);
    this.#shortages = new Shortages(ground.logger, clock);
    this.#headersMissing = new MissingHeaders(ground.logger, clock);
    this.#strangers = new Strangers(ground.logger);
    this.#assembly = assembly;
    this.#observer = this.#observe(assembly);
    this.#tallies = new Tallies(clock, () => this.#inUse());
    this.#process = new OwnProcess(ground.processName, clock);
    this.#pools = new OpenPools({
      engine,
      clock,
      deadlines: this.#deadlines,
      tally: (pool, upstream) => this.#tallies.upstream(pool, upstream),
    });
    const observer: RequestObserver = {
      finished: (exchange) => {
        (exchange.route?.tally ?? this.#tallies.unrouted).finished(exchange);
        if (exchange.fault === 'local') this.#shortages.met('openFiles', exchange.cause);
        this.#observer.finished(exchange);
      },
      refused: (head) => {
        this.#tallies.refused(head);
        this.#observer.refused(head);
      },
      claimed: (address) => this.#strangers.claimed(address),
    };
    const settings = this.#settings(assembly);
    this.#gateway = new Gateway({ ...ground, deadlines: this.#deadlines }, settings, observer);
  }

  /** Rejects with STICKY_LISTEN_FAILED when the port can't be had. */
  async listen(descriptor?: number): Promise<Listener> {
    const { config } = this.#assembly;
    try {
      this.#listener = await this.#gateway.listen({
        ...config.listen,
        descriptor,
        tls: servedTls(config.tls),
        proxied: config.proxyProtocol ? this.#proxied() : undefined,
        http2: config.http2,
        connectionsMax: limitsWithin(config, this.#filesMax).connectionsMax,
        handshakeTimeMs: config.limits.headTimeMs,
        onTurnedAway: (code) =>
          code === undefined ? this.#shortages.met('connections') : this.#shortages.met('openFiles', code),
      });
      return this.#listener;
    } catch (error) {
      this.#stop();
      if (error instanceof StickyError) throw error;
      throw descriptor === undefined
        ? listenError(error as NodeJS.ErrnoException, config.listen)
        : handedError(error as NodeJS.ErrnoException, descriptor);
    }
  }

  /** `http://127.0.0.1:8080`, as one may type it. */
  get address(): string {
    const { host, port } = this.#listener!;
    const name = host === '::' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    return `${this.#assembly.config.tls === undefined ? 'http' : 'https'}://${name}:${port}`;
  }

  get port(): number {
    return this.#listener!.port;
  }

  /** From the next request on. Its listener is the one that is open: see `withFixed`. It can't fail. */
  apply(assembly: Assembly): void {
    this.#gateway.apply(this.#settings(assembly));
    this.#observer = this.#observe(assembly);
    this.#assembly = assembly;
    const tls = servedTls(assembly.config.tls);
    if (tls !== undefined) this.#gateway.setTls(tls);
  }

  /** The file of the access log has been moved away: the next line makes another. */
  reopenLog(): void {
    this.#logFile?.reopen();
  }

  /** Clients are told that it goes; it serves as before. */
  announceClose(): void {
    this.#gateway.announceClose();
  }

  async close(leave?: PortLeave): Promise<void> {
    await this.#gateway.close(this.#assembly.config.shutdownGraceMs, leave);
    this.#stop();
    await this.#logFile?.finish();
  }

  /** `withUsers`: what bound users are counted by, too. */
  measures(withUsers: boolean): Measures {
    const { connections: turnedAway, openFiles: shortages } = this.#shortages.counts;
    const { acceptedCount, openConnections, streamCounts } = this.#gateway;
    return {
      ...this.#tallies.read(withUsers),
      connectionsAccepted: acceptedCount,
      connectionsTurnedAway: turnedAway,
      shortages,
      connections: openConnections,
      http2Streams: streamCounts.streams,
      processes: [this.#process.read()],
    };
  }

  #stop(): void {
    this.#shortages.stop();
    this.#tallies.stop();
    this.#process.stop();
    this.#deadlines.stop();
    this.#pools.close();
  }

  #settings(assembly: Assembly): SiteSettings {
    const { config } = assembly;
    const limits = limitsWithin(config, this.#filesMax);
    return gatewaySettings(assembly, limits, this.#pools.follow(assembly, limits), this.#tallies);
  }

  /** Who is trusted is asked anew for each connection, so that a reload reaches it. */
  #proxied(): ProxiedConnections {
    return {
      isTrusted: (address) => this.#assembly.trusted.has(parseAddress(address)),
      headerMissing: (address) => this.#headersMissing.met(address),
    };
  }

  #inUse(): InUse {
    const { config, pools } = this.#assembly;
    return {
      routes: [...config.routes, ...config.answers.map(({ name }) => ({ name, pool: '' }))],
      pools: new Map([...pools].map(([name, { snapshot }]) => [name, snapshot.upstreams])),
    };
  }

  #observe({ config }: Assembly): RequestLog {
    const { accessLog: settings } = config;
    const { file, shares } = typeof settings === 'boolean' ? {} : settings;
    this.#followFile(settings === false ? undefined : file);
    if (settings === false) return noAccessLog;
    const sampling = shares === undefined ? undefined : samplingOf(shares, this.#random);
    return accessLog(this.#logger, this.#logFile, sampling);
  }

  /** The log goes to this file from now on; what waits for another is still written there. */
  #followFile(path: string | undefined): void {
    if (path === this.#logFile?.path) return;
    void this.#logFile?.finish();
    this.#logFile = path === undefined ? undefined : new LogFile(path, this.#clock, this.#logger);
  }
}

function gatewaySettings(
  { config, routes, trusted }: Assembly,
  limits: Limits,
  pools: ReadonlyMap<string, PoolConnections>,
  tallies: Tallies,
): SiteSettings {
  const answers = config.answers.map((route): AnsweringRoute & Matching => ({
    ...route,
    pool: undefined,
    tally: tallies.route(route.name, '', [], () => ''),
  }));
  const table = new RouteTable<(ServedRoute | AnsweringRoute) & Matching>([
    ...answers,
    ...routes.map(
      ({ name, hosts, path, demands, poolName, affinity, config: route }): ServedRoute & Matching => {
        const { rules } = affinity;
        const names = ruleNames(rules);
        const ruleName = (rule: Rule): string => names.get(rule)!;
        return {
          name,
          hosts,
          path,
          demands,
          affinity,
          pool: pools.get(poolName)!,
          mayWait: rules.some((rule) => rule.prepare !== undefined),
          binds: rules.some((rule) => rule.bind !== undefined),
          forwardLines: cookieForwarding(rules),
          requestEdits: route.requestEdits,
          answerEdits: route.answerEdits,
          toHttps: route.toHttps,
          tally: tallies.route(name, poolName, rules, ruleName),
          ruleName,
        };
      },
    ),
  ]);
  return {
    limits,
    expose: config.expose,
    halfClose: config.halfClose,
    routeFor: (facts) => table.find(facts.line.host, facts.path, facts),
    pageFor: pagesOf(config.errorPages),
    isTrusted: (address) => trusted.has(parseAddress(address)),
    clientAddress: (peer, forwardedFor) => clientAddress(peer, forwardedFor, trusted),
  };
}
