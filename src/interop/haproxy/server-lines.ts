import type { Config, HealthConfig, PoolConfig } from '../../control/config/config.js';
import { haproxyNumbers } from '../../route/placement/haproxy-node-keys.js';
import { membersOf } from '../../route/pool/upstream.js';
import type { Connection } from '../connect-address.js';
import type { Group } from '../groups.js';
import { wholeWeights } from '../whole-weights.js';
import type { Report } from '../report.js';
import { sayUnwrittenProbe } from '../unwritten-probe.js';
import { time, word } from './text.js';

/** HAProxy's own limit. */
const WEIGHT_MAX = 256;

/**
 * The `server` lines of a group, and what says how they are checked. `more`: what each of them says beside
 * that; ID stands for its id.
 */
export function serverLines(
  group: Group,
  servers: readonly Connection[],
  more: string,
  report: Report,
): string[] {
  const { pool, poolAt } = group;
  const { passive } = pool;
  const health = probed(pool);
  if (pool.health !== undefined && health === undefined)
    report.say(`${poolAt}health`, 'is not carried over: HAProxy asks for a path, and not by gRPC.');
  sayUnwrittenProbe(health, poolAt, report);
  const weights = wholeWeights(pool.upstreams, WEIGHT_MAX, poolAt, report);
  const numbers = haproxyNumbers(membersOf(pool.upstreams));
  if (passive.maxFails > 0) {
    report.say(
      `${poolAt}passive`,
      health === undefined
        ? 'is not carried over: HAProxy counts failed requests only beside probes. Add health.'
        : 'is written as error-limit: HAProxy counts failed connections in a row, without a failTimeout.',
    );
  }
  return [
    ...(health?.path === undefined
      ? []
      : [
          '# 2xx and 3xx are well.',
          'option httpchk',
          `http-check send meth GET uri ${word(health.path)}`,
          'http-check expect status 200-399',
          `timeout check ${time(health.timeoutMs)}`,
        ]),
    '# Hashes know a server by its id.',
    ...servers.map(
      (server, index) =>
        `server ${server.upstream.id} ${server.address} ${options(server, numbers[index]!, weights[index]!, group).join(' ')}${more.replace('ID', server.upstream.id)}`,
    ),
  ];
}

function options({ upstream, host }: Connection, number: number, weight: number, { pool }: Group): string[] {
  const { passive, tls } = pool;
  const health = probed(pool);
  const isTls = upstream.url.startsWith('https:');
  return [
    `id ${number}`,
    // A server of weight 0 takes nobody new and keeps those whose cookie names it: draining.
    `weight ${upstream.draining ? 0 : weight}`,
    ...(health === undefined
      ? []
      : [`check inter ${time(health.everyMs)} rise ${health.healthyAfter} fall ${health.unhealthyAfter}`]),
    ...(health === undefined || passive.maxFails === 0
      ? []
      : [`observe layer4 error-limit ${passive.maxFails} on-error mark-down`]),
    ...(pool.http2 ? [isTls ? 'alpn h2' : 'proto h2'] : []),
    ...(isTls
      ? [
          tls.insecure
            ? 'ssl verify none'
            : `ssl verify required verifyhost ${host} ca-file ${word(tls.ca?.file ?? '@system-ca')}`,
          `sni str(${host})`,
        ]
      : []),
  ];
}

/** Probes by HTTP, or by a connection. */
function probed({ health }: PoolConfig): HealthConfig | undefined {
  return health?.path !== undefined || health?.tcp === true ? health : undefined;
}

/** The timeouts and limits of `defaults`. */
export function defaultLines({ limits, accessLog }: Config): string[] {
  return [
    'mode http',
    ...(accessLog ? ['log stdout format raw local0', 'option httplog'] : []),
    `timeout http-request ${time(limits.headTimeMs)}`,
    `timeout http-keep-alive ${time(limits.idleTimeMs)}`,
    `timeout client ${time(limits.bodyIdleMs)}`,
    `timeout connect ${time(limits.connectTimeMs)}`,
    `timeout server ${time(limits.answerTimeMs)}`,
    '# A WebSocket may be silent for as long as this.',
    `timeout tunnel ${time(limits.tunnelIdleMs)}`,
    '# Another server is tried when a connection fails, from the first failure on.',
    `retries ${limits.triesMax - 1}`,
    ...(limits.triesMax > 1 ? ['option redispatch 1'] : []),
  ];
}
