import type { DraftUpstream } from '../draft.js';
import { isOrigin } from '../connect-address.js';
import type { Report } from '../report.js';
import type { Line } from './sections.js';

export interface HaproxyServer extends DraftUpstream {
  /** What its cookie says; undefined without one. */
  readonly cookie: string | undefined;
  readonly check: {
    readonly isOn: boolean;
    readonly inter: string | undefined;
    readonly rise: number | undefined;
    readonly fall: number | undefined;
  };
  readonly errorLimit: number | undefined;
  readonly hashKey: string | undefined;
  readonly tls: object | undefined;
  /** HTTP/2 is all that is spoken to it. */
  readonly isHttp2: boolean;
  readonly at: string;
}

/** Options of a server that take a value and concern only HAProxy's own work. */
const PASSED_OVER = new Set([
  'init-addr',
  'resolvers',
  'resolve-prefer',
  'pool-max-conn',
  'pool-purge-delay',
  'pool-low-conn',
  'fastinter',
  'downinter',
  'ssl-min-ver',
  'ssl-max-ver',
  'ciphers',
  'on-marked-down',
  'on-marked-up',
  'on-error',
  'observe',
]);
const WITH_VALUE = new Set([
  'maxconn',
  'maxqueue',
  'minconn',
  'slowstart',
  'source',
  'track',
  'addr',
  'crt',
  'crl-file',
  'redir',
  'proxy-v2-options',
  'ws',
  'namespace',
  'agent-port',
  'agent-inter',
  'agent-addr',
  'agent-send',
  'log-proto',
  'shard',
  'socks4',
  'tcp-ut',
  'max-reuse',
  'guid',
]);

/**
 * A `server` line, with what `default-server` says in front of it. Undefined, and said, where it is left out.
 */
export function haproxyServer(
  { words, at }: Line,
  defaults: readonly string[],
  report: Report,
): HaproxyServer | undefined {
  const [, name = '', address = '', ...own] = words;
  const leftOut = (why: string): undefined => void report.say(at, `server ${name} is left out: ${why}`);
  const [, host, port] =
    /^(?:ipv[46]@)?(\[[0-9a-fA-F:.]+\]|[\w.-]+|[0-9a-fA-F:]{2,60}(?=:\d+$)):(\d{1,5})$/.exec(address) ?? [];
  const bracketed = host?.includes(':') === true && !host.startsWith('[') ? `[${host}]` : host;
  if (host === undefined || !isOrigin(`http://${bracketed}:${Number(port)}`))
    return leftOut(`${address} is not a host and a port.`);
  const params = [...defaults, ...own];
  let weight = 1;
  let draining = false;
  let cookie: string | undefined;
  let isOn = false;
  let inter: string | undefined;
  let rise: number | undefined;
  let fall: number | undefined;
  let errorLimit: number | undefined;
  let hashKey: string | undefined;
  let isTls = false;
  let isHttp2 = false;
  let insecure = false;
  let ca: string | undefined;
  for (let at0 = 0; at0 < params.length; at0++) {
    const param = params[at0]!;
    const value = params[at0 + 1] ?? '';
    const taken = (): string => params[++at0] ?? '';
    switch (param) {
      case 'weight':
        if (/^\d+$/.test(value)) weight = Number(taken());
        else report.say(at, `server ${name}: weight ${taken()} is not carried over: it is no number.`);
        break;
      case 'port':
        if (taken() !== port)
          report.say(
            at,
            `server ${name}: port ${value} is not carried over: stickyroute probes where it sends requests.`,
          );
        break;
      case 'sni':
      case 'verifyhost':
        if (!['HOST', 'str(HOST)'].includes(taken().replace(host, 'HOST')))
          report.say(
            at,
            `server ${name}: ${param} ${value} is not carried over: stickyroute asks for the name in the URL.`,
          );
        break;
      // Read with those of the others.
      case 'id':
        at0++;
        break;
      case 'cookie':
        cookie = taken();
        break;
      case 'check':
        isOn = true;
        break;
      case 'no-check':
        isOn = false;
        break;
      case 'inter':
        inter = haproxyTime(taken());
        break;
      case 'rise':
        rise = Number(taken());
        break;
      case 'fall':
        fall = Number(taken());
        break;
      case 'error-limit':
        errorLimit = Number(taken());
        break;
      case 'hash-key':
        hashKey = taken();
        break;
      case 'ssl':
        isTls = true;
        break;
      case 'no-ssl':
        isTls = false;
        break;
      case 'proto':
        isHttp2 = taken() === 'h2';
        break;
      case 'alpn':
        isHttp2 = taken() === 'h2';
        if (!isHttp2 && value.split(',').includes('h2'))
          report.say(
            at,
            `server ${name}: alpn ${value} is not carried over: stickyroute speaks one version to a pool. If its servers speak HTTP/2, write http2: true.`,
          );
        break;
      case 'verify':
        insecure = taken() === 'none';
        break;
      case 'ca-file':
        ca = taken();
        break;
      case 'enabled':
      case 'check-ssl':
      case 'tfo':
        break;
      case 'backup':
        return leftOut(
          'stickyroute has no backup upstreams. Each of the others stands in for those that are down.',
        );
      case 'disabled':
        draining = true;
        report.say(
          at,
          `server ${name}: disabled is carried over as draining: nobody new gets there, and whoever is bound to it still does.`,
        );
        break;
      default:
        if (PASSED_OVER.has(param)) at0++;
        else {
          report.say(
            at,
            `server ${name}: ${param}${WITH_VALUE.has(param) ? ` ${value}` : ''} is not carried over.`,
          );
          if (WITH_VALUE.has(param)) at0++;
        }
    }
  }
  if (weight === 0) draining = true;
  return {
    id: name,
    url: `${isTls ? 'https' : 'http'}://${bracketed}:${Number(port)}`,
    ...(weight > 1 && { weight }),
    ...(draining && { draining }),
    cookie,
    check: { isOn, inter, rise, fall },
    errorLimit,
    hashKey,
    tls: isTls
      ? insecure
        ? { insecure: true }
        : ca === undefined || ca === '@system-ca'
          ? {}
          : { ca }
      : undefined,
    isHttp2,
    at,
  };
}

/** `2s`, `1500ms`; milliseconds unless said otherwise. */
export function haproxyTime(text: string): string | undefined {
  const [, number, unit = 'ms'] = /^(\d{1,10})(us|ms|s|m|h|d)?$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  return unit === 'us'
    ? `${Math.ceil(Number(number) / 1000)}ms`
    : unit === 'ms' && Number(number) % 1000 === 0
      ? `${Number(number) / 1000}s`
      : `${Number(number)}${unit}`;
}
