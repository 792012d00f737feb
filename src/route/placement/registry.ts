import { caddyHrw } from './caddy-hrw.js';
import type { PlacementDefinition } from './definition.js';
import { envoyMaglev } from './envoy-maglev.js';
import { envoyRingHash } from './envoy-ring-hash.js';
import { haproxyConsistent } from './haproxy-consistent.js';
import { haproxyMap } from './haproxy-map.js';
import { ketamaMd5 } from './ketama-md5.js';
import { maglev } from './maglev.js';
import { nginxConsistent } from './nginx-consistent.js';
import { nginxHash } from './nginx-hash.js';
import { nginxIpHash } from './nginx-ip-hash.js';
import { rendezvous } from './rendezvous.js';
import { ring } from './ring.js';
import { traefikHrw } from './traefik-hrw.js';

/** Every placement that `placement:` can name; the first is the default. */
export const placements: readonly PlacementDefinition[] = [
  rendezvous,
  ring,
  maglev,
  nginxIpHash,
  nginxHash,
  nginxConsistent,
  haproxyConsistent,
  haproxyMap,
  caddyHrw,
  envoyRingHash,
  envoyMaglev,
  ketamaMd5,
  traefikHrw,
];
