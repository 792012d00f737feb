import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import type { HaproxyHashOptions } from './haproxy-hash.js';
import { haproxyOptions } from './haproxy-options.js';
import { HaproxySlots } from './haproxy-slots.js';

/** HAProxy's `hash-type map-based`. The way it works: `haproxy-slots.ts`. */
export const haproxyMap: PlacementDefinition<HaproxyHashOptions> = {
  name: 'haproxyMap',
  options: z.strictObject(haproxyOptions),
  create: (members, options) => new HaproxySlots(members, options),
};
