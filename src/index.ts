/**
 * `stickyroute`: the router, and the types of everything it works with. Give it the facts of a request and a
 * pool, and it says which upstreams to try, in order, and why.
 */
export { prepare } from './route/preparation.js';
export { decide, Decision } from './route/router.js';
export type { Affinity } from './route/router.js';
export type { Failure, Outcome, Why } from './route/outcome.js';

export { RequestFacts } from './route/facts.js';
export type { HeaderSource, RequestLine } from './route/facts.js';
export { plainFacts } from './route/plain-facts.js';
export type { PlainRequest } from './route/plain-facts.js';

export { standardKinds } from './route/kinds.js';
export type { Kinds, MoreKinds } from './route/kinds.js';

export { rules } from './route/affinity/registry.js';
export type {
  RuleContext,
  RuleDefinition,
  TokenVerifier,
  TokenVerifierOptions,
} from './route/affinity/definition.js';
export { EXPIRED, GONE, NOTHING, UNREADABLE } from './route/affinity/rule.js';
export type { Binding, FailurePolicy, Found, Rule } from './route/affinity/rule.js';

export { placements } from './route/placement/registry.js';
export type { PlacementDefinition } from './route/placement/definition.js';
export type { Member, Placement } from './route/placement/placement.js';

export { balances } from './route/balance/registry.js';
export type { BalanceDefinition } from './route/balance/definition.js';
export type { Balance, BalanceFacts, Load } from './route/balance/balance.js';

export { Pool } from './route/pool/pool.js';
export type {
  ChangeWhy,
  ConditionChange,
  CreatePlacement,
  PassiveThresholds,
  PoolOptions,
  ProbeThresholds,
  Thresholds,
} from './route/pool/pool.js';
export type { Members, PoolEvent, UpstreamName } from './route/pool/pool-event.js';
export { firstStanding } from './route/pool/standing.js';
export type { Standing } from './route/pool/standing.js';
export { isReachable, takesNewUsers } from './route/pool/snapshot.js';
export type { Condition, PoolSnapshot } from './route/pool/snapshot.js';
export type { Upstream } from './route/pool/upstream.js';

export type { Store } from './state/store/store.js';
export type { Change, Changed, Requirement, Step } from './state/store/change.js';
export type { RecordFields, Linked, StoredRecord } from './state/store/record.js';
export type { Feed, FeedListener, FeedPosition, FeedSubscription } from './state/store/feed.js';
export type { StoreFault } from './state/store/fault.js';

export { systemClock } from './base/clock.js';
export type { Clock, Timer } from './base/clock.js';
export { framedKey, toByteString } from './base/framed-key.js';
export { systemRandom } from './base/random.js';
export type { Random } from './base/random.js';
export { StickyError } from './base/errors.js';
export type { StickyErrorCode } from './base/errors.js';
