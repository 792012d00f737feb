import { resolve } from 'node:path';
import { standardKinds, type Kinds } from '../../route/kinds.js';
import { accessLogConfig } from './access-log-config.js';
import { certificateFiles, type FileReader } from './certificates.js';
import type { Config, PoolConfig, TlsConfig } from './config.js';
import type { ListenerTlsRead } from './listener-tls.js';
import { cookieClashes } from './cookie-clash.js';
import { readPages } from './error-pages.js';
import { handOvers } from './hand-over.js';
import { kindOf } from './messages.js';
import type { Issue } from './problem.js';
import { httpsAnswer, readRoutes, type WrittenRoutes } from './route-reader.js';
import { bySpecificity, duplicateRoutes } from './routes.js';
import { gatewayShape, poolName, shapesOf, type Shapes } from './schema.js';
import { readSections, type Sections } from './sections.js';
import { NO_UPSTREAMS } from './upstreams.js';

/** Each is followed on its own. */
const SOURCES_MAX = 16;

type Path = readonly PropertyKey[];

interface Parts {
  readonly pools: readonly PoolConfig[];
  readonly routes: WrittenRoutes['routes'];
  readonly answers: WrittenRoutes['answers'];
}

/** From a plain value to a whole configuration; undefined when `issues` got any. */
export function complete(
  value: unknown,
  files: FileReader,
  issues: Issue[],
  kinds: Kinds = standardKinds,
): Config | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what =
      value === null || value === undefined
        ? 'is empty'
        : `must be a set of keys and values, not ${kindOf(value)}`;
    issues.push({
      path: [],
      message: `${what}. Write at least upstreams: { api-1: http://127.0.0.1:8001 }.`,
    });
    return undefined;
  }
  const isFull = Object.hasOwn(value, 'pools') || Object.hasOwn(value, 'routes');
  const { gateway, parts } = isFull
    ? full(value, files, issues, kinds)
    : shorthand(value, files, issues, kinds);
  const certificates = gateway.tls && certificatesOf(gateway.tls, files, issues);
  if (gateway.proxyProtocol === true && gateway.trustedProxies?.length === 0)
    issues.push({
      path: ['proxyProtocol'],
      message:
        'believes nobody without trustedProxies. Write the addresses of the load balancer: trustedProxies: [10.0.0.0/8].',
    });
  const { clientCa: caPath, clientCert } = gateway.tls ?? {};
  const clientCa = caPath === undefined ? undefined : files.authority(caPath, ['tls', 'clientCa'], issues);
  if (clientCert !== undefined && caPath === undefined)
    issues.push({
      path: ['tls', 'clientCert'],
      message: 'needs to know who signs such certificates. Write clientCa: clients-ca.pem beside it.',
    });
  const errorPages = readPages(files, gateway.errorPages, issues);
  if (issues.length > 0) return undefined;
  return {
    listen: gateway.listen!,
    tls:
      gateway.tls && certificates
        ? {
            certificates,
            clientCa,
            isClientCertRequired: clientCa !== undefined && clientCert !== 'asked',
            minVersion: gateway.tls.minVersion,
            ciphers: gateway.tls.ciphers,
          }
        : undefined,
    keys: gateway.keys!,
    pools: parts.pools,
    routes: parts.routes.map(({ at: _at, ...route }) => route).sort(bySpecificity),
    answers: parts.answers.map(({ at: _at, ...route }) => route).sort(bySpecificity),
    errorPages,
    trustedProxies: gateway.trustedProxies!,
    proxyProtocol: gateway.proxyProtocol!,
    http2: gateway.http2!,
    expose: gateway.expose!,
    halfClose: gateway.halfClose!,
    accessLog: accessLogConfig(gateway.accessLog!, files.folder),
    limits: gateway.limits!,
    workers: gateway.workers!,
    shutdownDelayMs: gateway.shutdownDelay!,
    shutdownGraceMs: gateway.shutdownGrace!,
    monitor: gateway.monitor,
    sourceWaitMs: gateway.sourceWait!,
    admin: gateway.admin,
    stateFile: gateway.stateFile === undefined ? undefined : resolve(files.folder, gateway.stateFile),
  };
}

/** Undefined when one of them has a problem, which is then among `issues`. */
function certificatesOf(
  { certificates, isList }: ListenerTlsRead,
  files: FileReader,
  issues: Issue[],
): TlsConfig['certificates'] | undefined {
  const [first, ...others] = certificates.map((pair, at) =>
    certificateFiles(pair, files, isList ? ['tls', 'certificates', at] : ['tls'], issues),
  );
  return first && others.every((each) => each !== undefined) ? [first, ...others] : undefined;
}

interface Read {
  readonly gateway: Sections<typeof gatewayShape>;
  readonly parts: Parts;
}

/** Top-level `upstreams:` and `affinity:`: one pool and one route, both named `default`. */
function shorthand(value: object, files: FileReader, issues: Issue[], kinds: Kinds): Read {
  const read = readSections({ ...gatewayShape, ...shapesOf(kinds).shorthand }, value, [], issues);
  const pool = toPool(
    'default',
    {
      read: { ...read, tls: read.upstreamTls, http2: read.upstreamHttp2 },
      written: value,
      at: [],
      tlsKey: 'upstreamTls',
    },
    files,
    issues,
  );
  const { affinity, balance } = read;
  const routes =
    affinity && balance
      ? [
          {
            name: 'default',
            pool: 'default',
            hosts: [],
            path: '/',
            demands: [],
            affinity,
            balance,
            requestEdits: undefined,
            answerEdits: undefined,
            toHttps: httpsAnswer(read.redirect),
            at: [],
          },
        ]
      : [];
  cookieClashes(routes, issues, kinds);
  handOvers(routes, issues, kinds);
  return { gateway: read, parts: { pools: pool === undefined ? [] : [pool], routes, answers: [] } };
}

/** Keys of the shorthand that are another word in a pool. */
const POOL_KEYS: Readonly<Record<string, string>> = {
  upstreamTls: ', as tls',
  upstreamHttp2: ', as http2',
};

function full(value: object, files: FileReader, issues: Issue[], kinds: Kinds): Read {
  const shapes = shapesOf(kinds);
  const { pools: writtenPools, routes: writtenRoutes, ...rest } = value as Record<string, unknown>;
  for (const key of Object.keys(shapes.shorthand)) {
    if (!Object.hasOwn(rest, key)) continue;
    delete rest[key];
    const place =
      key === 'affinity' || key === 'balance'
        ? 'a route in routes'
        : `a pool in pools${POOL_KEYS[key] ?? ''}`;
    issues.push({
      path: [key],
      message: `is the shorthand for one pool and one route, and can't stand beside pools or routes. Move it into ${place}.`,
    });
  }
  const gateway = readSections({ ...gatewayShape }, rest, [], issues);
  const names = typeof writtenPools === 'object' && writtenPools !== null ? Object.keys(writtenPools) : [];
  const pools = readPools(writtenPools, shapes, files, issues);
  const { routes, answers } = readRoutes(writtenRoutes, names, shapes, gateway.redirect, issues);
  const all = [...routes, ...answers].sort((a, b) => Number(a.at[1]) - Number(b.at[1]));
  duplicateRoutes(all, issues);
  cookieClashes(routes, issues, kinds);
  handOvers(routes, issues, kinds);
  return { gateway, parts: { pools, routes, answers } };
}

function readPools(value: unknown, shapes: Shapes, files: FileReader, issues: Issue[]): PoolConfig[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what =
      value === undefined ? 'is missing' : `must be a set of names and pools, not ${kindOf(value)}`;
    issues.push({
      path: ['pools'],
      message: `${what}. Write pools: { api: { upstreams: { api-1: http://127.0.0.1:8001 } } }.`,
    });
    return [];
  }
  const entries = Object.entries(value);
  if (entries.length === 0) issues.push({ path: ['pools'], message: 'is empty. Add at least one pool.' });
  return entries.flatMap(([name, written]) => {
    const path = ['pools', name];
    const named = poolName.safeParse(name);
    if (!named.success) issues.push({ path, message: named.error.issues[0]!.message });
    const read = readSections(shapes.pool, written, path, issues);
    const pool = toPool(name, { read, limits: read.limits, written, at: path, tlsKey: 'tls' }, files, issues);
    return pool === undefined ? [] : [pool];
  });
}

interface WrittenPool {
  readonly read: Omit<Sections<Shapes['pool']>, 'limits'>;
  /** Those of the pool alone. */
  readonly limits?: PoolConfig['limits'];
  readonly written: unknown;
  readonly at: Path;
  /** The name of `tls` here. */
  readonly tlsKey: string;
}

function toPool(
  name: string,
  { read, limits, written, at, tlsKey }: WrittenPool,
  files: FileReader,
  issues: Issue[],
): PoolConfig | undefined {
  const { upstreams = [], sources, linger, placement, rampUp, health, passive, tls, http2 = false } = read;
  const ca = tls?.ca === undefined ? undefined : files.authority(tls.ca, [...at, tlsKey, 'ca'], issues);
  if (health?.grpc !== undefined && !http2)
    issues.push({
      path: [...at, 'health', 'grpc'],
      message: `needs HTTP/2 to the upstreams. Write ${tlsKey === 'tls' ? 'http2' : 'upstreamHttp2'}: true beside health.`,
    });
  const isListed = typeof written !== 'object' || written === null || Object.hasOwn(written, 'upstreams');
  if (!isListed && sources?.length === 0) issues.push({ path: [...at, 'upstreams'], message: NO_UPSTREAMS });
  if (sources !== undefined && sources.length > SOURCES_MAX) {
    const message = `has ${sources.length} entries; a pool takes at most ${SOURCES_MAX}. Split the pool.`;
    issues.push({ path: [...at, 'sources'], message });
  }
  if (sources === undefined || linger === undefined || rampUp === undefined) return undefined;
  if (placement === undefined || passive === undefined || tls === undefined) return undefined;
  return {
    name,
    upstreams,
    sources: sources.map((source) => ({ ...source, folder: files.folder })),
    lingerMs: linger,
    placement,
    rampUpMs: rampUp,
    health,
    passive: {
      maxFails: passive.maxFails,
      failTimeoutMs: passive.failTimeout,
      ejectedShareMax: passive.maxEjected,
    },
    limits,
    tls: { ca, insecure: tls.insecure },
    http2,
  };
}
