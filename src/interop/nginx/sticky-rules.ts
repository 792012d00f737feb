import type { Report } from '../report.js';
import type { NginxGroup } from './upstream-reader.js';

/** The rules that bind as `sticky` in a group does. `routes`: what `route=` says of its servers → our id. */
export function stickyRules(
  { sticky, servers }: NginxGroup,
  routes: ReadonlyMap<string, string>,
  report: Report,
): unknown[] {
  if (sticky === undefined) return [];
  if (sticky.kind === 'route') {
    for (const [route, id] of routes)
      if (route !== id)
        report.say(
          sticky.at,
          `sticky route: ${route} is no id of stickyroute, so its cookie is not followed. Here that upstream is ${id}.`,
        );
    return [{ routeCookie: sticky.cookie }];
  }
  report.harmless(
    sticky.at,
    `sticky cookie ${sticky.name} becomes a sealed cookie of stickyroute. Cookies of nginx are followed too; when all are replaced, take acceptCookies out.`,
  );
  // A server with route= is named by it, any other one by its address.
  const formats = [
    ...(routes.size === 0 ? [] : [{ nginx: { name: sticky.name, upstreams: Object.fromEntries(routes) } }]),
    ...(servers.every(({ route }) => route !== undefined) ? [] : [{ nginx: { name: sticky.name } }]),
  ];
  return [{ cookie: sticky.options }, { acceptCookies: { formats } }];
}

/** Where the route sets the cookie itself that it then goes by. */
export function boundHere(cookie: string, at: string, report: Report): unknown[] {
  report.harmless(
    at,
    `Set-Cookie of ${cookie} becomes a sealed cookie of stickyroute. The old ones are followed too; when all are replaced, take routeCookie out.`,
  );
  return ['cookie', { routeCookie: cookie }];
}
