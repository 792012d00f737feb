import { complete } from '../control/config/completion.js';
import { pathText, type Issue } from '../control/config/problem.js';
import { limitWithin } from './bounds.js';
import { doorsOf, type Lock } from './doors.js';
import { draftText, wholeValue, type DraftPart, type DraftParts } from './draft-text.js';
import { chosenListener, sayOtherListeners, type ImportedListener } from './listeners.js';
import type { DraftPool, DraftRoute } from './draft-route.js';
import { Names } from './names.js';
import { PartSettings } from './part-settings.js';
import type { Report } from './report.js';
import { failed } from './source-files.js';
import { covers } from './host-routes.js';

export type { DraftPool, DraftRoute, DraftUpstream } from './draft-route.js';

/** A file that comes to more is a program's, and should be imported in parts. */
const ROUTES_MAX = 10_000;

/** Where TLS is spoken there and no certificate can be read: nobody is served in clear for want of one. */
const MISSING_PAIR = { cert: 'cert.pem', key: 'key.pem' };

/** What a reader makes of another balancer's file: our configuration, as a person would write it. */
export class Draft {
  readonly #report: Report;
  readonly #settings: PartSettings;
  readonly #limits: PartSettings;
  readonly #routes: DraftRoute[] = [];
  readonly #listeners: ImportedListener[] = [];
  readonly #locks: Lock[] = [];
  /** Host, or nothing for any, and path → the route that has them. */
  readonly #taken = new Map<string, DraftRoute>();

  constructor(report: Report) {
    this.#report = report;
    this.#settings = new PartSettings(report);
    this.#limits = new PartSettings(report);
  }

  get routes(): readonly DraftRoute[] {
    return this.#routes;
  }

  /** A key of the gateway as a whole. `part`: where the part that it counts for there begins. */
  set(key: string, value: unknown, at: string, part?: string): void {
    this.#settings.set(key, value, at, part);
  }

  limit(key: string, value: unknown, at: string, part?: string): void {
    this.#limits.set(key, limitWithin(key, value, at, this.#report), at, part);
  }

  /** Has that part a limit of its own already? */
  hasLimit(key: string, part: string): boolean {
    return this.#limits.has(key, part);
  }

  listen(listener: ImportedListener): void {
    this.#listeners.push(listener);
  }

  hasListener(owner: string): boolean {
    return this.#listeners.some((listener) => listener.owner === owner);
  }

  /** Two routes for one match: the first counts, as in most balancers. */
  route(route: DraftRoute): void {
    this.#report.spend(1 + route.hosts.length * 50);
    const keyOf = (host: string): string => `${host} ${route.path}`;
    const hosts = route.hosts.filter((host) => !this.#taken.has(keyOf(host)));
    const isTaken = route.hosts.length === 0 ? this.#taken.has(keyOf('')) : hosts.length === 0;
    if (isTaken) {
      // `path /api` and `path_beg /api/` are one route here, and nothing is lost.
      const other = this.#taken.get(keyOf(route.hosts[0] ?? ''));
      const isSame = other !== undefined && other.pool === route.pool && other.at === route.at;
      if (!isSame)
        this.#report.say(
          route.at,
          `the route for ${route.hosts.join(', ') || 'any host'}${route.path === '/' ? '' : ` and ${route.path}`} is not carried over: another one answers there already.`,
        );
      return;
    }
    if (this.#routes.length >= ROUTES_MAX)
      throw failed(`${route.at}: more than ${ROUTES_MAX} routes. Import a part of the file.`);
    const kept = { ...route, hosts };
    this.#routes.push(kept);
    for (const host of hosts.length === 0 ? [''] : hosts) this.#taken.set(keyOf(host), kept);
  }

  /** Something there keeps requests from upstreams, and nothing here would. */
  lock(lock: Lock): void {
    this.#report.door(lock.at, lock.message);
    this.#locks.push(lock);
  }

  /**
   * The configuration as YAML, and what is wrong with it should it not be usable as it is. Routes that open a
   * door are comments in it, unless they are accepted.
   */
  text(header: string, accept: boolean): { readonly yaml: string; readonly issues: readonly Issue[] } {
    const listener = chosenListener(this.#listeners);
    if (listener !== undefined) sayOtherListeners(this.#listeners, listener, this.#report);
    const doors = doorsOf(this.#routes, this.#locks, this.#listeners, listener, this.#report);
    const parts = this.#parts(listener, doors.size > 0);
    const issues: Issue[] = [];
    // Certificates stand where the other balancer runs, which need not be here.
    complete(wholeValue(parts), { folder: '.', read: () => undefined, authority: () => undefined }, issues);
    return { yaml: draftText(header, parts, doors, this.#report.notes, accept), issues };
  }

  #parts(listener: ImportedListener | undefined, hasDoors: boolean): DraftParts {
    const settings: DraftPart[] = [...this.#settings.chosen(this.#routes)].map(([name, { value, at }]) => ({
      value: plain({ [name]: value }) as object,
      at,
    }));
    if (listener !== undefined) {
      const { value, at, isTls, isHttp2 = false } = listener;
      const tls = listener.tls ?? (isTls ? MISSING_PAIR : undefined);
      settings.push({
        value: plain({
          listen: value,
          ...(tls !== undefined && { tls }),
          ...(isHttp2 && { http2: true }),
        }) as object,
        at,
      });
    }
    const limits = [...this.#limits.chosen(this.#routes)];
    if (limits.length > 0)
      settings.push({
        value: { limits: Object.fromEntries(limits.map(([key, { value }]) => [key, value])) },
        at: limits[0]![1].at,
      });
    const [first] = this.#routes;
    if (this.#routes.length === 1 && first!.hosts.length === 0 && first!.path === '/' && !hasDoors) {
      const { pool, affinity, balance, at } = first!;
      const { tls, http2, ...rest } = poolValue(pool);
      settings.push({
        value: plain({
          ...rest,
          ...(tls !== undefined && { upstreamTls: tls }),
          ...(http2 !== undefined && { upstreamHttp2: http2 }),
        }) as object,
        at: pool.at ?? at,
      });
      settings.push({ value: plain({ affinity, ...(balance !== undefined && { balance }) }) as object, at });
      return { settings, pools: [], routes: [] };
    }
    const names = new Names();
    const cookies = new Names();
    const pools = new Map<DraftPool, string>();
    for (const { pool } of this.#routes)
      if (!pools.has(pool)) pools.set(pool, names.unique(poolName(pool.name)));
    return {
      settings,
      pools: [...pools].map(([pool, name]) => ({
        value: plain({ [name]: poolValue(pool) }) as object,
        at: pool.at,
      })),
      routes: this.#routes.map((route) => {
        const { hosts, path, pool, affinity, balance, at } = route;
        const match = {
          ...(hosts.length === 1 ? { host: hosts[0] } : hosts.length > 1 ? { host: hosts } : {}),
          path,
        };
        const value = {
          match,
          pool: pools.get(pool)!,
          affinity: affinity.map((rule) => named(rule, cookies)),
          ...(balance !== undefined && { balance }),
        };
        return { value: plain(value) as object, at, route };
      }),
    };
  }
}

/** Two routes that one browser can reach must not write one cookie. */
function named(rule: unknown, cookies: Names): unknown {
  const options = rule === 'cookie' ? {} : (rule as { readonly cookie?: object }).cookie;
  if (options === undefined) return rule;
  const name = cookies.unique('sr');
  return name === 'sr' ? rule : { cookie: { name, ...options } };
}

function poolValue({
  upstreams,
  placement,
  health,
  passive,
  tls,
  http2 = false,
}: DraftPool): Record<string, unknown> {
  const names = new Names();
  const written = upstreams.map(
    ({ id, url, ...rest }) =>
      [names.unique(upstreamId(id)), Object.keys(rest).length === 0 ? url : { url, ...rest }] as const,
  );
  return {
    // Ids of digits alone would be sorted by JavaScript, and with them the pool; in a list they keep their
    // place.
    upstreams: written.some(([id]) => /^\d+$/.test(id))
      ? upstreams.map(({ id: _id, ...rest }, index) => ({ id: written[index]![0], ...rest }))
      : Object.fromEntries(written),
    ...(placement !== undefined && { placement }),
    ...(health !== undefined && { health }),
    ...(passive !== undefined && { passive }),
    ...(tls !== undefined && { tls }),
    ...(http2 && { http2 }),
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
  report.spend(routes.length * 2);
  const own = routes.filter(({ hosts }) => hosts.includes(host));
  report.spend(own.length * routes.length);
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
