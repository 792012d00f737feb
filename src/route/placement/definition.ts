import type { z } from 'zod';
import type { Member, Placement } from './placement.js';

/**
 * A kind of placement, as the registry knows it: its name in `placement:`, how its options are written, and
 * how it is made.
 */
export interface PlacementDefinition<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  create(members: readonly Member[], options: Options): Placement;
}
