import { z } from 'zod';
import type { PlacementDefinition } from './definition.js';
import {
  HASH_WANTED,
  isKetamaHash,
  KETAMA_DEFAULTS,
  KETAMA_HASHES,
  KetamaRing,
  type KetamaOptions,
} from './ketama-ring.js';
import { SPELLING_NAMES } from './ketama-spelling.js';

/**
 * Ketama, as libketama, twemproxy or spymemcached does it. The way it works, without its options:
 * `ketama-ring.ts`.
 */
export const ketamaMd5: PlacementDefinition<KetamaOptions> = {
  name: 'ketamaMd5',
  options: z
    .strictObject({
      spelling: z.enum(SPELLING_NAMES).default(KETAMA_DEFAULTS.spelling),
      hash: z.enum(KETAMA_HASHES).default(KETAMA_DEFAULTS.hash),
    })
    .refine(isKetamaHash, { path: ['hash'], error: `must be ${HASH_WANTED}.` }),
  create: (members, options) => new KetamaRing(members, options),
};
