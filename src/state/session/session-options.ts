import { eventTeller } from '../../base/app-callback.js';
import { systemClock, type Clock } from '../../base/clock.js';
import { DAY_MS } from '../../base/duration.js';
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
import { SessionCookie, type SessionCookieOptions } from './session-cookie.js';
import { sessionWarning, type SessionEvent } from './session-event.js';
import { SessionIds } from './session-id.js';
import { SessionRecords, type LocalSettings } from './session-records.js';
import type { StandardSchema } from './standard-schema.js';

export interface SessionOptions<Fields extends object> {
  readonly store: Store;
  readonly cookie?: SessionCookieOptions | undefined;
  /** Ends a session that nobody used for so long: `1h` unless set. */
  readonly idle?: Duration | undefined;
  /** Ends a session so long after it began, used or not: `12h` unless set. */
  readonly absolute?: Duration | undefined;
  /**
   * Secrets of 32 characters or more. The first signs ids, all are accepted. Without them an id stands alone,
   * with its 128 random bits.
   */
  readonly keys?: readonly string[] | undefined;
  /** When the store can't be reached: `fail` answers 503; `anonymous` goes on as if there were no session. */
  readonly onStoreDown?: 'fail' | 'anonymous' | undefined;
  /** How long the old id goes on after a renewal: `10s` unless set. */
  readonly grace?: Duration | undefined;
  /** What all fields of one session may come to, as JSON: 65 536 unless set. */
  readonly bytesMax?: number | undefined;
  /** Checks the fields before they are stored: any Standard Schema (zod, valibot, arktype …) of an object. */
  readonly schema?: StandardSchema<Fields> | undefined;
  /**
   * Copies of sessions in this process, so that reads ask the store nothing. A logout in another process is
   * known here within `bound` at the latest, also when messages are lost. Every process that shares the
   * sessions must say `local` too. Off unless set.
   */
  readonly local?: boolean | LocalOptions | undefined;
  /** What is worth a line in the log. Warnings of the process unless set. */
  readonly onEvent?: ((event: SessionEvent) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface LocalOptions {
  /** How many sessions, 10 000 unless set. */
  readonly max?: number | undefined;
  /** What they may come to in memory: 64 MiB unless set. */
  readonly bytesMax?: number | undefined;
  /** From `100ms` to `1m`, `1s` unless set. */
  readonly bound?: Duration | undefined;
}

/** The options as the rest of the session library uses them. */
export interface SessionSettings {
  readonly store: Store;
  readonly records: SessionRecords;
  readonly cookie: SessionCookie;
  readonly ids: SessionIds;
  readonly idleMs: number;
  readonly absoluteMs: number;
  readonly graceMs: number;
  /** A read extends the session only when it was last extended so long ago. */
  readonly touchMs: number;
  readonly bytesMax: number;
  readonly onStoreDown: 'fail' | 'anonymous';
  readonly schema: StandardSchema<object> | undefined;
  readonly onEvent: (event: SessionEvent) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES = {
  store: 1,
  cookie: 1,
  idle: 1,
  absolute: 1,
  keys: 1,
  onStoreDown: 1,
  grace: 1,
  bytesMax: 1,
  schema: 1,
  local: 1,
  onEvent: 1,
  clock: 1,
  random: 1,
} satisfies Record<keyof SessionOptions<object>, 1>;
const LOCAL_NAMES = { max: 1, bytesMax: 1, bound: 1 } satisfies Record<keyof LocalOptions, 1>;
const BYTES_MAX = 16 * 1024 * 1024;

export function readSessionOptions<Fields extends object>(options: SessionOptions<Fields>): SessionSettings {
  checkNames(options, NAMES, 'createSessions');
  const {
    store,
    onStoreDown = 'fail',
    bytesMax = 65_536,
    clock = systemClock,
    random = systemRandom,
  } = options;
  givenStore(store);
  if (options.schema !== undefined && typeof options.schema?.['~standard']?.validate !== 'function')
    throw badOption('`schema` is not a Standard Schema. Give one of zod, valibot or arktype, of an object.');
  const idleMs = readDuration('idle', options.idle ?? '1h', 1_000, 365 * DAY_MS);
  const absoluteMs = readDuration('absolute', options.absolute ?? '12h', 1_000, 365 * DAY_MS);
  if (idleMs > absoluteMs)
    throw badOption(
      '`idle` is longer than `absolute` and could never be reached. Write a shorter `idle`, or a longer `absolute`.',
    );
  if (onStoreDown !== 'fail' && onStoreDown !== 'anonymous')
    throw badOption('`onStoreDown` is neither fail nor anonymous. Write one of them.');
  const onEvent = eventTeller(readFunction('onEvent', options.onEvent), sessionWarning, clock);
  if (!(Number.isInteger(bytesMax) && bytesMax >= 256 && bytesMax <= BYTES_MAX))
    throw badOption(`\`bytesMax\` must be a whole number from 256 to ${BYTES_MAX}.`);
  return {
    store,
    records: new SessionRecords(store, clock, readLocal(options.local), () =>
      onEvent({ type: 'unreadable' }),
    ),
    cookie: new SessionCookie(options.cookie ?? {}, idleMs),
    ids: new SessionIds(random, readKeys(options.keys)),
    idleMs,
    absoluteMs,
    graceMs: readDuration('grace', options.grace ?? '10s', 1_000, 300_000),
    touchMs: idleMs / 10,
    bytesMax,
    onStoreDown,
    schema: options.schema as StandardSchema<object> | undefined,
    onEvent,
    clock,
    random,
  };
}

function readLocal(local: boolean | LocalOptions | undefined): LocalSettings | undefined {
  if (local === undefined || local === false) return undefined;
  if (local !== true && typeof local !== 'object')
    throw badOption("`local` must be true, false or an object such as { bound: '1s' }.");
  if (local !== true) checkNames(local, LOCAL_NAMES, '`local`');
  const { max = 10_000, bytesMax = 64 * 1024 * 1024, bound = '1s' } = local === true ? {} : local;
  for (const [name, value] of Object.entries({ max, bytesMax }))
    if (!(Number.isInteger(value) && value > 0))
      throw badOption(`\`local.${name}\` must be a whole number above 0.`);
  return { max, bytesMax, boundMs: readDuration('local.bound', bound, 100, 60_000) };
}
