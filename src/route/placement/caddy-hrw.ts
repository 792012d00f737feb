import { z } from 'zod';
import { CADDY_VERSION_DEFAULT, CADDY_VERSION_WANTED, CaddyContest, caddyWay } from './caddy-contest.js';
import type { PlacementDefinition } from './definition.js';

const form = `Write ${CADDY_VERSION_WANTED}.`;

/**
 * The hash policies of Caddy: `ip_hash`, `client_ip_hash`, `uri_hash`, `header`, `query`. The way they work:
 * `caddy-contest.ts`.
 */
export const caddyHrw: PlacementDefinition<{ version: string }> = {
  name: 'caddyHrw',
  options: z.strictObject({
    // A number would not do: YAML reads 2.10 as 2.1.
    version: z
      .string({ error: form })
      .refine((version) => caddyWay(version) !== undefined, { error: form })
      .default(CADDY_VERSION_DEFAULT),
  }),
  create: (members, { version }) => new CaddyContest(members, version),
};
