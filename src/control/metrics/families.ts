import { connectionFamilies } from './connection-families.js';
import type { Family } from './family.js';
import { gatewayFamilies } from './gateway-families.js';
import { requestFamilies } from './request-families.js';
import { upstreamFamilies } from './upstream-families.js';

/** Every metric, in the order of `/metrics` and of docs/operating.md. */
export const FAMILIES: readonly Family[] = [
  ...requestFamilies,
  ...upstreamFamilies,
  ...connectionFamilies,
  ...gatewayFamilies,
];
