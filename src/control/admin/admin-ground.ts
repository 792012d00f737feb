import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import type { ControlPlane } from '../control-plane.js';

/** What the admin API stands on. */
export interface AdminGround {
  readonly plane: ControlPlane;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The configuration's file, as it was typed. */
  readonly file: string | undefined;
  /** The process that this one succeeds may have the API's address still, and leaves it in a moment. */
  readonly isSuccession?: boolean | undefined;
  /** Where clients reach the gateway; empty while it doesn't listen. */
  address(): string;
  workers(): { readonly wanted: number; readonly listening: number };
}
