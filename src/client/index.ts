/**
 * `stickyroute/client`: call the upstream that owns a user, and its backups when it is away, from code.
 */
export { createClient } from './client.js';
export type { CallOptions, Client, UpstreamState } from './client.js';
export type { ClientOptions, PlacementInput, UpstreamInput, UpstreamsInput } from './client-options.js';
export type { AnswerFacts, ClientResponse } from './answer.js';
export { CallError } from './call-error.js';
export type { CallErrorCode, CallTry, TryResult } from './call-error.js';
export type { CallKey } from './key.js';

export { StickyError } from '../base/errors.js';
export type { StickyErrorCode } from '../base/errors.js';
export type { Clock, Timer } from '../base/clock.js';
export type { Duration } from '../base/options.js';
export type { ChangeWhy, ConditionChange } from '../route/pool/pool.js';
export type { Condition } from '../route/pool/snapshot.js';
export type { Outcome } from '../route/outcome.js';
