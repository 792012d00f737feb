import { stringify } from 'yaml';
import { complete } from '../control/config/completion.js';
import { pathText, type Issue } from '../control/config/problem.js';
import { limitWithin } from './bounds.js';
import { chosenListener, sayOtherListeners, type Listener } from './listeners.js';
import { Names } from './names.js';
import type { Report } from './report.js';
import { covers } from './host-routes.js';

/** An upstream on its way into our configuration. */
export interface DraftUpstream {
  id: string;
  readonly url: string;
  readonly weight?: number;
  readonly draining?: boolean;
  /** What the other balancer hashes, where host and port of the URL don't say it. */
  readonly address?: string;
  readonly haproxyId?: number;
}

export interface DraftPool {
  readonly name: string;
  readonly upstreams: readonly DraftUpstream[];
  readonly placement?: unknown;
  readonly health?: object;
  readonly passive?: object;
  readonly tls?: object;
}

export interface DraftRoute {
  /** Empty: any. */
  readonly hosts: readonly string[];
  readonly path: string;
  readonly pool: DraftPool;
  readonly affinity: readonly unknown[];
  readonly balance?: string;
  /** Where it was written, for what is said of it. */
  readonly at: string;
}

/** What a reader makes of another balancer's file: our configuration, as a person would write it. */
export class Draft {
  readonly #report: Report;
  readonly #settings = new Map<string, { readonly value: unknown; readonly at: string }>();
  readonly #limits = new Map<string, { readonly value: unknown; readonly at: string }>();
  readonly #routes: DraftRoute[] = [];
  readonly #listeners: Listener[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  get routes(): readonly DraftRoute[] {
    return this.#routes;
  }

  /**
   * A key of the gateway as a whole. There is one of each: where the other file has several, the first
   * counts.
   */
  set(key: string, value: unknown, at: string): void {
    this.#once(this.#settings, key, value, at);
  }

  limit(key: string, value: unknown, at: string): void {
    this.#once(this.#limits, key, limitWithin(key, value, at, this.#report), at);
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Two routes for one match: the first counts, as in most balancers. */
  route(route: DraftRoute): void {
    const hosts = route.hosts.filter(
      (host) => !this.#routes.some((other) => other.path === route.path && other.hosts.includes(host)),
    );
    const isTaken =
      route.hosts.length === 0
        ? this.#routes.some((other) => other.path === route.path && other.hosts.length === 0)
        : hosts.length === 0;
    if (isTaken) {
      // `path /api` and `path_beg /api/` are one route here, and nothing is lost.
      const isSame = this.#routes.some(
        (other) => other.path === route.path && other.pool === route.pool && other.at === route.at,
      );
      if (!isSame)
        this.#report.say(
          route.at,
          `the route for ${route.hosts.join(', ') || 'any host'}${route.path === '/' ? '' : ` and ${route.path}`} is not carried over: another one answers there already.`,
        );
    } else this.#routes.push({ ...route, hosts });
  }

  /** The configuration as YAML, and what is wrong with it should it not be usable as it is. */
  text(header: string): { readonly yaml: string; readonly issues: readonly Issue[] } {
    const value = plain(this.#value()) as Record<string, unknown>;
    const issues: Issue[] = [];
    // Certificates stand where the other balancer runs, which need not be here.
    complete(value, { resolve: (path) => path, read: () => undefined, authority: () => undefined }, issues);
    const body = stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
    return { yaml: `${header}${body}`, issues };
  }

  #value(): Record<string, unknown> {
    const listener = chosenListener(this.#listeners);
    if (listener !== undefined) sayOtherListeners(this.#listeners, listener, this.#report);
    const value: Record<string, unknown> = {
      ...Object.fromEntries([...this.#settings].map(([key, entry]) => [key, entry.value])),
      ...(listener !== undefined && { listen: listener.value }),
      ...(listener?.tls !== undefined && { tls: listener.tls }),
    };
    if (this.#limits.size > 0)
      value['limits'] = Object.fromEntries([...this.#limits].map(([key, entry]) => [key, entry.value]));
    const [first] = this.#routes;
    if (this.#routes.length === 1 && first!.hosts.length === 0 && first!.path === '/') {
      const { pool, affinity, balance } = first!;
      const { tls, ...rest } = poolValue(pool);
      return {
        ...value,
        ...rest,
        ...(tls !== undefined && { upstreamTls: tls }),
        affinity,
        ...(balance !== undefined && { balance }),
      };
    }
    const names = new Names();
    const cookies = new Names();
    const pools = new Map<DraftPool, string>();
    for (const { pool } of this.#routes)
      if (!pools.has(pool)) pools.set(pool, names.unique(poolName(pool.name)));
    value['pools'] = Object.fromEntries([...pools].map(([pool, name]) => [name, poolValue(pool)]));
    value['routes'] = this.#routes.map(({ hosts, path, pool, affinity, balance }) => ({
      match: { ...(hosts.length === 1 ? { host: hosts[0] } : hosts.length > 1 ? { host: hosts } : {}), path },
      pool: pools.get(pool)!,
      affinity: affinity.map((rule) => named(rule, cookies)),
      ...(balance !== undefined && { balance }),
    }));
    return value;
  }

  #once(
    into: Map<string, { readonly value: unknown; readonly at: string }>,
    key: string,
    value: unknown,
    at: string,
  ): void {
    const before = into.get(key);
    if (before === undefined) into.set(key, { value, at });
    else if (JSON.stringify(before.value) !== JSON.stringify(value))
      this.#report.say(
        at,
        `${key} is not carried over: stickyroute has one for all, and took it from ${before.at}.`,
      );
  }
}

/** Two routes that one browser can reach must not write one cookie. */
function named(rule: unknown, cookies: Names): unknown {
  const options = rule === 'cookie' ? {} : (rule as { readonly cookie?: object }).cookie;
  if (options === undefined) return rule;
  const name = cookies.unique('sr');
  return name === 'sr' ? rule : { cookie: { name, ...options } };
}

function poolValue({ upstreams, placement, health, passive, tls }: DraftPool): Record<string, unknown> {
  const names = new Names();
  const written = upstreams.map(
    ({ id, url, ...rest }) =>
      [names.unique(upstreamId(id)), Object.keys(rest).length === 0 ? url : { url, ...rest }] as const,
  );
  return {
    // Ids of digits alone would be sorted by JavaScript, and with them the pool; in a list they keep their
    // place.
    upstreams: written.some(([id]) => /^\d+$/.test(id))
      ? upstreams.map(({ id: _id, ...rest }, place) => ({ id: written[place]![0], ...rest }))
      : Object.fromEntries(written),
    ...(placement !== undefined && { placement }),
    ...(health !== undefined && { health }),
    ...(passive !== undefined && { passive }),
    ...(tls !== undefined && { tls }),
  };
}

/** An id as we have them: letters, digits and `. _ - :`. */
export function upstreamId(text: string): string {
  return (
    text
      .replace(/[^\w.:-]+/g, '-')
      .replace(/^[^A-Za-z0-9:]+/, '')
      .slice(0, 128) || 'upstream'
  );
}

/** A text that our configuration takes from the environment, as the other file did. */
export class FromEnvironment {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What is read by `${NAME}` in our configuration stays text where it was text. */
function plain(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${');
  if (value instanceof FromEnvironment) return `\${${value.name}}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function poolName(text: string): string {
  return (
    text
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 60) || 'pool'
  );
}

/**
 * Says where a wider route takes what another balancer would have answered with 404: routes of ours fall
 * through.
 */
export function sayFallthrough(
  routes: readonly DraftRoute[],
  host: string,
  at: string,
  report: Report,
): void {
  const own = routes.filter(({ hosts }) => hosts.includes(host));
  const wider = routes.find(
    ({ hosts, path }) => hosts.length === 0 && !own.some((route) => covers(route.path, path)),
  );
  if (wider !== undefined)
    report.say(
      at,
      `${host}${wider.path === '/' ? '' : wider.path}: other paths than those named here go to the route for any host; there, they were not found.`,
    );
}

export function issueLines(issues: readonly Issue[]): string[] {
  return issues.map(({ path, message }) => `${pathText(path)}: ${message}`);
}
