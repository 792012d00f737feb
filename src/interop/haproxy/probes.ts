import { probing } from '../bounds.js';
import type { Report } from '../report.js';
import type { Line } from './sections.js';
import { haproxyTime, type HaproxyServer } from './server-reader.js';

/**
 * `option httpchk`, `http-check` and `check`, as our `health`. `lines`: those of the backend behind those
 * that it inherits.
 */
export function probesOf(
  httpchk: Line | undefined,
  lines: readonly Line[],
  servers: readonly HaproxyServer[],
  report: Report,
): object | undefined {
  const checked = servers.find(({ check }) => check.isOn);
  if (checked === undefined) return undefined;
  const send = lines.findLast(({ words }) => words[0] === 'http-check' && words[1] === 'send');
  const of = (line: Line | undefined, word: string): string | undefined =>
    line?.words.includes(word) === true ? line.words[line.words.indexOf(word) + 1] : undefined;
  const words = httpchk?.words.slice(2) ?? [];
  const path = of(send, 'uri') ?? words.find((word) => word.startsWith('/'));
  if (httpchk === undefined || path === undefined) {
    report.say(
      checked.at,
      `check is not carried over: stickyroute asks for a path, and ${httpchk === undefined ? 'this one only connects' : 'none is named'}. Add health: { path: /healthz }.`,
    );
    return undefined;
  }
  const method = of(send, 'meth') ?? (words.length > 1 ? words[0] : undefined);
  if (method !== undefined && method !== 'GET' && !method.startsWith('/'))
    report.say(httpchk.at, `option httpchk ${method} is carried over as GET.`);
  // Before 2.2 fields stood behind the version: HTTP/1.1\\r\\nHost:\\ www
  if (words.length > 3 || /[\r\n]/.test(words[2] ?? ''))
    report.say(httpchk.at, 'option httpchk: its header fields are not carried over.');
  for (const what of ['hdr', 'body'])
    if (send?.words.includes(what) === true)
      report.say(send.at, `http-check send … ${what} is not carried over.`);
  for (const line of lines.filter((each) => each.words[0] === 'http-check' && each.words[1] === 'expect')) {
    if (!/^(?:status|rstatus) (?:200-399|2xx)$/.test(line.words.slice(2).join(' ')))
      report.say(
        line.at,
        `http-check expect ${line.words.slice(2).join(' ')} is not carried over: 2xx and 3xx are well.`,
      );
  }
  const { inter, rise, fall } = checked.check;
  for (const { id, check, at } of servers) {
    if (!check.isOn)
      report.say(at, `server ${id} is probed here though it has no check: stickyroute probes all of a pool.`);
    else if (check.inter !== inter || check.rise !== rise || check.fall !== fall)
      report.say(
        at,
        `server ${id}: inter, rise and fall are those of ${checked.id} here: stickyroute has one of each for a pool.`,
      );
  }
  const timeout = haproxyTime(
    lines.findLast((line) => line.words[0] === 'timeout' && line.words[1] === 'check')?.words[2] ?? '',
  );
  return probing(
    { path, every: inter, timeout, healthyAfter: rise, unhealthyAfter: fall },
    checked.at,
    report,
  );
}
