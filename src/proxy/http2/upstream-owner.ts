import type { Deadlines } from '../deadlines.js';
import type { Limits } from '../limits.js';
import type { PeerSettings } from './peer-settings.js';
import type { StreamConnection } from './upstream-stream.js';

/** Where a connection reports to. */
export interface Http2Owner {
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  connected(address: string): void;
  notConnected(): void;
  /** It may take more streams than before. */
  hasRoom(): void;
  /** What its SETTINGS say. */
  settings(settings: PeerSettings): void;
  /** It takes no stream any more. */
  left(connection: StreamConnection): void;
}
