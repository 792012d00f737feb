import type { Report } from '../report.js';
import type { Directive } from './directives.js';
import type { NginxGroup, NginxServer } from './upstream-reader.js';
import type { Variables } from './variables.js';

/**
 * A `map` from a cookie to groups, as we know it: the default group, whose upstreams are named by the
 * cookie's values.
 */
export interface CookieGroups {
  readonly cookie: string;
  readonly group: NginxGroup;
  /** Written server → value of the cookie. */
  readonly ids: ReadonlyMap<string, string>;
}

export function cookieGroups(
  variable: string,
  groups: ReadonlyMap<string, NginxGroup>,
  variables: Variables,
  report: Report,
): CookieGroups | string {
  const map = variables.map(variable);
  if (map === undefined) return `$${variable} is set where stickyroute can't see it.`;
  const cookie = variables.cookie(map.args[0] ?? '');
  if (cookie === undefined)
    return `the map at ${map.at} asks ${map.args[0] ?? 'nothing'}, and stickyroute routes by host, path and cookie.`;
  const entries = map.block ?? [];
  const otherwise = entries.find(({ name }) => name === 'default')?.args[0];
  const group = otherwise === undefined ? undefined : groups.get(otherwise);
  if (group === undefined) return `the map at ${map.at} has no default that names an upstream block.`;
  const ids = new Map<string, string>();
  for (const entry of entries.filter(({ name }) => name !== 'default')) {
    const id = idOf(entry);
    const server = serverOf(entry, groups);
    const own = server === undefined ? undefined : group.servers.find(({ url }) => url === server);
    if (id === undefined || own === undefined)
      report.say(
        entry.at,
        `${entry.name} ${entry.args.join(' ')} is not carried over: ${id === undefined ? 'a value of the cookie must be a plain text.' : `it must lead to one server of ${group.name}.`}`,
      );
    else if (ids.has(own.url))
      report.say(
        entry.at,
        `${entry.name} is not carried over: ${ids.get(own.url)!} leads to the same upstream, and an upstream has one id.`,
      );
    else ids.set(own.url, id);
  }
  return { cookie, group, ids };
}

/** The servers by the ids that the cookie has for them. */
export function withIds(servers: readonly NginxServer[], ids: ReadonlyMap<string, string>): NginxServer[] {
  return servers.map((server) => ({ ...server, id: ids.get(server.url) ?? server.id }));
}

function idOf({ name }: Directive): string | undefined {
  const text =
    name.startsWith('~^') && name.endsWith('$')
      ? name.slice(2, -1).replace(/\\(.)/g, '$1')
      : name.replace(/^\\/, '');
  if (
    name.startsWith('~') &&
    !(
      name.startsWith('~^') &&
      name.endsWith('$') &&
      !/[*+?()[\]{}|]/.test(name.slice(2, -1).replace(/\\./g, ''))
    )
  )
    return undefined;
  return /^[A-Za-z0-9:][\w.:-]{0,127}$/.test(text) ? text : undefined;
}

/** The one server that a value of the map leads to: its URL. */
function serverOf({ args }: Directive, groups: ReadonlyMap<string, NginxGroup>): string | undefined {
  const [target = ''] = args;
  const group = groups.get(target);
  if (group !== undefined) {
    const primary = group.servers.filter(({ isBackup }) => !isBackup);
    return primary.length === 1 ? primary[0]!.url : undefined;
  }
  return /^[\w.-]+(?::\d{1,5})?$/.test(target) ? `http://${target}` : undefined;
}
