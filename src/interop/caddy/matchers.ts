import { host as hostSchema, pathPrefix } from '../../control/config/match.js';
import { covers } from '../host-routes.js';
import type { Report } from '../report.js';
import type { Segment } from './segments.js';

/** For which requests something stands in a Caddyfile. */
export interface Scope {
  /** Empty: any. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

export const EVERYTHING: Scope = { hosts: [], paths: ['/'] };

/** What a matcher in front of a directive narrows a scope to; a text says why that can't be asked here. */
export function narrowed(
  scope: Scope,
  matcher: string | undefined,
  named: ReadonlyMap<string, Segment>,
  at: string,
  report: Report,
): Scope | string {
  if (matcher === undefined || matcher === '*') return scope;
  if (matcher.startsWith('/')) return withPaths(scope, [matcher], at, report);
  const definition = named.get(matcher);
  if (definition === undefined) return `the matcher ${matcher} is not defined here.`;
  const lines = definition.block ?? [
    { name: definition.args[0] ?? '', args: definition.args.slice(1), block: undefined, at: definition.at },
  ];
  let found: Scope | string = scope;
  // Lines of one kind are alternatives; of several kinds each must fit.
  const kinds = [...new Set(lines.map(({ name }) => name))].map((name) => ({
    name,
    args: lines.filter((line) => line.name === name).flatMap(({ args }) => args),
    at: lines.find((line) => line.name === name)!.at,
  }));
  for (const { name, args, at: here } of kinds) {
    if (typeof found === 'string') return found;
    if (name === 'path') found = withPaths(found, args, here, report);
    else if (name === 'host') found = withHosts(found, args, here, report);
    else if (name === 'header_regexp' && args[0] === 'Host' && OWN_WILDCARD.test(args[1] ?? ''))
      found = withHosts(
        found,
        [`*${OWN_WILDCARD.exec(args[1]!)![1]!.replaceAll('\\', '')}`],
        undefined,
        report,
      );
    else return `${name} in ${matcher} is neither host nor path.`;
  }
  return found;
}

/** As stickyroute export writes a wildcard for several labels. */
const OWN_WILDCARD = /^\(\?i\)\^\.\+((?:\\\.[\w-]+)+)\(:\[0-9\]\+\)\?\$$/;

/** `at` undefined: a wildcard is meant as ours. */
export function withHosts(
  scope: Scope,
  names: readonly string[],
  at: string | undefined,
  report: Report,
): Scope | string {
  const hosts: string[] = [];
  for (const name of names) {
    const read = hostSchema.safeParse(name);
    if (!read.success) return `${name} is no host name.`;
    if (name.startsWith('*.') && at !== undefined)
      report.say(at, `${name} stands for one label or more here; in Caddy for one.`);
    hosts.push(read.data);
  }
  if (scope.hosts.length === 0) return { ...scope, hosts };
  report.spend(hosts.length * scope.hosts.length);
  const both = hosts.filter(
    (host) =>
      scope.hosts.includes(host) ||
      scope.hosts.some((outer) => outer.startsWith('*.') && host.endsWith(outer.slice(1))),
  );
  return both.length === 0 ? 'its hosts are none of those around it.' : { ...scope, hosts: both };
}

function withPaths(scope: Scope, patterns: readonly string[], at: string, report: Report): Scope | string {
  const paths = new Set<string>();
  const known = new Set(patterns);
  for (const pattern of patterns) {
    const [, plain = '', star] = /^([^*]*)(\*?)$/.exec(pattern) ?? [];
    if (star === undefined) return `${pattern} has a * in it.`;
    const read = pathPrefix.safeParse(plain === '' ? '/' : plain);
    if (!read.success) return `${pattern} can't be a path here.`;
    const path = read.data;
    const isWhole = plain.endsWith('/');
    if (star === '' && path !== '/' && !known.has(`${path}/*`))
      report.say(at, `path ${pattern} covers all below it here, too.`);
    else if (star === '*' && !isWhole)
      report.say(at, `path ${pattern} covers whole segments here: ${path}/x, not ${path}x.`);
    else if (star === '*' && path !== '/' && !known.has(path))
      report.say(at, `path ${pattern} covers ${path} itself here, too.`);
    report.spend(scope.paths.length);
    for (const outer of scope.paths) {
      if (covers(outer, path)) paths.add(path);
      else if (covers(path, outer)) paths.add(outer);
    }
  }
  return paths.size === 0 ? 'its paths are none of those around it.' : { ...scope, paths: [...paths] };
}
