import { z } from 'zod';
import { KEY_CHARACTERS_MIN } from '../../base/options.js';
import { rangeProblem } from '../../route/address.js';
import type { Kinds } from '../../route/kinds.js';
import { sourceKinds } from '../sources/registry.js';
import { accessLogSetting } from './access-log-config.js';
import { admin } from './admin.js';
import { choice } from './choice.js';
import type { Choice, Listen } from './config.js';
import { limits, poolLimits } from './limits.js';
import { fieldEdits, hostHeader, rewrite, stripPrefix } from './edits.js';
import { listenerTls } from './listener-tls.js';
import { match } from './match.js';
import { errorPages } from './error-pages.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { redirect, respond } from './own-answers.js';
import { upstreams } from './upstreams.js';
import { health } from './health.js';
import { HEALTH_BOUNDS } from './health-bounds.js';
import { duration, flag, reads, share, toNumber, wholeNumberValue, words, Wrong } from './values.js';

const WORKERS_MAX = 256;
const HOUR = 3_600_000;

export const listen = reads((value): Listen | Wrong => {
  const match = /^(?:(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]*):)?(\d{1,5})$/.exec(
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '',
  );
  if (match === null)
    return new Wrong(
      'is not an address to listen at. Write a port (8080), or an address and a port: "127.0.0.1:8080" or "[::1]:8080".',
    );
  const port = Number(match[2]);
  if (port > 65535)
    return new Wrong(`has the port ${port}. Write one from 1 to 65535, or 0 to let the system choose.`);
  const host = match[1]?.replace(/^\[|\]$/g, '');
  return { host: host === '' ? undefined : host, port };
});

export const workers = reads((value): number | 'auto' | Wrong => {
  if (value === 'auto') return value;
  const count = toNumber(value);
  if (count !== undefined && Number.isInteger(count) && count >= 1 && count <= WORKERS_MAX) return count;
  return new Wrong(
    `is not a number of processes. Write a whole number from 1 to ${WORKERS_MAX}, or auto for one a core.`,
  );
});

/**
 * A list whose entries are read each on their own, so that one bad entry hides no other. `twice`: what to say
 * of a repeated one.
 */
function list<T>(entry: z.ZodType<T>, example: string, twice?: string): z.ZodType<readonly T[]> {
  return z.unknown().transform((value, context) => {
    if (!Array.isArray(value)) {
      context.addIssue({
        code: 'custom',
        message: `must be a list, not ${kindOf(value)}. Write ${example}.`,
      });
      return z.NEVER;
    }
    const seen = new Set<unknown>();
    value.forEach((item, at) => {
      if (twice !== undefined && seen.has(item))
        context.addIssue({ code: 'custom', path: [at], message: twice });
      seen.add(item);
    });
    return value.map((item, at) => nested(entry, item, context, [at])).filter((item) => item !== undefined);
  });
}

const key = reads((value): string | Wrong => {
  const make = `Make one with: openssl rand -base64 ${KEY_CHARACTERS_MIN}`;
  if (typeof value === 'number')
    return new Wrong(
      `is a number to YAML, which would change it. Put it in quotes, if it has ${KEY_CHARACTERS_MIN} characters. ${make}`,
    );
  if (typeof value !== 'string') return new Wrong(`must be text, not ${kindOf(value)}. ${make}`);
  if (value.length >= KEY_CHARACTERS_MIN) return value;
  return new Wrong(
    `is too short: it has ${value.length} characters, and a key needs at least ${KEY_CHARACTERS_MIN}. ${make}`,
  );
});

const range = reads((value): string | Wrong => {
  if (typeof value !== 'string')
    return new Wrong(`must be an address or a range, not ${kindOf(value)}. Write 10.0.0.1 or 10.0.0.0/8.`);
  const problem = rangeProblem(value);
  return problem === undefined ? value : new Wrong(`is not an address range. ${problem}`);
});

const passive = z.strictObject({
  maxFails: wholeNumberValue(HEALTH_BOUNDS.maxFails).default(3),
  failTimeout: duration(HEALTH_BOUNDS.failTimeout).default(30_000),
  maxEjected: share.default(0.5),
});

const upstreamTls = z
  .strictObject({ ca: words('ca: ca.pem').optional(), insecure: flag.default(false) })
  .transform(({ ca, insecure }, context) => {
    if (ca !== undefined && insecure)
      context.addIssue({
        code: 'custom',
        path: ['insecure'],
        message: 'contradicts ca: with insecure nothing is checked. Leave one of them out.',
      });
    return { ca, insecure };
  });

const name = reads((value): string | Wrong =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)
    ? value
    : new Wrong('is not a name. Use letters, digits and . _ - with a letter or digit first, up to 64.'),
);

/** The only form of the file that there is: a later one will have another number. */
const VERSION = 1;

const version = reads((value): number | Wrong =>
  toNumber(value) === VERSION
    ? VERSION
    : new Wrong(
        `is a form of the file that this stickyroute can't read. It reads version: ${VERSION}; a newer stickyroute may read others.`,
      ),
);

/** Where affinity is not mentioned: the scheme that works for any browser. */
const DEFAULT_AFFINITY: readonly unknown[] = ['cookie'];

/** For all routes: only the redirect that does not lead in circles. */
const everywhere = redirect.transform((read, context) => {
  if (read.to !== undefined)
    context.addIssue({
      code: 'custom',
      path: ['to'],
      message:
        'is for a route: here it would go for every request. Write redirect: { https: true }, or a route with redirect.',
    });
  return read;
});

/** What goes for the gateway as a whole. */
export const gatewayShape = {
  version: version.prefault(VERSION),
  listen: listen.prefault(8080),
  tls: listenerTls.optional(),
  keys: list(
    key,
    'keys: ["${STICKYROUTE_KEY}"]',
    'is there twice. Remove it; the first key seals, all open.',
  ).default([]),
  proxyProtocol: flag.default(false),
  trustedProxies: list(range, 'trustedProxies: [10.0.0.0/8]').default([]),
  http2: flag.default(true),
  redirect: everywhere.optional(),
  errorPages: errorPages.optional(),
  expose: flag.default(false),
  halfClose: flag.default(false),
  accessLog: accessLogSetting.prefault(true),
  limits: limits.prefault({}),
  workers: workers.prefault(1),
  shutdownDelay: duration({ min: 0, max: HOUR }).default(0),
  shutdownGrace: duration({ min: 0, max: HOUR }).default(30_000),
  monitor: z.strictObject({ listen: listen.prefault(9901) }).optional(),
  sourceWait: duration({ min: 0, max: 300_000 }).default(5000),
  admin: admin.optional(),
  stateFile: words('stateFile: /var/lib/stickyroute/state.json').optional(),
};

/** What pools and routes are made of, with these kinds of rules, placements, balances and sources. */
export function shapesOf(kinds: Kinds) {
  const { rules, placements, balances } = kinds;
  const pool = {
    // Missing is told where it is known whether there are sources.
    upstreams: upstreams.optional(),
    sources: list<Choice>(
      choice('source', sourceKinds(kinds)),
      'sources: [file: upstreams.yaml], or one source a line, each after a dash',
    ).prefault([]),
    linger: duration({ min: 0, max: 24 * HOUR }).default(600_000),
    placement: choice('placement', placements).prefault('rendezvous'),
    rampUp: duration({ min: 0, max: HOUR }).default(0),
    health: health.optional(),
    passive: passive.prefault({}),
    limits: poolLimits.optional(),
    tls: upstreamTls.prefault({}),
    http2: flag.default(false),
  };
  const routing = {
    affinity: list<Choice>(
      choice('rule', rules),
      'affinity: [cookie], or one rule a line, each after a dash',
    ).prefault(DEFAULT_AFFINITY),
    balance: choice('balance', balances).prefault('leastRequests'),
  };
  const route = {
    name: name.optional(),
    match: match.prefault({}),
    pool: words('pool: api').optional(),
    ...routing,
    redirect: redirect.optional(),
    respond: respond.optional(),
    stripPrefix: stripPrefix.optional(),
    rewrite: rewrite.optional(),
    hostHeader: hostHeader.optional(),
    request: fieldEdits.optional(),
    answer: fieldEdits.optional(),
  };
  // One pool and one route, both named `default`. The listener has `tls` and `http2`, so the pool's are
  // `upstreamTls` and `upstreamHttp2`.
  const { tls, http2, limits: _, ...rest } = pool;
  const shorthand = { ...rest, upstreamTls: tls, upstreamHttp2: http2, ...routing };
  return { pool, route, shorthand };
}

export type Shapes = ReturnType<typeof shapesOf>;

/** The names of pools. */
export const poolName = name;
