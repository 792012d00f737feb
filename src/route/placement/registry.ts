import type { PlacementDefinition } from './definition.js';
import { maglev } from './maglev.js';
import { rendezvous } from './rendezvous.js';
import { ring } from './ring.js';

/** Every placement that `placement:` can name; the first is the default. */
export const placements: readonly PlacementDefinition[] = [rendezvous, ring, maglev];
