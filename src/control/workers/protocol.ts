import type { StickyErrorCode } from '../../base/errors.js';
import type { Condition } from '../../route/pool/snapshot.js';
import type { CertificateTexts } from '../certificate-texts.js';
import type { Config } from '../config/config.js';
import type { Counters } from '../counters.js';

/*
 * All that the supervisor and its workers say to each other. Messages of one pair arrive in the order in
 * which they were sent, so nothing carries a version. Nothing is said for a request that went well on an
 * upstream that is up.
 */

/**
 * What a worker runs: read and checked by the supervisor, so that no worker can find a file changed or gone.
 */
export interface Setup {
  /** With the keys, also where the supervisor made them. */
  readonly config: Config;
  readonly certificates: CertificateTexts;
}

/** An upstream goes by its URL too: during a reload one id may be two instances for a moment. */
export interface UpstreamName {
  readonly pool: string;
  readonly id: string;
  readonly url: string;
}

export interface ConditionOf extends UpstreamName {
  readonly condition: Condition;
}

/** From the supervisor. */
export type Order =
  /** The answer to `hello`. Of the conditions only those that are not `up`. */
  | { readonly kind: 'start'; readonly setup: Setup; readonly conditions: readonly ConditionOf[] }
  | { readonly kind: 'reload'; readonly setup: Setup }
  | ({ readonly kind: 'condition' } & ConditionOf)
  /** Trials may be begun in one worker at a time. `endTurn` asks for `turnEnded`. */
  | { readonly kind: 'turn' }
  | { readonly kind: 'endTurn' }
  /** Asks for `counters`. */
  | { readonly kind: 'count' }
  | { readonly kind: 'close' };

/** From a worker. */
export type Report =
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  | { readonly kind: 'failed'; readonly code: StickyErrorCode; readonly message: string }
  | { readonly kind: 'reloaded' }
  /** Of an upstream that was up, or of a trial begun here. */
  | ({ readonly kind: 'requestFailed' } & UpstreamName)
  | ({ readonly kind: 'trialBegun' | 'trialSucceeded' | 'trialAbandoned' } & UpstreamName)
  | { readonly kind: 'turnEnded' }
  | { readonly kind: 'counters'; readonly counters: Counters };
