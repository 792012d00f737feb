import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { isSlotCount, SLOTS_DEFAULT, SLOTS_WANTED, SlotTable } from './slot-table.js';

/** Weighted rendezvous hashing with O(1) look-up. The way it works, without its options: `slot-table.ts`. */
export const rendezvous: PlacementDefinition<{ slots: number }> = {
  name: 'rendezvous',
  options: z.strictObject({
    slots: z
      .number()
      .refine(isSlotCount, { error: `must be ${SLOTS_WANTED}.` })
      .default(SLOTS_DEFAULT),
  }),
  create: (members, { slots }) => new SlotTable(members, slots),
};
