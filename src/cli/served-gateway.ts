import type { Logger } from 'pino';
import type { Config } from '../control/config/config.js';
import type { InheritedPort } from '../control/inherited-port.js';
import type { ConfigFile } from '../control/control-plane.js';
import type { Operations } from '../control/operations.js';

/** What `up` needs of a gateway. */
export interface ServedGateway {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  readonly operations: Pick<Operations, 'reload' | 'reopenLogs'>;
  readonly port: number;
  readonly shutdownDelayMs: number;
  /** Says that it goes, and serves. Resolves after `shutdownDelay`, or when `close` is called. */
  announceClose(): Promise<void>;
  /** `isSucceeded`: another process serves at the same socket already. */
  close(isSucceeded?: boolean): Promise<void>;
}

export type StartGateway = (
  config: Config,
  options: {
    readonly logger: Logger;
    readonly file: ConfigFile | undefined;
    readonly inherited: InheritedPort | undefined;
  },
) => Promise<ServedGateway>;
