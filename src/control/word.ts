import type { Standing } from '../route/pool/standing.js';

/** What an operator said of one upstream. Undefined: nothing, so what its source says goes. */
export interface Word {
  readonly url: string;
  readonly standing?: Standing | undefined;
  readonly weight?: number | undefined;
}

/** A word, with the upstream that it is about. */
export interface SavedWord extends Word {
  readonly pool: string;
  readonly upstream: string;
}
