import type { Members } from '../route/pool/pool-event.js';
import type { Config } from './config/config.js';

/**
 * All that a gateway is made of, read and checked: a process can serve by it without looking at any file. A
 * supervisor hands it to its workers.
 */
export interface Setup {
  /** With the keys, also when the gateway made them. */
  readonly config: Config;
  /** Who is in each pool, by its name. */
  readonly members: ReadonlyMap<string, Members>;
}
