import type { Kinds } from '../../route/kinds.js';
import { sourceKinds } from '../sources/registry.js';
import { LIMITS_BY_KEY } from './limits.js';
import { ID } from './upstreams.js';

/** A part of a JSON Schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

const ANY: JsonSchema = {};
const TEXT: JsonSchema = { type: 'string', minLength: 1 };
/** Text as well: `${NAME}` is put in later. */
const COUNT: JsonSchema = { type: ['integer', 'string'] };
const WEIGHT: JsonSchema = { type: ['number', 'string'], exclusiveMinimum: 0 };
const FLAG: JsonSchema = { enum: [true, false, 'true', 'false'] };
const FILLED = '^.*\\$\\{.+\\}.*$';
const DURATION: JsonSchema = {
  type: 'string',
  pattern: `^\\d+(\\.\\d+)?(ms|s|m|h|d)$|${FILLED}`,
  examples: ['30s', '5m'],
};
const LISTEN: JsonSchema = {
  type: ['integer', 'string'],
  minimum: 0,
  maximum: 65535,
  examples: [8080, '127.0.0.1:8080'],
};
const SIZE: JsonSchema = { type: ['number', 'string'], examples: ['16KiB'] };

const about = (description: string, schema: JsonSchema): JsonSchema => ({ description, ...schema });
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const map = (values: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties: values });
const oneOf = (...anyOf: JsonSchema[]): JsonSchema => ({ anyOf });
const strict = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length > 0 && { required }),
});

/** A name, or an object with that one key and its options. */
function choice(kinds: readonly { readonly name: string }[]): JsonSchema {
  const names = kinds.map(({ name }) => name);
  const properties = Object.fromEntries(names.map((name) => [name, ANY]));
  return oneOf({ enum: names }, { ...strict(properties), minProperties: 1, maxProperties: 1 });
}

const upstream = {
  url: TEXT,
  weight: WEIGHT,
  draining: FLAG,
  standing: oneOf(
    { enum: ['in', 'leaving', 'out'] },
    strict({ leaving: strict({ from: TEXT, until: TEXT, quiet: DURATION }, ['until']) }, ['leaving']),
  ),
  address: TEXT,
  haproxyId: COUNT,
  serverName: TEXT,
  incarnation: TEXT,
};
const upstreams = about(
  'The instances: ids and URLs, or a list.',
  oneOf(
    {
      ...map(oneOf(TEXT, strict(upstream, ['url']))),
      minProperties: 1,
      propertyNames: { pattern: ID.source },
    },
    list(oneOf(TEXT, strict({ id: TEXT, ...upstream }, ['url']))),
  ),
);

const offers = { minVersion: { enum: ['TLSv1.2', 'TLSv1.3'] }, ciphers: TEXT };
const pair = { cert: TEXT, key: TEXT };
const listenerTls = oneOf(
  strict({ ...pair, ...offers }, ['cert', 'key']),
  strict({ certificates: { ...list(strict(pair, ['cert', 'key'])), minItems: 1 }, ...offers }, [
    'certificates',
  ]),
);

const gateway: Record<string, JsonSchema> = {
  version: about('The form of this file.', { enum: [1, '1'] }),
  include: about('Files or folders that are part of this configuration.', oneOf(TEXT, list(TEXT))),
  listen: about('Where requests are accepted (8080).', LISTEN),
  tls: about('The certificate, or a list of them.', listenerTls),
  keys: about('Secrets that seal cookies: the first seals, all open.', list({ type: 'string' })),
  trustedProxies: about('Whose X-Forwarded-* fields are believed.', list(TEXT)),
  proxyProtocol: about('Trusted proxies speak the PROXY protocol (false).', ANY),
  http2: about('Clients may come by HTTP/2 (true).', FLAG),
  redirect: about('{ https: true }: plain requests are sent to HTTPS.', { type: 'object' }),
  errorPages: about('Pages for browsers, by status.', oneOf(TEXT, map(TEXT))),
  expose: about('Adds x-upstream and x-affinity to answers (false).', FLAG),
  halfClose: about('A client that sends no more still gets its answer (false).', FLAG),
  accessLog: about(
    'A line a request (true).',
    oneOf(FLAG, strict({ file: TEXT, statuses: ANY, sample: ANY })),
  ),
  workers: about('Processes that share the port (1).', oneOf(COUNT, { const: 'auto' })),
  shutdownDelay: about('How long it serves on after SIGTERM (0s).', DURATION),
  shutdownGrace: about('How long requests in progress may take then (30s).', DURATION),
  monitor: about('The port for /metrics, /live and /ready (9901).', strict({ listen: LISTEN })),
  sourceWait: about("How long a start waits for sources' first answers (5s).", DURATION),
  admin: about('The port for operators.', strict({ listen: LISTEN, token: TEXT, write: FLAG, hosts: ANY })),
  stateFile: about("Keeps operators' words over restarts.", TEXT),
};

/** The configuration as editors understand it: names, kinds of values, what each key says. */
export function configJsonSchema(kinds: Kinds): JsonSchema {
  const readers = { bytes: SIZE, ms: DURATION, count: COUNT };
  const limits = strict(
    Object.fromEntries([...LIMITS_BY_KEY].map(([key, { unit }]) => [key, readers[unit]])),
  );
  const poolLimits = about("Of this pool, over the gateway's.", limits);
  const health = strict({
    path: TEXT,
    grpc: { type: 'string' },
    every: DURATION,
    timeout: DURATION,
    healthyAfter: COUNT,
    unhealthyAfter: COUNT,
  });
  const tls = about('How HTTPS upstreams are checked.', strict({ ca: TEXT, insecure: FLAG }));
  const http2 = about('Upstreams are spoken to by HTTP/2 (false).', FLAG);
  const pool: Record<string, JsonSchema> = {
    upstreams,
    sources: about('Where upstreams come from that come and go.', list(choice(sourceKinds(kinds)))),
    linger: about('How long an upstream is kept that its source no longer names (10m).', DURATION),
    rampUp: about('How long an upstream that comes back takes to its full share (0s).', DURATION),
    placement: about('How a key chooses (rendezvous).', choice(kinds.placements)),
    health: about('Probes.', health),
    passive: about(
      'What counts as failed without probes.',
      strict({ maxFails: COUNT, failTimeout: DURATION, maxEjected: TEXT }),
    ),
  };
  const routing: Record<string, JsonSchema> = {
    affinity: about(
      'The rules, in order: the first that finds something decides.',
      list(choice(kinds.rules)),
    ),
    balance: about('How a request without a key chooses (leastRequests).', choice(kinds.balances)),
  };
  const route: Record<string, JsonSchema> = {
    name: TEXT,
    match: about(
      'Which requests.',
      strict({ host: ANY, path: TEXT, method: ANY, header: ANY, cookie: ANY, query: ANY }),
    ),
    pool: about('The pool that answers.', TEXT),
    ...routing,
    redirect: { type: 'object' },
    respond: { type: 'object' },
    stripPrefix: TEXT,
    rewrite: strict({ prefix: TEXT, path: TEXT }),
    hostHeader: TEXT,
    request: { type: 'object' },
    answer: { type: 'object' },
  };
  const alone = [...Object.keys({ ...pool, ...routing }), 'upstreamTls', 'upstreamHttp2'];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'stickyroute',
    description: 'The configuration of the gateway: docs/configuration.md.',
    ...strict({
      ...gateway,
      limits: about('Sizes, times and numbers that are never exceeded.', limits),
      pools: about('Several pools, by name.', {
        ...map(strict({ ...pool, limits: poolLimits, tls, http2 })),
        minProperties: 1,
      }),
      routes: about('Which requests go to which pool.', { ...list(strict(route)), minItems: 1 }),
      ...pool,
      upstreamTls: tls,
      upstreamHttp2: http2,
      ...routing,
    }),
    dependentRequired: { pools: ['routes'], routes: ['pools'] },
    // One pool and one route by shorthand, or several: not both. A file of `include` may bring either.
    if: { anyOf: [{ required: ['pools'] }, { required: ['include'] }] },
    then: { not: { required: ['pools'], anyOf: alone.map((key) => ({ required: [key] })) } },
    else: { anyOf: [{ required: ['upstreams'] }, { required: ['sources'] }] },
  };
}
