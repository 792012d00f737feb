import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { NginxPoints } from './nginx-points.js';

/** nginx's `hash KEY consistent`. The way it works: `nginx-points.ts`. */
export const nginxConsistent: PlacementDefinition<object> = {
  name: 'nginxConsistent',
  options: z.strictObject({}),
  create: (members) => new NginxPoints(members),
};
