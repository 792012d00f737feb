import type { Clock } from '../base/clock.js';
import { safeCallback } from '../base/app-callback.js';
import { DAY_MS, HOUR_MS } from '../base/duration.js';
import { checkNames, readDuration, readFunction, type Duration } from '../base/options.js';
import { placements } from '../route/placement/registry.js';
import type { ConditionChange, CreatePlacement } from '../route/pool/pool.js';
import type { Source } from '../route/pool/source.js';
import type { Upstream } from '../route/pool/upstream.js';
import { invalidCall } from './invalid-call.js';

/**
 * An upstream: its URL, or that with its weight (1 unless set), whether it takes no new users, and what a
 * placement of another balancer knows it by.
 */
export type UpstreamInput =
  | string
  | (Pick<Upstream, 'url'> & {
      readonly [key in Exclude<keyof Upstream, 'id' | 'url'>]?: Upstream[key] | undefined;
    });

/** By id. For the gateway's answers take the gateway's ids and weights. */
export type UpstreamsInput = Readonly<Record<string, UpstreamInput>>;

/** As in the gateway's configuration: `'ring'`, or with options `{ ring: { points: 200 } }`. */
export type PlacementInput = string | Readonly<Record<string, unknown>>;

export interface ClientOptions {
  /** May be left out where there are `sources`. */
  readonly upstreams?: UpstreamsInput | undefined;
  /** Where more upstreams come from, until it is closed: those of `stickyroute/sources`, or your own. */
  readonly sources?: readonly Source[] | undefined;
  /** Key → upstreams: `rendezvous` (default), `ring`, `maglev`, or as another balancer does. */
  readonly placement?: PlacementInput | undefined;
  /**
   * When the owner can't be used: `borrow` (default) asks its backups in order, `reject` asks nobody else.
   */
  readonly onFailure?: 'borrow' | 'reject' | undefined;
  /** From the call to the last byte of the answer, over all tries: `10s` unless set, 1ms to 1d. */
  readonly deadline?: Duration | undefined;
  /**
   * From the beginning of a try to that of its answer; then the next upstream is asked, where that is safe.
   * The whole deadline unless set.
   */
  readonly answerTime?: Duration | undefined;
  /** Upstreams asked for one call: 3 unless set, 1 to 10. */
  readonly tries?: number | undefined;
  /**
   * How many failed tries within `failTimeout` take an upstream down, and for how long: 3 and `30s` unless
   * set; `maxFails: 0`: never.
   */
  readonly passive?:
    { readonly maxFails?: number | undefined; readonly failTimeout?: Duration | undefined } | undefined;
  /** Told when an upstream goes down, is tried again, or is back. */
  readonly onChange?: ((change: ConditionChange) => void) | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
}

/** Options, checked and completed. */
export interface ClientSettings {
  readonly upstreams: readonly Upstream[];
  readonly sources: readonly Source[];
  readonly placement: CreatePlacement;
  readonly onFailure: 'borrow' | 'reject';
  readonly deadlineMs: number;
  /** Infinity: as long as the call has. */
  readonly answerTimeMs: number;
  readonly triesMax: number;
  readonly passive: { readonly maxFails: number; readonly failTimeoutMs: number };
  readonly onChange: ((change: ConditionChange) => void) | undefined;
}

const TRIES_MAX = 10;
const FAILS_MAX = 1000;

const NAMES = {
  upstreams: 1,
  placement: 1,
  onFailure: 1,
  deadline: 1,
  answerTime: 1,
  tries: 1,
  passive: 1,
  onChange: 1,
  fetch: 1,
  clock: 1,
  sources: 1,
} satisfies Record<keyof ClientOptions, 1>;
const PASSIVE_NAMES = { maxFails: 1, failTimeout: 1 };
const UPSTREAM_NAMES = {
  url: 1,
  weight: 1,
  draining: 1,
  address: 1,
  haproxyId: 1,
  serverName: 1,
  incarnation: 1,
} satisfies Record<Exclude<keyof Exclude<UpstreamInput, string>, 'standing'>, 1>;

export function readClientOptions(options: ClientOptions): ClientSettings {
  checkNames(options, NAMES, 'createClient', 'STICKY_CLIENT_INVALID');
  const { passive = {}, onFailure = 'borrow', deadline = '10s' } = options;
  checkNames(passive, PASSIVE_NAMES, '`passive`', 'STICKY_CLIENT_INVALID');
  const onChange = readFunction('onChange', options.onChange, 'STICKY_CLIENT_INVALID');
  readFunction('fetch', options.fetch, 'STICKY_CLIENT_INVALID');
  if (onFailure !== 'borrow' && onFailure !== 'reject')
    throw invalidCall('onFailure must be "borrow" or "reject".');
  const deadlineMs = readDeadline(deadline);
  const sources = readSources(options.sources ?? []);
  return {
    upstreams: options.upstreams === undefined && sources.length > 0 ? [] : readUpstreams(options.upstreams),
    sources,
    placement: readPlacement(options.placement ?? 'rendezvous'),
    onFailure,
    deadlineMs,
    answerTimeMs:
      options.answerTime === undefined ? Infinity : milliseconds('answerTime', options.answerTime, 1, DAY_MS),
    triesMax: wholeNumber('tries', options.tries ?? 3, 1, TRIES_MAX),
    passive: {
      maxFails: wholeNumber('passive.maxFails', passive.maxFails ?? 3, 0, FAILS_MAX),
      failTimeoutMs: milliseconds('passive.failTimeout', passive.failTimeout ?? '30s', 100, HOUR_MS),
    },
    onChange: onChange && safeCallback(onChange, 'onChange'),
  };
}

export function readDeadline(value: Duration): number {
  return milliseconds('deadline', value, 1, DAY_MS);
}

export function readUpstreams(written: UpstreamsInput | undefined): Upstream[] {
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    throw invalidCall(UPSTREAMS_FORM);
  const entries = Object.entries(written);
  if (entries.length === 0) throw invalidCall(`There are no upstreams. ${UPSTREAMS_FORM}`);
  return entries.map(([id, input]): Upstream => {
    const given: Partial<Exclude<UpstreamInput, string>> =
      typeof input === 'string' ? { url: input } : (input ?? {});
    checkNames(given, UPSTREAM_NAMES, `The upstream "${id}"`, 'STICKY_CLIENT_INVALID');
    const { url, weight = 1, draining = false, address, haproxyId, serverName, incarnation } = given;
    return {
      id,
      url: originOf(id, url),
      weight,
      draining,
      address,
      haproxyId,
      serverName,
      incarnation,
    } satisfies Record<Exclude<keyof Upstream, 'standing'>, unknown>;
  });
}

function readSources(sources: readonly Source[]): readonly Source[] {
  if (Array.isArray(sources) && sources.every((source) => typeof source?.start === 'function'))
    return sources;
  throw invalidCall(
    "sources must be a list of sources, such as dns({ name: 'api.internal', port: 8080 }) of stickyroute/sources.",
  );
}

const UPSTREAMS_FORM = "Write upstreams: { 'api-1': 'http://127.0.0.1:3001' }.";

/** Never shows the URL: it may hold a password. */
function originOf(id: string, url: unknown): string {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  const isOrigin =
    parsed !== undefined &&
    /^https?:$/.test(parsed.protocol) &&
    `${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` === '' &&
    parsed.pathname === '/';
  if (!isOrigin)
    throw invalidCall(
      `The upstream "${id}" has no usable URL. Write its scheme, host and port and nothing more: http://127.0.0.1:3001.`,
    );
  return parsed.origin;
}

function readPlacement(written: PlacementInput): CreatePlacement {
  const named = typeof written === 'string' ? { [written]: {} } : written;
  const [name = '', ...more] = Object.keys(named);
  const definition = placements.find((each) => each.name === name);
  if (definition === undefined || more.length > 0)
    throw invalidCall(
      `placement must be one of ${placements.map((each) => each.name).join(', ')}, or one of these with its options: { ring: { points: 1000 } }.`,
    );
  const options = definition.options.safeParse(named[name]);
  if (options.success) return (members) => definition.create(members, options.data);
  const { path, message } = options.error.issues[0]!;
  throw invalidCall(`placement ${[name, ...path].join('.')}: ${message}`);
}

function milliseconds(name: string, value: Duration, least: number, most: number): number {
  return readDuration(name, value, least, most, 'STICKY_CLIENT_INVALID');
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max)
    throw invalidCall(`${name} must be a whole number from ${min} to ${max}.`);
  return value;
}
