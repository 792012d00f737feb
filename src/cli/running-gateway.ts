import type { Logger } from 'pino';
import type { Config } from '../control/config/config.js';

/** What `up` needs of a gateway. */
export interface RunningGateway {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  reload(config: Config): Promise<void>;
  close(): Promise<void>;
}

export type StartGateway = (config: Config, options: { readonly logger: Logger }) => Promise<RunningGateway>;
