/** What a route answers for, as its configuration says it. */
export interface Matching {
  /** Lower case; `*.example.org` covers one or more labels more. Empty: any host. */
  readonly hosts: readonly string[];
  /** A prefix by whole segments. */
  readonly path: string;
}

/** A longer host name is none (RFC 1035 §2.3.4), so no walk over its dots is worth the time. */
const HOST_CHARS_MAX = 255;

/**
 * Finds the route of a request: its own host name first, then the longest wildcard, then routes for any host;
 * among those of one host the longest path. A host without a fitting path falls through to the next. The work
 * grows with the depth of the routes that exist, not with their number nor with the length of what a client
 * sends.
 */
export class RouteTable<R extends Matching> {
  readonly #named = new Map<string, PathTree<R>>();
  readonly #wildcards = new Map<string, PathTree<R>>();
  readonly #any: PathTree<R> = new PathTree();

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      if (route.hosts.length === 0) this.#any.add(route.path, route);
      for (const host of route.hosts) {
        const isWildcard = host.startsWith('*.');
        tree(isWildcard ? this.#wildcards : this.#named, isWildcard ? host.slice(2) : host).add(
          route.path,
          route,
        );
      }
    }
  }

  /** `host` in lower case, without its port; `path` without the query. */
  find(host: string, path: string): R | undefined {
    // A dot at the end names the same host (RFC 3986 §3.2.2).
    const name = host.endsWith('.') ? host.slice(0, -1) : host;
    return this.#named.get(name)?.find(path) ?? this.#byWildcard(name, path) ?? this.#any.find(path);
  }

  #byWildcard(host: string, path: string): R | undefined {
    if (this.#wildcards.size === 0 || host.length > HOST_CHARS_MAX) return undefined;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const route = this.#wildcards.get(host.slice(dot + 1))?.find(path);
      if (route !== undefined) return route;
    }
    return undefined;
  }
}

function tree<R>(trees: Map<string, PathTree<R>>, host: string): PathTree<R> {
  let found = trees.get(host);
  if (found === undefined) trees.set(host, (found = new PathTree()));
  return found;
}

/** Routes by the segments of their paths. */
class PathTree<R> {
  #route: R | undefined;
  #below: Map<string, PathTree<R>> | undefined;

  add(path: string, route: R): void {
    let at: PathTree<R> = this;
    for (const segment of path === '/' ? [] : path.slice(1).split('/'))
      at = tree((at.#below ??= new Map()), segment);
    at.#route = route;
  }

  find(path: string): R | undefined {
    let at: PathTree<R> | undefined = this;
    let found = this.#route;
    let start = 1;
    while (at.#below !== undefined && start <= path.length) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      at = at.#below.get(path.slice(start, end));
      if (at === undefined) break;
      found = at.#route ?? found;
      start = end + 1;
    }
    return found;
  }
}
