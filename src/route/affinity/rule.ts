import type { RequestFacts } from '../facts.js';
import type { PoolSnapshot } from '../pool/snapshot.js';

/**
 * What happens when the upstream of a binding or key can't be used. `rehome`: move, and bind anew. `borrow`:
 * serve from the next candidate and keep the binding, so that the user returns when the upstream does.
 * `reject`: 503.
 */
export type FailurePolicy = 'rehome' | 'borrow' | 'reject';

/** What a rule made of a request. A miss is a value; nothing here throws. */
export type Found =
  | { readonly kind: 'nothing' }
  /** A key; placement says whose. */
  | { readonly kind: 'keyed'; readonly key: string }
  /**
   * A binding to the upstream at `index` of the snapshot. `refresh` asks for it to be written again. `key`,
   * where the binding has something of its own, places its user while the upstream is away.
   */
  | { readonly kind: 'bound'; readonly index: number; readonly key?: string; readonly refresh?: BindingTimes }
  /** Something was there that can't be trusted or understood. It counts as absent. */
  | { readonly kind: 'unreadable' }
  /** A genuine binding past its idle or absolute limit. */
  | { readonly kind: 'expired' }
  /** A genuine binding to an upstream that the pool no longer has. */
  | { readonly kind: 'gone' };

/** The part of a binding that outlives a refresh. */
export interface BindingTimes {
  readonly issuedAtMs: number;
}

export const NOTHING: Found = { kind: 'nothing' };
export const UNREADABLE: Found = { kind: 'unreadable' };
export const EXPIRED: Found = { kind: 'expired' };
export const GONE: Found = { kind: 'gone' };

/** The answer that a binding would be written on, as far as rules care. */
export interface BoundAnswer {
  /** A shared cache may keep it, and hand it to others with all its fields. */
  readonly isShared: boolean;
}

/**
 * What a rule that binds does with an answer that shared caches may keep (RFC 9111 §7.3: a cookie doesn't
 * keep them from it). `unbound`: leaves it as it is, and binds on a later one. `private`: binds, and forbids
 * shared caches to keep it. `bound`: binds all the same.
 */
export type SharedAnswers = 'unbound' | 'private' | 'bound';

/** One entry of `affinity:`. It finds a key or a binding in a request, and may bind on the response. */
export interface Rule {
  /** As it stands in the configuration: `cookie`, `header` … */
  readonly name: string;
  /** What it looks at, for people: `sr`, `x-user-id`; empty where the name says it all. */
  readonly subject: string;
  readonly onFailure: FailurePolicy;
  /**
   * Work that can't be done at once (a signature check with fetched keys). Returns undefined when there is
   * nothing to wait for; otherwise `find` is called after the promise settles. Never rejects.
   */
  prepare?(facts: RequestFacts): Promise<void> | undefined;
  find(facts: RequestFacts, pool: PoolSnapshot): Found;
  /** Undefined as `unbound`. */
  readonly sharedAnswers?: SharedAnswers;
  /**
   * The `Set-Cookie` value that binds the client to `index`; `times` when an existing binding is refreshed.
   */
  bind?(facts: RequestFacts, pool: PoolSnapshot, index: number, times?: BindingTimes): string;
  /**
   * The `Cookie` field as the upstream gets it, where the rule has something to take out of it; asked for
   * every request, whichever rule decides.
   */
  forwardCookie?(field: string, pool: PoolSnapshot): string;
}
