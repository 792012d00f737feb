import { z } from 'zod';

/*
 * What the admin API answers, as schemas: the types of the code and the OpenAPI document both come from here.
 * Names are public. What is not known is left out. Instants are as RFC 3339 writes them, in UTC.
 */

const instant = z.iso.datetime().meta({ description: 'An instant, in UTC' });
const count = z.int().min(0);
const origin = z
  .enum(['file', 'admin', 'discovery'])
  .meta({ description: 'The configuration, an operator while the gateway runs, or a source' });
const condition = z.enum(['up', 'down', 'trial']).meta({ description: 'What health says' });
const standing = z.enum(['in', 'leaving', 'drained', 'out']).meta({ description: 'What an operator wants' });

const rate = z.number().min(0);
export const trafficView = z
  .strictObject({
    requestsInProgress: count,
    tunnels: count,
    boundUsers: z
      .strictObject({ minutes1: count, minutes15: count, minutes60: count })
      .meta({ description: 'Users who are bound to it and came in the last 1, 15 and 60 minutes' }),
    requestsPerSecond: rate,
    failuresPerSecond: rate.meta({ description: 'Answers with a status of 5xx' }),
    p50Ms: rate.optional(),
    p95Ms: rate.optional(),
    p99Ms: rate.optional(),
    faults: z.record(z.string(), count).meta({ description: 'By what it did wrong, since the start' }),
  })
  .meta({ id: 'Traffic', description: 'Rates and percentiles are those of the last minute' });
export type TrafficView = z.infer<typeof trafficView>;

export const upstreamView = z
  .strictObject({
    id: z.string(),
    url: z.string(),
    condition,
    why: z
      .string()
      .meta({ description: 'What the condition comes from, such as probesFailed; joined: nothing yet' }),
    cause: z.string().optional().meta({ description: 'What was met, such as ECONNREFUSED' }),
    since: instant.meta({ description: 'Since when the condition is what it is' }),
    standing,
    drain: z
      .strictObject({
        from: instant,
        until: instant,
        quietMs: count,
        progress: z.number().min(0).max(1),
        boundUsers: z.strictObject({ minutes1: count, minutes15: count, minutes60: count }),
        boundWithinIdle: count,
        tunnels: count,
        requestsInProgress: count,
        moved: count,
        movedLastMinute: count,
        provenEnd: instant.optional(),
        isInTime: z.boolean(),
      })
      .optional()
      .meta({ description: 'How far it is emptied, where that has an end' }),
    weight: z.number(),
    from: z.strictObject({ standing: origin, weight: origin }),
    source: z
      .string()
      .optional()
      .meta({ description: 'The source that names it; absent: the configuration lists it' }),
    traffic: trafficView.optional(),
    absentMs: z.number().optional().meta({ description: 'How long its source has named it no more' }),
    lastProbe: z
      .strictObject({
        at: instant,
        result: z.enum(['well', 'failed', 'unasked']),
        tookMs: z.number(),
        cause: z.string().optional(),
      })
      .optional(),
    lastFault: z
      .strictObject({ at: instant, by: z.enum(['request', 'probe', 'check']), cause: z.string() })
      .optional(),
  })
  .meta({ id: 'Upstream' });
export type UpstreamView = z.infer<typeof upstreamView>;

export const poolStateView = z
  .strictObject({
    name: z.string(),
    placement: z.string(),
    probe: z
      .strictObject({
        path: z.string().optional(),
        grpc: z.string().optional(),
        everyMs: count,
        timeoutMs: count,
      })
      .optional(),
    sources: z.array(
      z.strictObject({
        source: z.string(),
        upstreams: count,
        answeredAt: instant.optional(),
        problem: z.string().optional(),
        answers: count,
        failures: count,
      }),
    ),
    upstreams: z.array(upstreamView),
  })
  .meta({ id: 'Pool' });
export type PoolStateView = z.infer<typeof poolStateView>;

export const poolsView = z.strictObject({ pools: z.array(poolStateView) }).meta({ id: 'Pools' });

const setting = z
  .strictObject({ setting: z.string(), now: z.string(), wanted: z.string() })
  .meta({ id: 'FixedSetting', description: 'A setting that waits for the next start' });

export const statusView = z
  .strictObject({
    version: z.string(),
    pid: count,
    startedAt: instant,
    address: z.string().meta({ description: 'Where clients reach it' }),
    workers: z.strictObject({ wanted: count, listening: count }),
    write: z.boolean().meta({ description: 'Whether this API changes anything' }),
    configuration: z.strictObject({
      file: z.string().optional(),
      inUseSince: instant,
      lastReload: z
        .strictObject({
          at: instant,
          by: z.string(),
          problem: z.string().optional(),
          needsRestart: z.array(setting),
        })
        .optional(),
    }),
    stateFile: z
      .strictObject({ file: z.string(), saved: z.boolean(), cause: z.string().optional() })
      .optional(),
    pools: z.array(
      z.strictObject({
        name: z.string(),
        upstreams: count,
        conditions: z.strictObject({ up: count, down: count, trial: count }),
        standings: z.strictObject({ in: count, leaving: count, drained: count, out: count }),
      }),
    ),
    counters: z.strictObject({
      requests: count,
      outcomes: z.record(z.string(), count),
      statuses: z.record(z.string(), count),
      connections: count,
      turnedAway: count,
      shortages: count,
    }),
  })
  .meta({ id: 'Status' });
export type StatusView = z.infer<typeof statusView>;

const demands = z
  .array(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('method'), oneOf: z.array(z.string()) }),
      z.strictObject({
        kind: z.enum(['header', 'cookie', 'query']),
        name: z.string(),
        wants: z.union([z.boolean(), z.array(z.string())]),
      }),
    ]),
  )
  .meta({ description: 'What else a request must have' });

export const routesView = z
  .strictObject({
    routes: z.array(
      z.strictObject({
        name: z.string(),
        hosts: z.array(z.string()),
        path: z.string(),
        demands,
        pool: z.string(),
        affinity: z.array(z.strictObject({ name: z.string(), subject: z.string() })),
        balance: z.string(),
      }),
    ),
  })
  .meta({ id: 'Routes' });
export type RoutesView = z.infer<typeof routesView>;

export const certificatesView = z
  .strictObject({
    certificates: z.array(
      z.strictObject({
        use: z.enum(['listener', 'authority']),
        pool: z.string().optional(),
        file: z.string(),
        subject: z.string(),
        issuer: z.string(),
        names: z.array(z.string()),
        validFrom: instant,
        validUntil: instant,
        daysLeft: z.int(),
        fingerprint256: z.string(),
      }),
    ),
  })
  .meta({ id: 'Certificates' });
export type CertificatesView = z.infer<typeof certificatesView>;

export const configView = z
  .strictObject({
    file: z.string().optional(),
    config: z
      .record(z.string(), z.unknown())
      .meta({ description: 'The configuration in use, completed; secrets show as <secret>' }),
  })
  .meta({ id: 'Configuration' });

export const eventView = z
  .looseObject({
    id: z.string(),
    at: instant,
    kind: z.string(),
    pool: z.string().optional(),
    upstream: z.string().optional(),
    by: z.string().optional(),
  })
  .meta({ id: 'Event', description: 'Which further fields there are depends on kind' });

export const eventsView = z
  .strictObject({
    events: z.array(eventView),
    lastId: z.string(),
    isGap: z.boolean().meta({ description: 'Events between after and the first of these are gone' }),
  })
  .meta({ id: 'Events' });

export const changedView = z
  .strictObject({
    changed: z.boolean().meta({ description: 'false: it was so already' }),
    saved: z
      .boolean()
      .optional()
      .meta({ description: 'Whether it outlives a restart; absent without stateFile' }),
    upstream: upstreamView,
  })
  .meta({ id: 'Changed' });

export const reloadedView = z.strictObject({ needsRestart: z.array(setting) }).meta({ id: 'Reloaded' });

export const forecastView = z
  .strictObject({
    moved: z
      .number()
      .meta({ description: 'The greatest share of users that move on any route, from 0 to 1' }),
    lines: z.array(
      z
        .looseObject({ kind: z.string(), text: z.string() })
        .meta({ description: 'What moves users comes first' }),
    ),
  })
  .meta({ id: 'Forecast' });

const ruleName = { name: z.string(), subject: z.string() };
export const explanationView = z
  .strictObject({
    request: z.strictObject({
      method: z.string(),
      host: z.string(),
      target: z.string(),
      client: z.string(),
    }),
    route: z
      .strictObject({ name: z.string(), hosts: z.array(z.string()), path: z.string(), demands })
      .optional(),
    pool: z.string().optional(),
    upstream: z.strictObject({ id: z.string(), url: z.string() }).optional(),
    outcome: z.string().optional(),
    rule: z.strictObject(ruleName).optional(),
    why: z.string().optional(),
    movesAt: instant
      .optional()
      .meta({ description: 'When the user leaves the upstream, which is being emptied, at the latest' }),
    rules: z.array(z.strictObject({ ...ruleName, found: z.string(), upstream: z.string().optional() })),
    balance: z.string().optional(),
    next: z.array(z.string()),
    cookies: z.array(z.string()),
  })
  .meta({ id: 'Explanation' });

export const errorView = z
  .strictObject({
    error: z.strictObject({
      code: z.string().meta({ description: 'One of docs/errors.md' }),
      message: z.string(),
      problems: z.array(z.looseObject({ path: z.string(), message: z.string() })).optional(),
    }),
  })
  .meta({ id: 'Error' });
