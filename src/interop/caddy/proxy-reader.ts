import { wholeNumber } from '../../base/digits.js';
import { failTimeoutWithin, probing } from '../bounds.js';
import { isOrigin } from '../connect-address.js';
import { memberAddress } from '../../route/placement/member-address.js';
import type { Draft, DraftPool, DraftUpstream } from '../draft.js';
import { isHearsay } from '../hearsay.js';
import type { Report } from '../report.js';
import { trustedRanges } from '../trusted-ranges.js';
import { lockOf } from './locks.js';
import { policies } from './policy-reader.js';
import type { Segment } from './segments.js';
import { caddyTime } from './time.js';

/** A reverse_proxy in our words. */
export interface CaddyProxy {
  readonly pool: DraftPool;
  readonly affinity: readonly unknown[];
  readonly balance: string | undefined;
}

/** What concerns Caddy's own work with connections and buffers. */
const WITHOUT_MEANING = new Set([
  'flush_interval',
  'buffer_requests',
  'buffer_responses',
  'max_buffer_size',
  'request_buffers',
  'response_buffers',
  'stream_buffer_size',
  'stream_close_delay',
  'verbose_logs',
  'lb_try_duration',
  'lb_try_interval',
  'versions',
  'compression',
  'keepalive_interval',
  'keepalive_idle_conns',
  'max_conns_per_host',
  'read_buffer',
  'write_buffer',
  'dial_fallback_delay',
  'expect_continue_timeout',
  'tls_server_name',
  'tls',
]);
/** Read together below. */
const READ_HERE = new Set([
  'to',
  'lb_policy',
  'health_uri',
  'health_path',
  'health_interval',
  'health_timeout',
  'health_passes',
  'health_fails',
  'fail_duration',
  'max_fails',
  'transport',
  'trusted_proxies',
  'lb_retries',
]);
const OWN_FIELD = /^(?:x-forwarded-(?:for|proto|host)|x-real-ip)$/i;
const PORTS_MAX = 100;
const DYNAMIC = 'its upstreams are found by DNS while Caddy runs. Name them.';

export function caddyProxy(
  line: Segment,
  addresses: readonly string[],
  version: string | undefined,
  draft: Draft,
  report: Report,
): CaddyProxy | undefined {
  const lines = line.block ?? [];
  const one = (...names: string[]): Segment | undefined => lines.findLast(({ name }) => names.includes(name));
  const transport = one('transport');
  const inner = transport?.block ?? [];
  if (transport !== undefined && transport.args[0] !== 'http')
    report.say(
      transport.at,
      `transport ${transport.args.join(' ')} is not carried over: stickyroute speaks HTTP.`,
    );
  const isTls = inner.some(({ name }) => name.startsWith('tls'));
  const chosen = policies(one('lb_policy'), version, report);
  let isH2c = false;
  const upstreams = [
    ...addresses.map((address) => ({ address, at: line.at })),
    ...lines
      .filter(({ name }) => name === 'to')
      .flatMap(({ args, at }) => args.map((address) => ({ address, at }))),
  ].flatMap(({ address, at }) => {
    isH2c ||= address.startsWith('h2c://');
    const found = upstreamsOf(address, isTls, at, report);
    report.spend(found.length * 50);
    return found;
  });
  if (upstreams.length === 0) {
    report.say(
      line.at,
      `reverse_proxy is not carried over: ${one('dynamic') === undefined ? 'no upstream of it is of use here.' : DYNAMIC}`,
    );
    return undefined;
  }
  for (const setting of lines) readLine(setting, line.at, draft, report);
  for (const setting of inner) readTransport(setting, line.at, draft, report);
  const seen = new Set<string>();
  const weighted = upstreams.flatMap((upstream, index) => {
    const weight = chosen.weights?.[index];
    if (seen.has(upstream.url)) {
      report.say(line.at, `upstream ${upstream.id} is left out: it is there twice.`);
      return [];
    }
    seen.add(upstream.url);
    return {
      ...upstream,
      ...(weight !== undefined && weight > 1 && { weight }),
      ...(weight === 0 && { draining: true }),
    };
  });
  const health = healthOf(lines, report);
  const tls = tlsOf(inner);
  const pool: DraftPool = {
    name: new URL(upstreams[0]!.url).hostname.replace(/[[\]]/g, ''),
    upstreams: weighted,
    ...(chosen.placement !== undefined && { placement: chosen.placement }),
    ...(health !== undefined && { health }),
    passive: passiveOf(one('fail_duration'), one('max_fails'), report),
    ...(tls !== undefined && { tls }),
    http2: isHttp2(inner, isH2c),
  };
  return { pool, affinity: [...chosen.bindings, ...chosen.keys], balance: chosen.balance };
}

/** An address as Caddy dials it: its scheme is for TLS, a range of ports for several upstreams. */
function upstreamsOf(text: string, isTls: boolean, at: string, report: Report): DraftUpstream[] {
  const [, scheme, host, first, last] =
    /^(?:(https?|h2c):\/\/)?(\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::(\d{1,5})(?:-(\d{1,5}))?)?$/.exec(text) ?? [];
  if (
    host === undefined ||
    (host === '' && first === undefined) ||
    !isOrigin(`http://${host === '' ? 'localhost' : host}:${first ?? 80}`)
  ) {
    report.say(at, `upstream ${text} is left out: ${whyNot(text)}`);
    return [];
  }
  const secure = isTls || scheme === 'https';
  const port = first === undefined ? (secure ? 443 : 80) : Number(first);
  const end = last === undefined ? port : Number(last);
  if (end < port || end - port >= PORTS_MAX || end > 65535) {
    report.say(
      at,
      `upstream ${text} is left out: ${end - port >= PORTS_MAX ? `it stands for more than ${PORTS_MAX} upstreams. Write some of them` : 'it is no range of ports'}.`,
    );
    return [];
  }
  return Array.from({ length: end - port + 1 }, (_, step) => {
    const dial = `${host}:${port + step}`;
    const id = host === '' ? `port-${port + step}` : dial.replace(/[[\]]/g, '');
    const url = `${secure ? 'https' : 'http'}://${host === '' ? 'localhost' : host}:${port + step}`;
    // Caddy hashes what it dials, as it is written.
    return { id, url, ...(dial !== memberAddress({ id, url, weight: 1 }) && { address: dial }) };
  });
}

function isRemovedHearsay(field: string): boolean {
  return field.startsWith('-') && isHearsay(field.slice(1));
}

function whyNot(text: string): string {
  if (text.startsWith('unix/')) return 'stickyroute connects over TCP.';
  if (text.includes('{')) return 'what it stands for is known only while Caddy runs. Name the upstream.';
  return 'it is not http:// or https://, a host and a port.';
}

/** `part`: where the reverse_proxy begins that it counts for. */
function readLine({ name, args, at }: Segment, part: string, draft: Draft, report: Report): void {
  if (READ_HERE.has(name)) {
    if (name === 'trusted_proxies')
      draft.set(
        'trustedProxies',
        trustedRanges(
          args.flatMap((arg) => (arg === 'private_ranges' ? PRIVATE : [arg])),
          at,
          report,
        ),
        at,
        part,
      );
    if (name === 'lb_retries')
      draft.limit('tries', Math.min(10, (wholeNumber(args[0] ?? '', 10) || 0) + 1), at, part);
    return;
  }
  if (WITHOUT_MEANING.has(name) || name === 'rewrite') return;
  if (
    name === 'header_up' &&
    (OWN_FIELD.test(args[0] ?? '') ||
      isRemovedHearsay(args[0] ?? '') ||
      lockOf({ name, args, at, block: undefined }, args) !== undefined)
  )
    return;
  if (name === 'header_down' && /^x-upstream$/i.test(args[0] ?? '')) {
    draft.set('expose', true, at, part);
    return;
  }
  report.say(
    at,
    `${[name, ...args].slice(0, 2).join(' ')} is not carried over${name === 'dynamic' ? `: ${DYNAMIC}` : '.'}`,
  );
}

/** What `private_ranges` stands for (modules/caddyhttp/ip_range.go). */
export const PRIVATE: readonly string[] = [
  '192.168.0.0/16',
  '172.16.0.0/12',
  '10.0.0.0/8',
  '127.0.0.1/8',
  'fd00::/8',
  '::1',
];

function readTransport({ name, args, at }: Segment, part: string, draft: Draft, report: Report): void {
  const time = caddyTime(args[0]);
  if (name === 'dial_timeout' && time !== undefined) draft.limit('connectTime', time, at, part);
  else if (name === 'response_header_timeout' && time !== undefined)
    draft.limit('answerTime', time, at, part);
  else if (name === 'keepalive' && time !== undefined) draft.limit('upstreamIdleTime', time, at, part);
  else if (name === 'keepalive_idle_conns_per_host')
    draft.limit('upstreamIdleConnections', Math.min(10_000, wholeNumber(args[0] ?? '', 10) || 0), at, part);
  else if (
    name !== 'versions' &&
    !WITHOUT_MEANING.has(name) &&
    !['tls_insecure_skip_verify', 'tls_trusted_ca_certs'].includes(name) &&
    !(name === 'tls_trust_pool' && args[0] === 'file')
  )
    report.say(at, `${name} is not carried over.`);
}

/** `h2c://`, or `versions` of the transport without 1.1. */
function isHttp2(transport: readonly Segment[], isH2c: boolean): boolean {
  const versions = transport.find(({ name }) => name === 'versions')?.args;
  return (
    isH2c ||
    (versions !== undefined && versions.length > 0 && !versions.some((each) => !/^(?:2|h2c)$/.test(each)))
  );
}

function tlsOf(lines: readonly Segment[]): object | undefined {
  if (lines.some(({ name }) => name === 'tls_insecure_skip_verify')) return { insecure: true };
  const pool = lines.find(({ name }) => name === 'tls_trusted_ca_certs' || name === 'tls_trust_pool');
  const file = pool?.name === 'tls_trust_pool' ? pool.args[1] : pool?.args[0];
  return file === undefined ? undefined : { ca: file };
}

/** Caddy counts no failed requests unless told how long to remember them. */
function passiveOf(duration: Segment | undefined, fails: Segment | undefined, report: Report): object {
  const time = caddyTime(duration?.args[0]);
  if (time === undefined || time === '0s') return { maxFails: 0 };
  return {
    maxFails: Math.min(1000, Number(fails?.args[0] ?? 1) || 1),
    failTimeout: failTimeoutWithin(time, duration!.at, report),
  };
}

function healthOf(lines: readonly Segment[], report: Report): object | undefined {
  const one = (name: string): Segment | undefined => lines.findLast((line) => line.name === name);
  const path = (one('health_uri') ?? one('health_path'))?.args[0];
  if (path === undefined) return undefined;
  const number = (name: string): number => Number(one(name)?.args[0] ?? 1) || 1;
  return probing(
    {
      path,
      every: caddyTime(one('health_interval')?.args[0]) ?? '30s',
      timeout: caddyTime(one('health_timeout')?.args[0]) ?? '5s',
      healthyAfter: number('health_passes'),
      unhealthyAfter: number('health_fails'),
    },
    (one('health_interval') ?? one('health_timeout') ?? one('health_uri') ?? one('health_path'))!.at,
    report,
  );
}
