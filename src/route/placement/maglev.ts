import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { isTableSize, MaglevTable, TABLE_SIZE_DEFAULT, TABLE_SIZE_WANTED } from './maglev-table.js';

/** Google's Maglev table. The way it works, without its options: `maglev-table.ts`. */
export const maglev: PlacementDefinition<{ tableSize: number }> = {
  name: 'maglev',
  options: z.strictObject({
    tableSize: z
      .number()
      .refine(isTableSize, { error: `must be ${TABLE_SIZE_WANTED}.` })
      .default(TABLE_SIZE_DEFAULT),
  }),
  create: (members, { tableSize }) => new MaglevTable(members, tableSize),
};
