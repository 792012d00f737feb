import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import { AddressDraws, NginxDraws } from './nginx-draws.js';

/** nginx's `ip_hash`. Keys are addresses, as the rule `ip` finds them. */
export const nginxIpHash: PlacementDefinition<object> = {
  name: 'nginxIpHash',
  options: z.strictObject({}),
  create: (members) => new NginxDraws('nginxIpHash', members, new AddressDraws()),
};
