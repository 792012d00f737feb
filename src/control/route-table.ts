import type { RequestFacts } from '../route/facts.js';

/** What a route answers for, as its configuration says it. */
export interface Matching {
  /** Lower case; `*.example.org` covers one or more labels more. Empty: any host. */
  readonly hosts: readonly string[];
  /** A prefix by whole segments. */
  readonly path: string;
  /** All must hold. */
  readonly demands: readonly Demand[];
}

/** What else a request must have. Texts are byte strings, as in RequestFacts. */
export type Demand =
  | { readonly kind: 'method'; readonly oneOf: readonly string[] }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string; readonly wants: DemandedValue };

/** One of these values, or whether it is there at all. */
export type DemandedValue = readonly string[] | boolean;

/** A longer host name is none (RFC 1035 §2.3.4), so no walk over its dots is worth the time. */
const HOST_CHARS_MAX = 255;

/**
 * Finds the route of a request: its own host name first, then the longest wildcard, then routes for any host;
 * among those of one host the longest path; among those of one path the one with the most demands. A host
 * or a path without a fitting route falls through to the next. The work grows with the depth of the routes
 * that exist, not with their number nor with the length of what a client sends.
 */
export class RouteTable<R extends Matching> {
  readonly #named = new Map<string, PathTree<R>>();
  readonly #wildcards = new Map<string, PathTree<R>>();
  readonly #any: PathTree<R> = new PathTree();

  /** Of two routes that match alike, the first is asked first. */
  constructor(routes: readonly R[]) {
    for (const route of routes) {
      if (route.hosts.length === 0) this.#any.add(route);
      for (const host of route.hosts) {
        const isWildcard = host.startsWith('*.');
        tree(isWildcard ? this.#wildcards : this.#named, isWildcard ? host.slice(2) : host).add(route);
      }
    }
  }

  /** `host` in lower case, without its port; `path` without the query. */
  find(host: string, path: string, facts: RequestFacts): R | undefined {
    // A dot at the end names the same host (RFC 3986 §3.2.2).
    const name = host.endsWith('.') ? host.slice(0, -1) : host;
    return (
      this.#named.get(name)?.find(path, facts) ??
      this.#byWildcard(name, path, facts) ??
      this.#any.find(path, facts)
    );
  }

  #byWildcard(host: string, path: string, facts: RequestFacts): R | undefined {
    if (this.#wildcards.size === 0 || host.length > HOST_CHARS_MAX) return undefined;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const route = this.#wildcards.get(host.slice(dot + 1))?.find(path, facts);
      if (route !== undefined) return route;
    }
    return undefined;
  }
}

function tree<R extends Matching>(trees: Map<string, PathTree<R>>, host: string): PathTree<R> {
  let found = trees.get(host);
  if (found === undefined) trees.set(host, (found = new PathTree()));
  return found;
}

/** Routes by the segments of their paths. */
class PathTree<R extends Matching> {
  /** The one without demands. */
  #route: R | undefined;
  /** Those with demands, the most first. */
  #conditional: R[] | undefined;
  #below: Map<string, PathTree<R>> | undefined;

  add(route: R): void {
    let at: PathTree<R> = this;
    for (const segment of route.path === '/' ? [] : route.path.slice(1).split('/'))
      at = tree((at.#below ??= new Map()), segment);
    if (route.demands.length === 0) at.#route = route;
    else {
      const list = (at.#conditional ??= []);
      list.push(route);
      list.sort((a, b) => b.demands.length - a.demands.length);
    }
  }

  find(path: string, facts: RequestFacts): R | undefined {
    let at: PathTree<R> | undefined = this;
    let found = this.#route;
    /** The last one whose demands hold, and it is asked on the way down, so that the deepest stays. */
    if (this.#conditional !== undefined) found = this.#fitting(facts) ?? found;
    let start = 1;
    while (at.#below !== undefined && start <= path.length) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      at = at.#below.get(path.slice(start, end));
      if (at === undefined) break;
      found = (at.#conditional === undefined ? undefined : at.#fitting(facts)) ?? at.#route ?? found;
      start = end + 1;
    }
    return found;
  }

  #fitting(facts: RequestFacts): R | undefined {
    return this.#conditional!.find(({ demands }) => demands.every((each) => holds(each, facts)));
  }
}

/** Whether a request has what a route asks for. */
export function holds(condition: Demand, facts: RequestFacts): boolean {
  if (condition.kind === 'method') return condition.oneOf.includes(facts.line.method);
  const { kind, name, wants } = condition;
  if (kind === 'cookie') {
    const values = facts.cookies(name);
    return typeof wants === 'boolean'
      ? values.length > 0 === wants
      : values.some((value) => wants.includes(value));
  }
  const value = kind === 'header' ? facts.headers.get(name) : facts.query(name);
  if (typeof wants === 'boolean') return (value !== undefined) === wants;
  return value !== undefined && wants.includes(value);
}
