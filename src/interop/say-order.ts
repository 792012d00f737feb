import type { DraftRoute } from './draft.js';
import { covers } from './host-routes.js';
import type { Report } from './report.js';

/**
 * Where the first rule that fits counts: says which of them would win here, as the nearer host or the longer
 * path, though it stands later there.
 */
export function sayOrder(routes: readonly DraftRoute[], report: Report): void {
  const affinity = routes.map((route) => JSON.stringify(route.affinity));
  routes.forEach((earlier, index) => {
    for (let next = index + 1; next < routes.length; next++) {
      const later = routes[next]!;
      report.spend(1);
      if (earlier.pool === later.pool && affinity[index] === affinity[next]) continue;
      report.spend(earlier.hosts.length * later.hosts.length);
      const doMeet =
        (covers(earlier.path, later.path) || covers(later.path, earlier.path)) &&
        hostsMeet(earlier.hosts, later.hosts);
      if (doMeet && isNearer(later, earlier))
        report.say(
          later.at,
          `this rule wins here over that of ${earlier.at}, which stands before it there: the nearer host wins, then the longer path.`,
        );
    }
  });
}

function hostsMeet(a: readonly string[], b: readonly string[]): boolean {
  return (
    a.length === 0 ||
    b.length === 0 ||
    a.some((one) => b.some((other) => one === other || isUnder(one, other) || isUnder(other, one)))
  );
}

function isUnder(name: string, wildcard: string): boolean {
  return wildcard.startsWith('*.') && name.endsWith(wildcard.slice(1));
}

/**
 * Would our routes prefer `a` where both fit? Names go before wildcards, longer wildcards before shorter, and
 * any host comes last.
 */
function isNearer(a: DraftRoute, b: DraftRoute): boolean {
  const rank = ({ hosts }: DraftRoute): number =>
    hosts.reduce((most, host) => Math.max(most, host.startsWith('*.') ? host.length : 1000), 0);
  return rank(a) > rank(b) || (rank(a) === rank(b) && a.path.length > b.path.length);
}
