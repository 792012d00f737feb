/**
 * `stickyroute/token`: access tokens (JWT) that can be revoked though they are verified without a look-up,
 * and refresh tokens that rotate. Frameworks have doors of their own: `stickyroute/node`, `/express`,
 * `/fastify`, `/hono`.
 */
export { StickyError, type StickyErrorCode } from '../../base/errors.js';
export type { Duration } from '../../base/options.js';
export type { Store } from '../store/store.js';
export {
  createTokens,
  type IssuedTokens,
  type IssueOptions,
  type RefreshCall,
  type RefreshGrant,
  type RevokeUserOptions,
  type Tokens,
} from './tokens.js';
export type { AppClaims, StandardClaims, TokenClaims } from './token-claims.js';
export type { TokenEvent } from './token-event.js';
export type { TokenAlg, TokenKeyMaterial, TokenKeyOptions } from './token-key.js';
export type { PublishedKeys } from './key-ring.js';
export type { RefreshOptions, TokenOptions } from './token-options.js';
