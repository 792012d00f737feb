import { z } from 'zod';
import {
  LIMIT_NAMES,
  LIMITS,
  limitsOf,
  type Limit,
  type LimitName,
  type Limits,
} from '../../proxy/limits.js';
import { duration, durationText, size, sizeText, wholeNumberValue } from './values.js';

const READERS = { bytes: size, ms: duration, count: wholeNumberValue };
const WRITERS = { bytes: sizeText, ms: durationText, count: String };

/** Limits by their names in the file. */
export const LIMITS_BY_KEY: ReadonlyMap<string, Limit> = new Map(
  LIMIT_NAMES.map((name) => [LIMITS[name].key, LIMITS[name]]),
);

/** `limits:` as users write it. */
export const written = z.strictObject(
  Object.fromEntries(
    [...LIMITS_BY_KEY.values()].map((limit) => [limit.key, READERS[limit.unit](limit).default(limit.usual)]),
  ),
);

export const limits: z.ZodType<Limits> = written.transform((read) => limitsOf(({ key }) => read[key]!));

/** What a pool may bound by itself: what happens between the gateway and its upstreams. */
const OF_A_POOL = [
  'connectTimeMs',
  'answerTimeMs',
  'bodyIdleMs',
  'tunnelIdleMs',
  'interimAnswersMax',
  'upstreamIdleMs',
  'upstreamIdleMax',
  'upstreamLifeMs',
  'upstreamStreamsMax',
  'upstreamHttp2ConnectionsMax',
  'upstreamPingMs',
  'upstreamAddressMs',
] as const satisfies readonly LimitName[];

/** `limits:` of a pool: those that it names go over the gateway's. */
export const poolLimits: z.ZodType<Partial<Limits>> = z
  .strictObject(
    Object.fromEntries(
      OF_A_POOL.map((name) => [LIMITS[name].key, READERS[LIMITS[name].unit](LIMITS[name]).optional()]),
    ),
  )
  .transform((read) =>
    Object.fromEntries(
      OF_A_POOL.flatMap((name) => {
        const value = read[LIMITS[name].key];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  );

/** A limit's number as users write it: `16KiB`, `10s`, `100`. */
export function limitText(limit: Limit, value: number): string {
  return WRITERS[limit.unit](value);
}
