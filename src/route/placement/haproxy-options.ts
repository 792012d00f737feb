import { z } from 'zod';
import { HAPROXY_HASHES } from './haproxy-hash.js';

const flag = () => z.boolean({ error: 'Write true or false.' }).optional();

/** The options that both of HAProxy's placements have. */
export const haproxyOptions = {
  hash: z
    .enum(HAPROXY_HASHES, { error: `Write one of ${HAPROXY_HASHES.join(', ')}, as in hash-type.` })
    .optional(),
  avalanche: flag(),
  source: flag(),
};
