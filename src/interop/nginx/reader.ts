import { Draft, sayFallthrough, upstreamId, type DraftPool } from '../draft.js';
import { isCachingField } from '../caching-fields.js';
import { isOrigin } from '../connect-address.js';
import { Names } from '../names.js';
import type { Report } from '../report.js';
import { failed, type SourceFile, type SourceFiles } from '../source-files.js';
import { trustedRanges } from '../trusted-ranges.js';
import { cookieGroups, withIds } from './cookie-groups.js';
import { directives, type Directive } from './directives.js';
import {
  asSent,
  hasHost,
  httpsOf,
  isSameBody,
  NO_UPSTREAM,
  OWN_CONTENT,
  pathLocks,
  plainPath,
  passTarget,
  TLS_LINES,
  tlsOf,
} from './location.js';
import { isLock, isPartOfLock, locksOf } from './locks.js';
import { serverBlocks, type NginxServerBlock } from './servers.js';
import { readLine } from './settings.js';
import { boundHere, stickyRules } from './sticky-rules.js';
import { nginxGroup, type NginxGroup, type NginxServer } from './upstream-reader.js';
import { Variables } from './variables.js';

/** An nginx.conf, or a part of one that stands inside of `http`. */
export function readNginx(file: SourceFile, files: SourceFiles, report: Report): Draft {
  const all = directives(file, files, report);
  const http = all.find(({ name }) => name === 'http');
  const draft = new Draft(report);
  const inside = http?.block ?? all;
  if (!inside.some(({ name }) => name === 'server'))
    throw failed(`${file.name}: there is no server block in it. Name the main file, such as nginx.conf.`);
  for (const line of http === undefined ? [] : all)
    if (line !== http) readLine(line, draft, report, () => undefined, undefined);
  new NginxReader(inside, draft, report).read();
  return draft;
}

/** A server with what stands around its locations, from the inside out. */
interface Around extends NginxServerBlock {
  /** The server and the locations around, the innermost last. */
  readonly parts: readonly string[];
  readonly levels: readonly (readonly Directive[])[];
}

class NginxReader {
  readonly #http: readonly Directive[];
  readonly #draft: Draft;
  readonly #report: Report;
  readonly #variables: Variables;
  readonly #groups = new Map<string, NginxGroup>();
  readonly #used = new Set<NginxGroup>();
  readonly #pools = new Map<string, DraftPool>();

  constructor(http: readonly Directive[], draft: Draft, report: Report) {
    this.#http = http;
    this.#draft = draft;
    this.#report = report;
    this.#variables = new Variables(
      http.filter(({ name }) => name === 'map' || name === 'geo' || name === 'split_clients'),
    );
  }

  read(): void {
    const trusted = this.#http
      .filter(({ name }) => name === 'set_real_ip_from')
      .flatMap(({ args, at }) => trustedRanges(args, at, this.#report));
    if (trusted.length > 0) this.#draft.set('trustedProxies', trusted, '');
    for (const line of this.#http.filter(({ name }) => name === 'upstream')) {
      const group = nginxGroup(line, this.#variables, this.#report);
      this.#groups.set(group.name.toLowerCase(), group);
    }
    for (const line of this.#http) {
      if (
        !isLock(line) &&
        !isPartOfLock(line) &&
        ![
          'upstream',
          'server',
          'map',
          'geo',
          'split_clients',
          'set_real_ip_from',
          'ssl_certificate',
          'ssl_certificate_key',
        ].includes(line.name)
      )
        readLine(line, this.#draft, this.#report, (text) => this.#variables.use(text), undefined);
    }
    const servers = serverBlocks(
      this.#http.filter(({ name }) => name === 'server'),
      this.#http,
      this.#draft,
      this.#report,
    );
    for (const server of servers) this.#server(server);
    for (const server of servers.filter(({ isDefault }) => !isDefault))
      for (const host of server.hosts) sayFallthrough(this.#draft.routes, host, server.at, this.#report);
    for (const group of this.#groups.values())
      if (!this.#used.has(group))
        this.#report.harmless(
          group.at,
          `upstream ${group.name} is not carried over: no location passes requests to it.`,
        );
    for (const map of this.#variables.unused)
      this.#report.harmless(map.at, `${map.name} ${map.args.join(' ')} is not carried over.`);
  }

  #server({ hosts, isDefault, lines, at, id }: NginxServerBlock): void {
    if (!isDefault && hosts.length === 0) {
      this.#report.say(
        at,
        'server is not carried over: it has no name of its own, and another one answers for any host.',
      );
      return;
    }
    for (const line of lines) this.#line(line, id);
    const http = this.#http.filter(({ name }) => name !== 'include');
    this.#locations(lines, { hosts, isDefault, lines, at, id, parts: [id], levels: [lines, http] });
  }

  /** The locations of a server, or of a location: `lines` of the server they are in stand around them. */
  #locations(within: readonly Directive[], server: Around): void {
    const locations = within.filter(({ name }) => name === 'location');
    // A prefix and the same path exactly, with one body, are one route of ours.
    const exact = new Map(
      locations.filter(({ args }) => args[0] === '=').map((location) => [location.args[1]!, location]),
    );
    const plain = new Map(locations.map((location) => [plainPath(location), location]));
    for (const location of locations) {
      const [modifier = '', path = ''] = location.args.length > 1 ? location.args : ['', location.args[0]];
      const below = modifier === '=' ? plain.get(`${path}/`) : undefined;
      if (below !== undefined && isSameBody(location, below)) continue;
      this.#location(location, modifier, path, exact, server);
      this.#locations(location.block ?? [], {
        ...server,
        lines: [...(location.block ?? []), ...server.lines],
        parts: [...server.parts, location.id],
        levels: [location.block ?? [], ...server.levels],
      });
    }
  }

  #location(
    location: Directive,
    modifier: string,
    path: string,
    exact: ReadonlyMap<string, Directive>,
    server: Around,
  ): void {
    const { at, id } = location;
    const body = location.block ?? [];
    for (const line of body) this.#line(line, id);
    const pass = body.find(({ name }) => name === 'proxy_pass' || name === 'grpc_pass');
    const isPrefix = !modifier.startsWith('~') && !path.startsWith('@');
    const within = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    // Requests that are kept out here would go where a shorter path goes.
    const shut = (): void => {
      for (const lock of path.startsWith('@') ? [] : locksOf([body]))
        this.#draft.lock({ ...lock, hosts: [], path: isPrefix ? asSent(within) : '/', owner: server.id });
    };
    if (pass === undefined) {
      // What is not found there is not found here either.
      const why = body.map(({ name }) => NO_UPSTREAM[name]).find((text) => text !== undefined);
      if (!body.some(({ name }) => OWN_CONTENT.has(name) || name === 'location')) shut();
      if (!body.every(({ name, args }) => name === 'return' && args[0] === '404') || path !== '/')
        this.#report.say(
          at,
          `location ${location.args.join(' ')} is not carried over: ${why ?? 'it passes nothing to an upstream.'}${path === '/' ? '' : ' Its requests go where a shorter path goes.'}`,
        );
      return;
    }
    if (modifier.startsWith('~') || path.startsWith('@') || modifier === '=') {
      shut();
      this.#report.say(
        at,
        `location ${location.args.join(' ')} is not carried over: routes are prefixes of whole segments, ${modifier === '=' ? 'and this is one path alone' : 'no patterns'}.`,
      );
      return;
    }
    const prefix = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    if (prefix === path && path !== '/')
      this.#report.say(at, `location ${path} covers whole segments here: ${path}/x, not ${path}x.`);
    else if (prefix !== path && !exact.has(prefix))
      this.#report.say(at, `location ${path} covers ${prefix} itself here, too.`);
    const target = this.#target(pass, body, server.lines);
    if (target === undefined) {
      shut();
      return;
    }
    if (!prefix.startsWith('/') || /[?#*]/.test(prefix)) {
      this.#report.say(at, `location ${path} is not carried over: it can't be a path.`);
      return;
    }
    const { pool, affinity, balance } = target;
    const owner = server.id;
    const route = {
      path: asSent(prefix),
      pool,
      affinity,
      ...(balance !== undefined && { balance }),
      at,
      owner,
      parts: [...server.parts, id],
    };
    const urls = new Set(pool.upstreams.map(({ url }) => url));
    for (const lock of locksOf([body, ...server.levels]))
      this.#draft.lock({ ...lock, hosts: [], path: route.path, owner, urls });
    for (const lock of pathLocks(body, pass, path))
      this.#draft.lock({ ...lock, hosts: [], path: route.path, part: id });
    if (server.hosts.length > 0) this.#draft.route({ ...route, hosts: server.hosts });
    if (server.isDefault) this.#draft.route({ ...route, hosts: [] });
  }

  /** `part`: the server or location that it stands in. */
  #line(line: Directive, part: string): void {
    if (line.name === 'return' && line.args[0] === '404') return;
    // They are told of where a route stands behind them.
    if (isLock(line) || isPartOfLock(line)) return;
    if (line.name === 'access_log') {
      if (line.args[0] === 'off')
        this.#report.harmless(
          line.at,
          'access_log off counts for this part there. Here one log is on for all: write accessLog: false to have none.',
        );
      return;
    }
    if (line.name === 'add_header') {
      if (/^x-upstream$/i.test(line.args[0] ?? '')) this.#draft.set('expose', true, line.at, part);
      else if (!/^set-cookie$/i.test(line.args[0] ?? ''))
        this.#report[isCachingField(line.args) ? 'harmless' : 'say'](
          line.at,
          `add_header ${line.args[0] ?? ''} is not carried over: stickyroute adds no fields to answers.`,
        );
      this.#variables.use(line.args[1] ?? '');
      return;
    }
    if (!TLS_LINES.has(line.name))
      readLine(line, this.#draft, this.#report, (text) => this.#variables.use(text), part);
  }

  /** What `proxy_pass` leads to; undefined, and said, when that is nothing of ours. */
  #target(
    pass: Directive,
    body: readonly Directive[],
    around: readonly Directive[],
  ): { readonly pool: DraftPool; readonly affinity: unknown[]; readonly balance?: string } | undefined {
    const [url = ''] = pass.args;
    const leftOut = (why: string): undefined =>
      void this.#report.say(pass.at, `${pass.name} ${url} is not carried over: ${why}`);
    const { name, scheme, isGrpc } = passTarget(pass);
    if (name === undefined)
      return leftOut(
        url.startsWith('$')
          ? 'it is a variable, and what it says is known only when a request comes. Name the upstreams.'
          : `it is not ${isGrpc ? 'grpc:// or grpcs://' : 'http:// or https://'} and a name.`,
      );
    if (!hasHost([...body, ...around, ...this.#http]))
      this.#report.say(
        pass.at,
        'Host is what the client sent, with stickyroute; nginx sends the name in proxy_pass unless proxy_set_header Host says otherwise.',
      );
    const lines = [...body, ...around, ...this.#http];
    const tls = scheme === 'https' ? tlsOf(lines) : undefined;
    const http2 = isGrpc || lines.find((line) => line.name === 'proxy_http_version')?.args[0] === '2';
    if (name.startsWith('$')) {
      const found = cookieGroups(
        name.slice(1).replace(/[{}]/g, ''),
        this.#groups,
        this.#variables,
        this.#report,
      );
      if (typeof found === 'string')
        return leftOut(
          `${found} nginx looks such a name up by DNS for each request; name the upstreams here.`,
        );
      for (const entry of this.#groups.values())
        if (
          entry.servers.filter(({ isBackup }) => !isBackup).length === 1 &&
          found.ids.has(entry.servers[0]!.url)
        )
          this.#used.add(entry);
      const cookie = body.find(
        (line) => line.name === 'add_header' && /^set-cookie$/i.test(line.args[0] ?? ''),
      );
      return this.#use(
        found.group,
        tls,
        http2,
        () =>
          cookie === undefined
            ? [{ routeCookie: found.cookie }]
            : boundHere(found.cookie, cookie.at, this.#report),
        found.ids,
      );
    }
    const group = this.#groups.get(name.toLowerCase());
    if (group !== undefined)
      return this.#use(group, tls, http2, (routes) => stickyRules(group, routes, this.#report), undefined);
    if (!/^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?$/.test(name))
      return leftOut('it is not a name and a port.');
    const origin = `${scheme}://${name}`;
    if (!isOrigin(origin)) return leftOut('it is not a name and a port.');
    const key = `${origin}${http2 ? ' http2' : ''}`;
    const pool = this.#pools.get(key) ?? {
      name: new URL(origin).hostname,
      upstreams: [{ id: new URL(origin).host.replace(/[[\]]/g, ''), url: origin }],
      ...(tls !== undefined && { tls }),
      http2,
    };
    this.#pools.set(key, pool);
    return { pool, affinity: [] };
  }

  /** `bindings`: the rules that bind, from what `route=` says of the upstreams: its text → our id. */
  #use(
    group: NginxGroup,
    tls: object | undefined,
    http2: boolean,
    bindings: (routes: ReadonlyMap<string, string>) => readonly unknown[],
    ids: ReadonlyMap<string, string> | undefined,
  ): { readonly pool: DraftPool; readonly affinity: unknown[]; readonly balance?: string } | undefined {
    this.#used.add(group);
    const spoken = `${tls === undefined ? 'http' : JSON.stringify(tls)}${http2 ? ' http2' : ''}`;
    const key = `${group.name} ${spoken} ${ids === undefined ? '' : JSON.stringify([...ids])}`;
    const servers = this.#primaries(ids === undefined ? group.servers : withIds(group.servers, ids));
    if (servers.length === 0) {
      this.#report.say(
        group.at,
        `upstream ${group.name} is not carried over: no server in it is of use here.`,
      );
      return undefined;
    }
    const names = new Names();
    const named = servers.map((server) => ({
      ...server,
      id: names.unique(upstreamId(server.route ?? server.id)),
    }));
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const hashesAddresses = group.placement === 'nginxConsistent';
      const upstreams = named.map(({ isBackup: _backup, route: _route, at: _at, address, url, ...rest }) => ({
        ...rest,
        url: tls === undefined ? url : httpsOf(url),
        ...(address !== undefined && hashesAddresses && { address }),
      }));
      pool = {
        name: group.name,
        upstreams,
        ...(group.placement !== undefined && { placement: group.placement }),
        passive: group.passive,
        http2,
        ...(tls !== undefined && { tls }),
      };
      this.#pools.set(key, pool);
    }
    const routes = new Map(
      named.flatMap(({ route, id }) => (route === undefined ? [] : [[route, id] as const])),
    );
    return {
      pool,
      affinity: [...bindings(routes), ...group.keys],
      ...(group.balance !== undefined && { balance: group.balance }),
    };
  }

  #primaries(servers: readonly NginxServer[]): NginxServer[] {
    const urls = new Set<string>();
    return servers.filter((server) => {
      if (server.isBackup)
        this.#report.say(
          server.at,
          `server ${server.id} is left out: stickyroute has no backup upstreams. Each of the others stands in for those that are down.`,
        );
      else if (urls.has(server.url))
        this.#report.say(
          server.at,
          `server ${server.id} is left out: it is there twice. Give the first more weight.`,
        );
      else return urls.add(server.url);
      return false;
    });
  }
}
