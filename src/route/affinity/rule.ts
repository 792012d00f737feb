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
  /** A binding to the upstream at `index` of the snapshot. `isRefreshDue` asks for it to be written again. */
  | {
      readonly kind: 'bound';
      readonly index: number;
      readonly binding?: Binding;
      readonly isRefreshDue?: boolean;
    }
  /** Something was there that can't be trusted or understood. It counts as absent. */
  | { readonly kind: 'unreadable' }
  /** A genuine binding past its idle or absolute limit. */
  | { readonly kind: 'expired' }
  /** A genuine binding to an upstream that the pool no longer has. */
  | { readonly kind: 'gone'; readonly binding?: Binding };

/**
 * What a binding has of its own. The instant and the nonce are its identity: they outlive a refresh and a
 * move, so that a user has one turn in a sweep, and one place while its upstream is away.
 */
export interface Binding {
  readonly issuedAtMs: number;
  /** A 32-bit number drawn when it was issued. */
  readonly nonce: number;
  /** When it was last written. */
  readonly refreshedAtMs: number;
  /** In milliseconds; 0 is none. */
  readonly idleMs: number;
  /** The identity as a key: places the user while its upstream is away, and gives it its turn in a sweep. */
  readonly key: string;
  /** The 32-bit hash of `key`, for sweeps and for counting. */
  readonly identity: number;
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
   * Under `rehome`: for how long an upstream has to be down before its users are moved for good. Until then
   * they are borrowed, if their bindings have an identity. Undefined: 0.
   */
  readonly rehomeAfterMs?: number | undefined;
  /**
   * Work that can't be done at once (a signature check with fetched keys). Returns undefined when there is
   * nothing to wait for; otherwise `find` is called after the promise settles. Never rejects.
   */
  prepare?(facts: RequestFacts): Promise<void> | undefined;
  find(facts: RequestFacts, pool: PoolSnapshot): Found;
  /** Undefined as `unbound`. */
  readonly sharedAnswers?: SharedAnswers;
  /**
   * The `Set-Cookie` value that binds the client to `index`. `binding`: the one that is refreshed or moved,
   * whose identity and age the new one keeps.
   */
  bind?(facts: RequestFacts, pool: PoolSnapshot, index: number, binding?: Binding): string;
  /** How long what it binds can last, in milliseconds; 0 is without end. */
  readonly bindingLimits?: { readonly idleMs: number; readonly absoluteMs: number };
  /** For how long the user has certainly been quiet, in milliseconds; 0 where nothing is known of it. */
  quietMs?(binding: Binding, nowMs: number): number;
  /**
   * The `Cookie` field as the upstream gets it, where the rule has something to take out of it; asked for
   * every request, whichever rule decides.
   */
  forwardCookie?(field: string, pool: PoolSnapshot): string;
}
