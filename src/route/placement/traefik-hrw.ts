import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { TraefikContest } from './traefik-contest.js';

/** Traefik's `strategy: hrw`. The way it works: `traefik-contest.ts`. */
export const traefikHrw: PlacementDefinition<object> = {
  name: 'traefikHrw',
  options: z.strictObject({}),
  create: (members) => new TraefikContest(members),
};
