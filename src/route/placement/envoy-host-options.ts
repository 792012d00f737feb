import { z } from 'zod';
import { ENVOY_DEFAULTS, HASH_KEYS, isPanicThreshold, PANIC_THRESHOLD_WANTED } from './envoy-hosts.js';

/** How the options of `envoy-hosts.ts` are written. */
export const envoyHostOptions = {
  hashKey: z.enum(HASH_KEYS).default(ENVOY_DEFAULTS.hashKey),
  panicThreshold: z
    .number()
    .refine(isPanicThreshold, { error: `must be ${PANIC_THRESHOLD_WANTED}.` })
    .default(ENVOY_DEFAULTS.panicThreshold),
};
