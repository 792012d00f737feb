/**
 * `stickyroute/placement`: which upstream does this key belong to, and which ones stand in for it? No gateway
 * needed.
 */
export {
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
} from './placed.js';
export type { Key, MemberInput, Placed } from './placed.js';
export { StickyError } from '../../base/errors.js';
export type { EnvoyRingOptions } from './envoy-ring.js';
export type { EnvoyTableOptions } from './envoy-table.js';
export type { HaproxyHashOptions } from './haproxy-hash.js';
export type { HaproxyNodesOptions } from './haproxy-nodes.js';
export type { KetamaOptions } from './ketama-ring.js';
export type { Member } from './placement.js';
