import type { Explanation, RuleFinding, RuleName } from '../control/explanation.js';
import { matchText } from './summary.js';

const FOUND: Readonly<Record<RuleFinding['found'], string>> = {
  nothing: 'found nothing',
  keyed: 'found a key: decides',
  bound: 'found a binding',
  unreadable:
    "found something it can't trust or understand (damaged, forged, of another key or route): counts as absent",
  expired: 'found a binding past its time: counts as absent',
  gone: 'found a binding to an upstream that the pool no longer has: the user is moved',
  unasked: 'not asked: an earlier rule decided',
};

const NOTE = 'health and load are not known here: every upstream counts as up and idle';

/** What `explain` and `where` print for people. */
export function explanationText(result: Explanation, note: string = NOTE): string {
  const { request, route, upstream, outcome, rule, why, rules, next, cookies } = result;
  const from = request.client === '' ? '' : ` from ${request.client}`;
  const lines: [label: string, text: string][] = [
    [
      'request',
      `${[request.method, request.host, request.target].filter((part) => part !== '').join(' ')}${from}`,
    ],
  ];
  if (route === undefined) {
    lines.push(['route', 'none answers for this host and path']);
    return print(lines);
  }
  if (result.answer !== undefined) {
    const { status, location } = result.answer;
    lines.push(['route', `${route.name} (${matchText(route)})`]);
    lines.push([
      'answer',
      `${status}${location === undefined ? '' : ` to ${location}`}, of the gateway's own`,
    ]);
    return print(lines);
  }
  lines.push(['route', `${route.name} (${matchText(route)}) → pool ${result.pool}`]);
  lines.push([
    'upstream',
    upstream === undefined ? 'none: the request is refused' : `${upstream.id} ${upstream.url}`,
  ]);
  const by = rule === undefined ? ` by ${result.balance}` : ` by ${named(rule)}`;
  lines.push(['outcome', `${outcome}${by}${why === undefined ? '' : ` (${why})`}`]);
  const { movesAt } = result;
  if (movesAt !== undefined)
    lines.push(['moves', `at ${movesAt.slice(11, 19)} UTC on ${movesAt.slice(0, 10)}, at the latest`]);
  rules.forEach((finding, at) =>
    lines.push([at === 0 ? 'rules' : '', `${named(finding)}: ${foundText(finding)}`]),
  );
  lines.push(['next', next.length === 0 ? 'none' : next.join(', ')]);
  if (cookies.length > 0) lines.push(['answer', `sets the cookie ${cookies.join(', ')}`]);
  lines.push(['note', note]);
  return print(lines);
}

function foundText(finding: RuleFinding): string {
  return finding.upstream === undefined
    ? FOUND[finding.found]
    : `${FOUND[finding.found]} to ${finding.upstream}: decides`;
}

function named({ name, subject }: RuleName): string {
  return subject === '' ? name : `${name} ${subject}`;
}

function print(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([label, text]) => `${label.padEnd(10)}${text}\n`).join('');
}
