import { X509Certificate } from 'node:crypto';
import { DAY_MS } from '../../base/duration.js';
import { version } from '../version.js';
import type { PoolStatus, Status, UpstreamStatus } from '../operations.js';
import { OperationRefused } from '../operations.js';
import type { AdminGround } from './admin-ground.js';
import type {
  CertificatesView,
  PoolStateView,
  RoutesView,
  StatusView,
  TrafficView,
  UpstreamView,
} from './admin-views.js';

/** How busy an upstream of a pool is. */
export type TrafficOf = (pool: string, upstream: string) => TrafficView | undefined;

/** What runs, in the words of the admin API. */
export function upstreamViewOf(upstream: UpstreamStatus, traffic?: TrafficView): UpstreamView {
  const { id, url, weight, condition, standing, from, history, source, absentMs, drain } = upstream;
  const { sinceAt, why, cause, lastProbe, lastFault } = history;
  return {
    id,
    url,
    condition,
    why,
    ...(cause !== undefined && { cause }),
    since: instantText(sinceAt),
    standing,
    ...(drain && { drain }),
    weight,
    from,
    ...(traffic && { traffic }),
    ...(source !== undefined && { source }),
    ...(absentMs !== undefined && { absentMs }),
    ...(lastProbe && {
      lastProbe: {
        at: instantText(lastProbe.at),
        result: lastProbe.result,
        tookMs: Math.round(lastProbe.tookMs * 10) / 10,
        ...(lastProbe.cause !== undefined && { cause: lastProbe.cause }),
      },
    }),
    ...(lastFault && { lastFault: { ...lastFault, at: instantText(lastFault.at) } }),
  };
}

export function poolViewOf(
  { plane }: AdminGround,
  { name, sources, upstreams }: PoolStatus,
  trafficOf: TrafficOf,
): PoolStateView {
  const config = plane.setup.config.pools.find((pool) => pool.name === name);
  const probe = config?.health;
  return {
    name,
    placement: config?.placement.name ?? '',
    ...(probe && {
      probe: {
        ...(probe.path !== undefined && { path: probe.path }),
        ...(probe.grpc !== undefined && { grpc: probe.grpc }),
        everyMs: probe.everyMs,
        timeoutMs: probe.timeoutMs,
      },
    }),
    sources: sources.map(({ answeredAtMs, ...state }) => ({
      ...state,
      ...(answeredAtMs !== undefined && { answeredAt: instantText(answeredAtMs) }),
    })),
    upstreams: upstreams.map((upstream) => upstreamViewOf(upstream, trafficOf(name, upstream.id))),
  };
}

export function poolIn({ pools }: Status, name: string): PoolStatus {
  const pool = pools.find((each) => each.name === name);
  if (pool !== undefined) return pool;
  const names = pools.map((each) => each.name);
  throw new OperationRefused('unknown', `There is no pool "${name}". The pools are: ${names.join(', ')}.`);
}

export function upstreamIn(pool: PoolStatus, id: string): UpstreamStatus {
  const upstream = pool.upstreams.find((each) => each.id === id);
  if (upstream !== undefined) return upstream;
  throw new OperationRefused('unknown', `Pool "${pool.name}" has no upstream "${id}".`);
}

export async function statusViewOf(ground: AdminGround, startedAt: number): Promise<StatusView> {
  const { plane, file } = ground;
  const [status, counters] = await Promise.all([plane.operations.status(), plane.operations.counters()]);
  const { lastReload } = plane;
  return {
    version: version(),
    pid: process.pid,
    startedAt: instantText(startedAt),
    address: ground.address(),
    workers: { ...ground.workers() },
    write: plane.setup.config.admin?.write === true,
    configuration: {
      ...(file !== undefined && { file }),
      inUseSince: instantText(plane.configuredAt),
      ...(lastReload && {
        lastReload: {
          at: instantText(lastReload.at),
          by: lastReload.by,
          ...(lastReload.problem !== undefined && { problem: lastReload.problem }),
          needsRestart: [...lastReload.needsRestart],
        },
      }),
    },
    ...(plane.state !== undefined && {
      stateFile: {
        file: plane.state.path,
        saved: plane.state.problem === undefined,
        ...(plane.state.problem !== undefined && { cause: plane.state.problem }),
      },
    }),
    pools: status.pools.map(({ name, upstreams }) => ({
      name,
      upstreams: upstreams.length,
      conditions: countsOf(['up', 'down', 'trial'], upstreams, ({ condition }) => condition),
      standings: countsOf(['in', 'leaving', 'drained', 'out'], upstreams, ({ standing }) => standing),
    })),
    counters: { ...counters },
  };
}

export function routesViewOf({ plane }: AdminGround): RoutesView {
  return {
    routes: plane.assembly.routes.map(({ name, hosts, path, demands, poolName, affinity }) => ({
      name,
      hosts: [...hosts],
      path,
      demands: structuredClone(demands) as RoutesView['routes'][number]['demands'],
      pool: poolName,
      affinity: affinity.rules.map((rule) => ({ name: rule.name, subject: rule.subject })),
      balance: affinity.balance.name,
    })),
  };
}

/** Public halves only; a bundle shows its first certificate, which is the one that ends are checked by. */
export function certificatesViewOf({ plane, clock }: AdminGround): CertificatesView {
  const { config } = plane.setup;
  const own = (config.tls?.certificates ?? []).map(({ cert }) => ({ use: 'listener' as const, ...cert }));
  const authorities = config.pools.flatMap(({ name, tls: { ca } }) =>
    ca === undefined ? [] : [{ use: 'authority' as const, pool: name, ...ca }],
  );
  return {
    certificates: [...own, ...authorities].map(({ text, ...what }) => {
      const {
        subject,
        issuer,
        subjectAltName = '',
        validFrom,
        validTo,
        fingerprint256,
      } = new X509Certificate(text);
      return {
        ...what,
        subject: oneLine(subject),
        issuer: oneLine(issuer),
        names: subjectAltName === '' ? [] : subjectAltName.split(', '),
        validFrom: new Date(validFrom).toISOString(),
        validUntil: new Date(validTo).toISOString(),
        daysLeft: Math.floor((new Date(validTo).getTime() - clock.now()) / DAY_MS),
        fingerprint256,
      };
    }),
  };
}

export function instantText(ms: number): string {
  return new Date(ms).toISOString();
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ');
}

function countsOf<W extends string>(
  words: readonly W[],
  upstreams: readonly UpstreamStatus[],
  wordOf: (upstream: UpstreamStatus) => W,
): Record<W, number> {
  const counts = Object.fromEntries(words.map((word) => [word, 0])) as Record<W, number>;
  for (const upstream of upstreams) counts[wordOf(upstream)]++;
  return counts;
}
