import type { NumberBounds } from './values.js';

const HOUR = 3_600_000;

/** What `passive` and `health` take. An import keeps within the same. Times in milliseconds. */
export const HEALTH_BOUNDS = {
  maxFails: { min: 0, max: 1000 },
  failTimeout: { min: 100, max: HOUR },
  every: { min: 100, max: HOUR },
  timeout: { min: 10, max: 60_000 },
  healthyAfter: { min: 1, max: 100 },
  unhealthyAfter: { min: 1, max: 100 },
} as const satisfies Readonly<Record<string, NumberBounds>>;

export const PROBE_EVERY_DEFAULT_MS = 2000;
