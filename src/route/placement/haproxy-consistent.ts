import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { HAPROXY_NODE_KEYS } from './haproxy-node-keys.js';
import { HaproxyNodes, type HaproxyNodesOptions } from './haproxy-nodes.js';
import { haproxyOptions } from './haproxy-options.js';

/** HAProxy's `hash-type consistent`. The way it works: `haproxy-nodes.ts`. */
export const haproxyConsistent: PlacementDefinition<HaproxyNodesOptions> = {
  name: 'haproxyConsistent',
  options: z.strictObject({
    ...haproxyOptions,
    key: z
      .enum(HAPROXY_NODE_KEYS, { error: `Write one of ${HAPROXY_NODE_KEYS.join(', ')}, as in hash-key.` })
      .optional(),
  }),
  create: (members, options) => new HaproxyNodes(members, options),
};
