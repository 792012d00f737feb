import { wholeNumber } from '../../base/digits.js';
import type { Draft } from '../draft.js';
import { isHearsay } from '../hearsay.js';
import type { Report } from '../report.js';
import type { Line, Section } from './sections.js';
import { haproxyTime } from './server-reader.js';

/**
 * What concerns HAProxy itself: its process, its logs, its statistics, how it keeps connections. None of it
 * has a counterpart, nor needs one.
 */
const WITHOUT_MEANING = new Set([
  'daemon',
  'user',
  'group',
  'uid',
  'gid',
  'chroot',
  'pidfile',
  'log',
  'log-send-hostname',
  'log-tag',
  'log-format',
  'log-format-sd',
  'error-log-format',
  'stats',
  'nbproc',
  'cpu-map',
  'description',
  'node',
  'localpeer',
  'no strict-limits',
  'strict-limits',
  'ca-base',
  'crt-base',
  'ssl-default-bind-ciphers',
  'ssl-default-bind-ciphersuites',
  'ssl-default-bind-options',
  'ssl-default-server-ciphers',
  'ssl-default-server-options',
  'ssl-dh-param-file',
  'tune.ssl.default-dh-param',
  'ulimit-n',
  'master-worker',
  'unix-bind',
  'spread-checks',
  'set-dumpable',
  'external-check',
  'id',
  'enabled',
  'http-reuse',
  'unique-id-format',
  'unique-id-header',
  'load-server-state-from-file',
  'server-state-file',
  'server-state-base',
  'option httplog',
  'option tcplog',
  'option dontlognull',
  'option http-keep-alive',
  'option http-server-close',
  'option httpclose',
  'option redispatch',
  'option dontlog-normal',
  'option log-separate-errors',
  'option logasap',
  'option log-health-checks',
  'option tcp-smart-accept',
  'option tcp-smart-connect',
  'option tcpka',
  'option clitcpka',
  'option srvtcpka',
  'option splice-auto',
  'option contstats',
  'option socket-stats',
  'option http-buffer-request',
  'option allbackups',
  'option prefer-last-server',
  'option http-use-htx',
  'option abortonclose',
  'no option',
]);

/** HAProxy's times that are limits of ours. */
const TIMES: Readonly<Record<string, string>> = {
  'http-request': 'headTime',
  'http-keep-alive': 'idleTime',
  client: 'bodyIdleTime',
  connect: 'connectTime',
  server: 'answerTime',
  tunnel: 'tunnelIdleTime',
};

/** What upstreams are told of the client: stickyroute sets these by itself. */
const OWN_FIELD = /^(?:x-forwarded-(?:for|proto|host|port)|x-real-ip|x-request-id)$/i;

/**
 * Reads a line that holds for the gateway as a whole here, or says that it is not carried over. `part`: where
 * the frontend or backend begins for which it counts there.
 */
export function readSetting({ words, at }: Line, draft: Draft, report: Report, part?: string): void {
  const [name = '', second = '', third = ''] = words;
  if (WITHOUT_MEANING.has(name) || WITHOUT_MEANING.has(`${name} ${second}`) || name.startsWith('tune.'))
    return;
  if (name === 'option' && second === 'forwardfor') {
    const field = words.includes('header') ? words[words.indexOf('header') + 1] : undefined;
    if (field !== undefined && !OWN_FIELD.test(field))
      report.say(
        at,
        `option forwardfor header ${field} is not carried over: stickyroute writes X-Forwarded-For.`,
      );
    return;
  }
  if (name === 'timeout') {
    const limit = TIMES[second];
    const time = haproxyTime(third);
    if (limit !== undefined && /^0/.test(time ?? ''))
      report.say(at, `timeout ${second} 0 is not carried over: ${limit} is a time above 0.`);
    else if (limit !== undefined && time !== undefined) draft.limit(limit, time, at, part);
    else if (second !== 'check' && second !== 'queue')
      report.say(at, `timeout ${second} is not carried over.`);
    return;
  }
  if (name === 'mode' && second === 'http') return;
  if (name === 'maxconn')
    return draft.limit(
      'connections',
      Math.min(1_000_000, Math.max(1, wholeNumber(second ?? '', 10) || 1)),
      at,
      part,
    );
  if (name === 'nbthread')
    return draft.set('workers', Math.min(256, Math.max(1, wholeNumber(second ?? '', 10) || 1)), at);
  if (name === 'hard-stop-after') return draft.set('shutdownGrace', haproxyTime(second) ?? '30s', at);
  if (name === 'retries')
    return draft.limit('tries', Math.min(10, (wholeNumber(second ?? '', 10) || 0) + 1), at, part);
  if (name === 'http-request' && second === 'set-header' && OWN_FIELD.test(third)) return;
  if (name === 'http-request' && second === 'del-header' && isHearsay(third)) return;
  if (name === 'http-response' && second === 'set-header' && /^x-upstream$/i.test(third))
    return draft.set('expose', true, at, part);
  // Our own export: whom to believe, and who the client is.
  if (
    name === 'http-request' &&
    (/^set-var\(txn\.sr_(?:client|for)\)$/.test(second) ||
      (second === 'set-src' && third === 'var(txn.sr_client)'))
  )
    return;
  report[isHarmless(words) ? 'harmless' : 'say'](
    at,
    `${words.slice(0, name === 'option' || name === 'no' || /^(?:http|tcp)-/.test(name) ? 2 : 1).join(' ')} is not carried over.`,
  );
}

/** What is limited at the front of a request's way, and what at its upstreams. */
const AT_FRONT = /^(?:maxconn|timeout (?:http-request|http-keep-alive|client)) /;
const AT_UPSTREAMS = /^(?:retries|timeout (?:connect|server|tunnel)) /;

/**
 * Reads the limits that a section has of its `defaults`, where it has none of its own; those of the gateway
 * as a whole they are only where all agree.
 */
export function readInherited(
  lines: readonly Line[],
  { kind, at: part }: Section,
  draft: Draft,
  report: Report,
): void {
  report.spend(lines.length);
  const inForce = new Map<string, Line>();
  for (const line of lines) {
    const text = `${line.words.join(' ')} `;
    const isOf =
      (kind !== 'backend' && AT_FRONT.test(text)) || (kind !== 'frontend' && AT_UPSTREAMS.test(text));
    if (isOf) inForce.set(line.words[0] === 'timeout' ? line.words[1]! : line.words[0]!, line);
  }
  for (const [name, line] of inForce) {
    const key = TIMES[name] ?? (name === 'retries' ? 'tries' : 'connections');
    if (!draft.hasLimit(key, part)) readSetting(line, draft, report, part);
  }
}

/** Lines that nobody who is served notices. */
const HARMLESS =
  /^(?:option (?:http-ignore-probes|nolinger|tcp-check|http-pretend-keepalive|http-no-delay|idle-close-on-response|independent-streams|splice-\w+)|no|compression|filter compression|http-(?:request|response) (?:capture|set-log-level|set-nice|set-tos|set-mark|cache-store)|capture|declare|backlog|fullconn|max-keep-alive-queue|grace|email-alert|hash-balance-factor|stick-table|thread-groups?|numa-cpu-mapping|insecure-\S+|quiet|presetenv|setenv|resetenv|unsetenv|h1-case-adjust\S*|default-path|lua-load\S*|profiling\S*|wurfl\S*|deviceatlas\S*|51degrees\S*|http-fail-codes|http-err-codes|maxconnrate|maxsslrate|maxsessrate|maxpipes|maxcompcpuusage|maxcomprate|busy-polling|noepoll|nopoll|nosplice)\b/;

function isHarmless(words: readonly string[]): boolean {
  return HARMLESS.test(words.slice(0, 2).join(' '));
}
