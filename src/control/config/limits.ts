import { z } from 'zod';
import { DEFAULT_LIMITS, type Limits } from '../../proxy/limits.js';
import { duration, size, wholeNumber } from './values.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KiB = 1024;
const MiB = 1024 * KiB;

/** `limits:` as users write it. The ranges keep a limit a limit: none can be switched off. */
export const written = z.strictObject({
  headBytes: size({ min: KiB, max: MiB }).default(DEFAULT_LIMITS.headBytesMax),
  fields: wholeNumber({ min: 10, max: 1000 }).default(DEFAULT_LIMITS.fieldsMax),
  headTime: duration({ min: 100, max: 5 * MINUTE }).default(DEFAULT_LIMITS.headTimeMs),
  idleTime: duration({ min: 100, max: HOUR }).default(DEFAULT_LIMITS.idleTimeMs),
  bodyIdleTime: duration({ min: 100, max: HOUR }).default(DEFAULT_LIMITS.bodyIdleMs),
  tunnelIdleTime: duration({ min: 1000, max: 24 * HOUR }).default(DEFAULT_LIMITS.tunnelIdleMs),
  connections: wholeNumber({ min: 1, max: 1_000_000 }).default(DEFAULT_LIMITS.connectionsMax),
  connectTime: duration({ min: 10, max: MINUTE }).default(DEFAULT_LIMITS.connectTimeMs),
  answerTime: duration({ min: 100, max: HOUR }).default(DEFAULT_LIMITS.answerTimeMs),
  upstreamIdleTime: duration({ min: 100, max: HOUR }).default(DEFAULT_LIMITS.upstreamIdleMs),
  upstreamIdleConnections: wholeNumber({ min: 0, max: 10_000 }).default(DEFAULT_LIMITS.upstreamIdleMax),
  keptBodyBytes: size({ min: 0, max: 16 * MiB }).default(DEFAULT_LIMITS.keptBodyBytesMax),
  tries: wholeNumber({ min: 1, max: 10 }).default(DEFAULT_LIMITS.triesMax),
});

export const limits: z.ZodType<Limits> = written.transform((read) => ({
  headBytesMax: read.headBytes,
  fieldsMax: read.fields,
  headTimeMs: read.headTime,
  idleTimeMs: read.idleTime,
  bodyIdleMs: read.bodyIdleTime,
  tunnelIdleMs: read.tunnelIdleTime,
  connectionsMax: read.connections,
  connectTimeMs: read.connectTime,
  answerTimeMs: read.answerTime,
  upstreamIdleMs: read.upstreamIdleTime,
  upstreamIdleMax: read.upstreamIdleConnections,
  keptBodyBytesMax: read.keptBodyBytes,
  triesMax: read.tries,
}));
