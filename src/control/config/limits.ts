import { z } from 'zod';
import { DEFAULT_LIMITS, type Limits } from '../../proxy/limits.js';
import { duration, size, wholeNumberValue, type NumberBounds } from './values.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const KiB = 1024;
const MiB = 1024 * KiB;

/** The ranges keep a limit a limit: none can be switched off. Times in milliseconds, sizes in bytes. */
export const LIMIT_BOUNDS = {
  headBytes: { min: KiB, max: MiB },
  fields: { min: 10, max: 1000 },
  headTime: { min: 100, max: 5 * MINUTE },
  idleTime: { min: 100, max: HOUR },
  bodyIdleTime: { min: 100, max: HOUR },
  tunnelIdleTime: { min: 1000, max: 24 * HOUR },
  connections: { min: 1, max: 1_000_000 },
  connectTime: { min: 10, max: MINUTE },
  answerTime: { min: 100, max: HOUR },
  interimAnswers: { min: 0, max: 1000 },
  upstreamIdleTime: { min: 100, max: HOUR },
  upstreamIdleConnections: { min: 0, max: 10_000 },
  upstreamLifeTime: { min: 1000, max: 24 * HOUR },
  upstreamAddressTime: { min: 1000, max: HOUR },
  keptBodyBytes: { min: 0, max: 16 * MiB },
  tries: { min: 1, max: 10 },
} as const satisfies Readonly<Record<string, NumberBounds>>;

/** `limits:` as users write it. */
export const written = z.strictObject({
  headBytes: size(LIMIT_BOUNDS.headBytes).default(DEFAULT_LIMITS.headBytesMax),
  fields: wholeNumberValue(LIMIT_BOUNDS.fields).default(DEFAULT_LIMITS.fieldsMax),
  headTime: duration(LIMIT_BOUNDS.headTime).default(DEFAULT_LIMITS.headTimeMs),
  idleTime: duration(LIMIT_BOUNDS.idleTime).default(DEFAULT_LIMITS.idleTimeMs),
  bodyIdleTime: duration(LIMIT_BOUNDS.bodyIdleTime).default(DEFAULT_LIMITS.bodyIdleMs),
  tunnelIdleTime: duration(LIMIT_BOUNDS.tunnelIdleTime).default(DEFAULT_LIMITS.tunnelIdleMs),
  connections: wholeNumberValue(LIMIT_BOUNDS.connections).default(DEFAULT_LIMITS.connectionsMax),
  connectTime: duration(LIMIT_BOUNDS.connectTime).default(DEFAULT_LIMITS.connectTimeMs),
  answerTime: duration(LIMIT_BOUNDS.answerTime).default(DEFAULT_LIMITS.answerTimeMs),
  interimAnswers: wholeNumberValue(LIMIT_BOUNDS.interimAnswers).default(DEFAULT_LIMITS.interimAnswersMax),
  upstreamIdleTime: duration(LIMIT_BOUNDS.upstreamIdleTime).default(DEFAULT_LIMITS.upstreamIdleMs),
  upstreamIdleConnections: wholeNumberValue(LIMIT_BOUNDS.upstreamIdleConnections).default(
    DEFAULT_LIMITS.upstreamIdleMax,
  ),
  upstreamLifeTime: duration(LIMIT_BOUNDS.upstreamLifeTime).default(DEFAULT_LIMITS.upstreamLifeMs),
  upstreamAddressTime: duration(LIMIT_BOUNDS.upstreamAddressTime).default(DEFAULT_LIMITS.upstreamAddressMs),
  keptBodyBytes: size(LIMIT_BOUNDS.keptBodyBytes).default(DEFAULT_LIMITS.keptBodyBytesMax),
  tries: wholeNumberValue(LIMIT_BOUNDS.tries).default(DEFAULT_LIMITS.triesMax),
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
  interimAnswersMax: read.interimAnswers,
  upstreamIdleMs: read.upstreamIdleTime,
  upstreamIdleMax: read.upstreamIdleConnections,
  upstreamLifeMs: read.upstreamLifeTime,
  upstreamAddressMs: read.upstreamAddressTime,
  keptBodyBytesMax: read.keptBodyBytes,
  triesMax: read.tries,
}));
