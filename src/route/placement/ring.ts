import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { isPointCount, POINTS_DEFAULT, POINTS_WANTED, PointRing } from './point-ring.js';

/** A ring of virtual points. The way it works, without its options: `point-ring.ts`. */
export const ring: PlacementDefinition<{ points: number }> = {
  name: 'ring',
  options: z.strictObject({
    points: z
      .number()
      .refine(isPointCount, { error: `must be ${POINTS_WANTED}.` })
      .default(POINTS_DEFAULT),
  }),
  create: (members, { points }) => new PointRing(members, points),
};
