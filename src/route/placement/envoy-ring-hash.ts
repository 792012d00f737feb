import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { envoyHostOptions } from './envoy-host-options.js';
import {
  ENVOY_RING_DEFAULTS,
  EnvoyRing,
  isRingSize,
  RING_HASHES,
  RING_SIZE_WANTED,
  RING_SIZES_WANTED,
  type EnvoyRingOptions,
} from './envoy-ring.js';

const ringSize = z.number().refine(isRingSize, { error: `must be ${RING_SIZE_WANTED}.` });

/** Envoy's `RING_HASH`. The way it works, without its options: `envoy-ring.ts`. */
export const envoyRingHash: PlacementDefinition<EnvoyRingOptions> = {
  name: 'envoyRingHash',
  options: z
    .strictObject({
      minRingSize: ringSize.default(ENVOY_RING_DEFAULTS.minRingSize),
      maxRingSize: ringSize.default(ENVOY_RING_DEFAULTS.maxRingSize),
      hash: z.enum(RING_HASHES).default(ENVOY_RING_DEFAULTS.hash),
      ...envoyHostOptions,
    })
    .refine(({ minRingSize, maxRingSize }) => minRingSize <= maxRingSize, {
      path: ['minRingSize'],
      error: `must be ${RING_SIZES_WANTED}.`,
    }),
  create: (members, options) => new EnvoyRing(members, options),
};
