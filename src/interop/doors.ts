import type { DraftRoute } from './draft-route.js';
import { covers } from './host-routes.js';
import type { ImportedListener } from './listeners.js';
import { noteLine, type Report } from './report.js';

/** What keeps requests from upstreams there: a password, an address, a certificate, a status. */
export interface Lock {
  /** Empty: any. */
  readonly hosts: readonly string[];
  /** The prefix under which it counts. */
  readonly path: string;
  /** Only routes of this server, frontend or site, or of this block in it. */
  readonly owner?: string | undefined;
  /** Only routes whose smallest part is this one. */
  readonly part?: string;
  /** Only routes that lead to one of these upstreams; undefined: whatever they lead to. */
  readonly urls?: ReadonlySet<string> | undefined;
  readonly at: string;
  readonly message: string;
}

/**
 * The routes that would let in somebody who is kept out there, each with the notes that say why. A route
 * opens a door where it stands behind a lock, and also where it would get the requests that a lock keeps
 * away: we have no route that answers nobody, so what no route takes goes to the next wider one.
 */
export function doorsOf(
  routes: readonly DraftRoute[],
  locks: readonly Lock[],
  listeners: readonly ImportedListener[],
  chosen: ImportedListener | undefined,
  report: Report,
): ReadonlyMap<DraftRoute, readonly string[]> {
  const doors = new Map<DraftRoute, string[]>();
  const add = (route: DraftRoute, at: string, message: string): void => {
    const lines = doors.get(route) ?? [];
    if (lines.length < LINES_MAX) lines.push(noteLine({ kind: 'door', at, message }));
    doors.set(route, lines);
  };
  for (const lock of locks) {
    report.spend(routes.length);
    for (const route of routes) if (isBehind(route, lock, report)) add(route, lock.at, lock.message);
  }
  const byOwner = new Map<string, ImportedListener[]>();
  for (const listener of listeners) {
    const own = byOwner.get(listener.owner);
    if (own === undefined) byOwner.set(listener.owner, [listener]);
    else own.push(listener);
  }
  for (const route of routes) {
    const own = route.owner === undefined ? undefined : byOwner.get(route.owner);
    if (own === undefined || chosen === undefined || own.some(({ value }) => isSame(value, chosen.value)))
      continue;
    const message = `its routes answer at ${own[0]!.value} there, and would answer at ${chosen.value} here, where others can reach them.`;
    report.door(own[0]!.at, message);
    add(route, own[0]!.at, message);
  }
  return doors;
}

/** What is said where upstreams are asked for another path than the client was. */
export const OTHER_PATH =
  'changes the path, and stickyroute passes it on as it is: another part of the upstream would answer';

/** The sentence for why something keeps somebody out. */
export function lockText(why: string): string {
  return why.endsWith(OTHER_PATH)
    ? `${why}.`
    : `${why}, and nothing here would ask for it or keep anybody out.`;
}

/** A route needs no more lines to be looked at. */
const LINES_MAX = 20;

/** Ports 80 and 443 are open to the same people. */
function isSame(one: number | string, other: number | string): boolean {
  return one === other || ((one === 80 || one === 443) && (other === 80 || other === 443));
}

function isBehind(route: DraftRoute, { hosts, path, owner, part, urls }: Lock, report: Report): boolean {
  if (part !== undefined && route.parts?.at(-1) !== part) return false;
  if (owner !== undefined && route.owner !== owner && route.within?.includes(owner) !== true) return false;
  if (!covers(path, route.path) && !covers(route.path, path)) return false;
  if (urls !== undefined && !route.pool.upstreams.some(({ url }) => urls.has(url))) return false;
  if (hosts.length === 0 || route.hosts.length === 0) return true;
  report.spend(hosts.length * route.hosts.length);
  return hosts.some((host) =>
    route.hosts.some((other) => host === other || isUnder(host, other) || isUnder(other, host)),
  );
}

function isUnder(name: string, wildcard: string): boolean {
  return wildcard.startsWith('*.') && name.endsWith(wildcard.slice(1));
}
