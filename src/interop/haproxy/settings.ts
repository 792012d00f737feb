import type { Draft } from '../draft.js';
import type { Report } from '../report.js';
import type { Line } from './sections.js';
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
  'errorfile',
  'errorloc',
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
const OWN_FIELD = /^(?:x-forwarded-(?:for|proto|host|port)|x-real-ip)$/i;

/** Reads a line that holds for the gateway as a whole, or says that it is not carried over. */
export function readSetting({ words, at }: Line, draft: Draft, report: Report): void {
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
    else if (limit !== undefined && time !== undefined) draft.limit(limit, time, at);
    else if (second !== 'check' && second !== 'queue')
      report.say(at, `timeout ${second} is not carried over.`);
    return;
  }
  if (name === 'mode' && second === 'http') return;
  if (name === 'maxconn')
    return draft.limit('connections', Math.min(1_000_000, Math.max(1, Number(second) || 1)), at);
  if (name === 'nbthread') return draft.set('workers', Math.min(256, Math.max(1, Number(second) || 1)), at);
  if (name === 'hard-stop-after') return draft.set('shutdownGrace', haproxyTime(second) ?? '30s', at);
  if (name === 'retries') return draft.limit('tries', Math.min(10, (Number(second) || 0) + 1), at);
  if (name === 'http-request' && second === 'set-header' && OWN_FIELD.test(third)) return;
  if (name === 'http-response' && second === 'set-header' && /^x-upstream$/i.test(third))
    return draft.set('expose', true, at);
  // Our own export: whom to believe, and who the client is.
  if (
    name === 'http-request' &&
    (/^set-var\(txn\.sr_(?:client|for)\)$/.test(second) ||
      (second === 'set-src' && third === 'var(txn.sr_client)'))
  )
    return;
  report.say(
    at,
    `${words.slice(0, name === 'option' || name === 'no' || /^(?:http|tcp)-/.test(name) ? 2 : 1).join(' ')} is not carried over.`,
  );
}
