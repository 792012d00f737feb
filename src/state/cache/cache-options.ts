import { eventTeller } from '../../base/app-callback.js';
import { systemClock, type Clock } from '../../base/clock.js';
import { DAY_MS, HOUR_MS } from '../../base/duration.js';
import {
  badOption,
  checkNames,
  readDuration,
  readFunction,
  readKeys,
  type Duration,
} from '../../base/options.js';
import { systemRandom, type Random } from '../../base/random.js';
import { givenStore } from '../store/given-store.js';
import type { Store } from '../store/store.js';
import { cacheWarning, type CacheEvent } from './cache-event.js';
import { jsonCodec, type Codec } from './cache-value.js';
import type { VersionOptions } from './version-carrier.js';

/** How one entry is treated. Each may be set for the cache, and differently for a call. */
export interface EntryOptions {
  /** How long an entry is fresh: `5m` unless set. */
  readonly ttl?: Duration | undefined;
  /** How long after that it still stands in for a load that fails or is late: `0` unless set. */
  readonly grace?: Duration | undefined;
  /**
   * How long it is remembered that a load found nothing (`undefined`): `30s` unless set; `0` remembers
   * nothing.
   */
  readonly absence?: Duration | undefined;
  /**
   * A load that takes longer goes on, while its callers get the value in its grace; without one they wait on.
   * Off unless set.
   */
  readonly soft?: Duration | undefined;
  /** A load that takes longer has failed: `30s` unless set. */
  readonly hard?: Duration | undefined;
  /**
   * Loads of one entry take turns across processes, and others wait so long for the outcome. Off unless set.
   */
  readonly lease?: Duration | undefined;
}

export interface LoadOptions extends EntryOptions {
  /** For `deleteTag`. */
  readonly tags?: readonly string[] | undefined;
}

export interface SetOptions extends Pick<EntryOptions, 'ttl' | 'grace' | 'absence'> {
  readonly tags?: readonly string[] | undefined;
}

export interface CacheOptions extends EntryOptions {
  readonly store: Store;
  /** Caches of one name share their entries; lower-case letters, digits and hyphens. `cache` unless set. */
  readonly name?: string | undefined;
  /** How many entries tier 1 holds: 10 000 unless set. */
  readonly max?: number | undefined;
  /** What they may come to as text, in characters: 64 Mi unless set. */
  readonly bytesMax?: number | undefined;
  /** The largest value as text, in characters: 1 Mi unless set. */
  readonly valueBytesMax?: number | undefined;
  /** No process serves an entry that became old longer ago than this: `1s` unless set. */
  readonly bound?: Duration | undefined;
  /**
   * Each life is shorter by a random part of itself, up to this one: 0.1 unless set. Else what was loaded
   * together expires together.
   */
  readonly jitter?: number | undefined;
  /** When tier 2 can't be asked: `load` goes to the load at once; `fail` rejects. */
  readonly onStoreDown?: 'load' | 'fail' | undefined;
  /**
   * Secrets of 32 characters or more, for the version that users carry along. The first signs, all are
   * accepted.
   */
  readonly keys?: readonly string[] | undefined;
  readonly version?: VersionOptions | undefined;
  /** JSON unless set. */
  readonly codec?: Codec | undefined;
  /** What is worth a line in the log. Warnings of the process unless set. */
  readonly onEvent?: ((event: CacheEvent) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Times of one entry, in milliseconds; 0 is off. */
export interface EntryTimes {
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly absenceMs: number;
  readonly softMs: number;
  readonly hardMs: number;
  readonly leaseMs: number;
}

/** The options as the rest of the cache uses them. */
export interface CacheSettings {
  readonly store: Store;
  readonly name: string;
  readonly max: number;
  readonly bytesMax: number;
  readonly valueCharactersMax: number;
  readonly boundMs: number;
  readonly jitter: number;
  readonly times: EntryTimes;
  readonly onStoreDown: 'load' | 'fail';
  readonly keys: readonly string[];
  readonly version: VersionOptions;
  readonly codec: Codec;
  readonly onEvent: (event: CacheEvent) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES = {
  store: 1,
  name: 1,
  max: 1,
  bytesMax: 1,
  valueBytesMax: 1,
  bound: 1,
  jitter: 1,
  onStoreDown: 1,
  keys: 1,
  version: 1,
  codec: 1,
  onEvent: 1,
  clock: 1,
  random: 1,
  ttl: 1,
  grace: 1,
  absence: 1,
  soft: 1,
  hard: 1,
  lease: 1,
} satisfies Record<keyof CacheOptions, 1>;
const VERSION_NAMES = { carrier: 1, name: 1, path: 1 } satisfies Record<keyof VersionOptions, 1>;
const NAME = /^[a-z0-9-]{1,64}$/;
const MEBI = 1024 * 1024;

export function readCacheOptions(options: CacheOptions): CacheSettings {
  checkNames(options, NAMES, 'createCache');
  const {
    store,
    name = 'cache',
    jitter = 0.1,
    onStoreDown = 'load',
    codec = jsonCodec,
    clock = systemClock,
    random = systemRandom,
  } = options;
  givenStore(store);
  if (typeof name !== 'string' || !NAME.test(name))
    throw badOption('`name` must be 1 to 64 lower-case letters, digits and hyphens.');
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 0.9))
    throw badOption('`jitter` must be a number from 0 to 0.9.');
  if (onStoreDown !== 'load' && onStoreDown !== 'fail')
    throw badOption('`onStoreDown` is neither load nor fail. Write one of them.');
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function')
    throw badOption('`codec` must have the functions encode and decode.');
  if (options.version !== undefined) checkNames(options.version, VERSION_NAMES, '`version`');
  return {
    store,
    name,
    max: readCount('max', options.max ?? 10_000, 1, 100_000_000),
    bytesMax: readCount('bytesMax', options.bytesMax ?? 64 * MEBI, 1_024, 2 ** 40),
    valueCharactersMax: readCount('valueBytesMax', options.valueBytesMax ?? MEBI, 1, 256 * MEBI),
    boundMs: readDuration('bound', options.bound ?? '1s', 10, HOUR_MS),
    jitter,
    times: readTimes(options, {
      ttlMs: 300_000,
      graceMs: 0,
      absenceMs: 30_000,
      softMs: 0,
      hardMs: 30_000,
      leaseMs: 0,
    }),
    onStoreDown,
    keys: readKeys(options.keys),
    version: options.version ?? {},
    codec,
    onEvent: eventTeller(readFunction('onEvent', options.onEvent), cacheWarning, clock),
    clock,
    random,
  };
}

/** A call's own times, over those of the cache. */
export function readTimes(options: EntryOptions | undefined, defaults: EntryTimes): EntryTimes {
  if (options === undefined) return defaults;
  const { ttl, grace, absence, soft, hard, lease } = options;
  return {
    ttlMs: ttl === undefined ? defaults.ttlMs : readDuration('ttl', ttl, 1, 365 * DAY_MS),
    graceMs: grace === undefined ? defaults.graceMs : readDuration('grace', grace, 0, 30 * DAY_MS),
    absenceMs: absence === undefined ? defaults.absenceMs : readDuration('absence', absence, 0, 365 * DAY_MS),
    softMs: soft === undefined ? defaults.softMs : readDuration('soft', soft, 0, DAY_MS),
    hardMs: hard === undefined ? defaults.hardMs : readDuration('hard', hard, 1, DAY_MS),
    leaseMs: lease === undefined ? defaults.leaseMs : readDuration('lease', lease, 0, DAY_MS),
  };
}

function readCount(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw badOption(`\`${name}\` must be a whole number from ${min} to ${max}.`);
}
