import type { Config } from '../control/config/config.js';
import { reportFailure } from './failure.js';
import type { RunningGateway } from './running-gateway.js';
import { EXIT, type Surroundings } from './surroundings.js';

/** A file that SIGHUP reads again. */
export interface ConfigFile {
  readonly name: string;
  read(): Config;
}

/**
 * Waits for the signal that ends the gateway, and closes it. The first SIGTERM or SIGINT lets requests in
 * progress finish; the second ends the process at once. SIGHUP reads the file again; a bad one changes
 * nothing.
 */
export function runUntilStopped(
  gateway: RunningGateway,
  file: ConfigFile | undefined,
  around: Surroundings,
): Promise<void> {
  const { signals, stderr } = around;
  // One reload after the other: two at once could finish in the wrong order.
  let reloads = Promise.resolve();
  return new Promise((done, failed) => {
    let isStopping = false;
    const onReload = (): void => {
      if (!isStopping) reloads = reloads.then(() => reload(gateway, file, around));
    };
    const onStop = (): void => {
      if (isStopping) {
        stderr.write('stickyroute: stopped at once, with requests in progress.\n');
        around.exit(EXIT.failed);
        return;
      }
      isStopping = true;
      stderr.write(
        'stickyroute: stopping; requests in progress may finish. A second signal ends it at once.\n',
      );
      reloads
        .then(() => gateway.close())
        .then(
          () => finish(done),
          (error: unknown) => finish(() => failed(error)),
        );
    };
    const finish = (then: () => void): void => {
      signals.off('SIGTERM', onStop);
      signals.off('SIGINT', onStop);
      signals.off('SIGHUP', onReload);
      then();
    };
    signals.on('SIGTERM', onStop);
    signals.on('SIGINT', onStop);
    signals.on('SIGHUP', onReload);
  });
}

async function reload(
  gateway: RunningGateway,
  file: ConfigFile | undefined,
  { stderr }: Surroundings,
): Promise<void> {
  if (file === undefined) {
    stderr.write('stickyroute: SIGHUP changes nothing, since there is no file to read again.\n');
    return;
  }
  try {
    await gateway.reload(file.read());
    stderr.write(`stickyroute: ${file.name} read again and in use.\n`);
  } catch (error) {
    reportFailure(error, stderr);
    stderr.write(`stickyroute: ${file.name} can't be used; nothing changed.\n`);
  }
}
