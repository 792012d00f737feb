import type { StickyErrorCode } from '../../base/errors.js';
import type { PoolEvent, UpstreamName } from '../../route/pool/pool-event.js';
import type { Measures } from '../metrics/measures.js';
import type { Setup } from '../setup.js';

/*
 * All that the supervisor and its workers say to each other. Messages of one pair arrive in the order in
 * which they were sent, so nothing carries a version. Nothing is said for a request that went well on an
 * upstream that is up.
 */

export interface InPool extends UpstreamName {
  readonly pool: string;
  /** Of a failure, for logs. */
  readonly cause?: string | undefined;
}

/** Something happened to a pool. A new kind of event needs no new message. */
export interface PoolNews {
  readonly pool: string;
  readonly event: PoolEvent;
}

/** From the supervisor. */
export type Order =
  /** The answer to `hello`. `news`: what leads from the setup's pools to the pools of now. */
  | {
      readonly kind: 'start';
      readonly setup: Setup;
      readonly news: readonly PoolNews[];
      /** Where the worker finds the port, if the supervisor was started with one. */
      readonly descriptor: number | undefined;
      /** From 1 on; the worker that comes after a dead one has its number. */
      readonly number: number;
    }
  | { readonly kind: 'reload'; readonly setup: Setup }
  | ({ readonly kind: 'pool' } & PoolNews)
  /** Trials may be begun in one worker at a time. `returnPermit` asks for `permitReturned`. */
  | { readonly kind: 'permit' }
  | { readonly kind: 'returnPermit' }
  /** Asks for `measures`. */
  | { readonly kind: 'measure'; readonly withUsers: boolean }
  /** The file of the access log has been moved away. */
  | { readonly kind: 'reopenLog' }
  /** The gateway goes: answers say so, and requests are served as before. */
  | { readonly kind: 'announceClose' }
  /**
   * Asks for `left`. `isShared`: another worker goes on accepting at the port, and this one leaves it at
   * once. The last word counts, if two have come.
   */
  | { readonly kind: 'close'; readonly isShared: boolean };

/** From a worker. */
export type WorkerReport =
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'failed'; readonly code: StickyErrorCode; readonly message: string }
  | { readonly kind: 'reloaded' }
  /** It accepts no more. Requests in progress go on. */
  | { readonly kind: 'left' }
  /** Of an upstream that was up, or of a trial begun here. */
  | ({ readonly kind: 'requestFailed' | 'requestDoubted' } & InPool)
  /** A request that was sent because nothing was up. */
  | ({ readonly kind: 'answeredWhileDown' } & InPool)
  | ({ readonly kind: 'trialBegun' | 'trialSucceeded' | 'trialAbandoned' } & InPool)
  | { readonly kind: 'permitReturned' }
  /** Every second: its event loop turns. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'measures'; readonly measures: Measures };
