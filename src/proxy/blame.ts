import type { UpstreamFault } from './upstream-fault.js';

/**
 * Whose failure a fault is. `upstream`: no connection could be made, which no request can cause. `doubt`: the
 * upstream took the request and gave no answer; it may be dead, or its app may do so with every such request.
 * `nobody`: it says nothing of the upstream.
 */
export type Blame = 'upstream' | 'doubt' | 'nobody';

/**
 * The one place where this is decided; docs/configuration.md tells it to users. Only what comes before the
 * answer's head is asked about: from the head on, the upstream is known to be there.
 */
export function blameFor(fault: UpstreamFault): Blame {
  switch (fault) {
    case 'connect':
    case 'connect-timeout':
    case 'not-http2':
      return 'upstream';
    case 'local':
    case 'body-timeout':
      return 'nobody';
    case 'closed':
    case 'answer-timeout':
      return 'doubt';
    // It answered, but not in an HTTP that goes on, or not what was asked for: a matter of that request.
    default:
      return 'nobody';
  }
}

/**
 * The doubts of one request's tries. One request puts one upstream in doubt at most, and none if the next
 * fails alike: then the request is to blame.
 */
export class Doubts {
  #doubted: string | undefined;
  #hasTwo = false;

  add(upstreamId: string): void {
    if (this.#doubted !== undefined) this.#hasTwo = true;
    this.#doubted = upstreamId;
  }

  /** The upstream to doubt, now that the request is answered or given up. */
  get settled(): string | undefined {
    return this.#hasTwo ? undefined : this.#doubted;
  }
}
