import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { envoyHostOptions } from './envoy-host-options.js';
import { ENVOY_TABLE_DEFAULTS, EnvoyTable, type EnvoyTableOptions } from './envoy-table.js';
import { isTableSize, TABLE_SIZE_WANTED } from './maglev-table.js';

/** Envoy's `MAGLEV`. The way it works, without its options: `envoy-table.ts`. */
export const envoyMaglev: PlacementDefinition<EnvoyTableOptions> = {
  name: 'envoyMaglev',
  options: z.strictObject({
    tableSize: z
      .number()
      .refine(isTableSize, { error: `must be ${TABLE_SIZE_WANTED}.` })
      .default(ENVOY_TABLE_DEFAULTS.tableSize),
    ...envoyHostOptions,
  }),
  create: (members, options) => new EnvoyTable(members, options),
};
