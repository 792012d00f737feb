import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from './config/config.js';

/** Says what a reload can't change, when it was to. */
export function warnOfFixed(before: Config, { listen, tls, workers }: Config, logger: Logger): void {
  const isSame = isDeepStrictEqual(
    [listen, tls === undefined, workers],
    [before.listen, before.tls === undefined, before.workers],
  );
  if (!isSame)
    logger.warn(
      'listen, workers and the switch between http and https take effect at the next start; everything else has been reloaded',
    );
}
