import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { KeyDraws, NginxDraws } from './nginx-draws.js';

/** nginx's `hash KEY`, without `consistent`. */
export const nginxHash: PlacementDefinition<object> = {
  name: 'nginxHash',
  options: z.strictObject({}),
  create: (members) => new NginxDraws('nginxHash', members, new KeyDraws()),
};
