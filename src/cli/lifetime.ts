import { durationText } from '../control/config/values.js';
import { fixedText } from '../control/fixed-settings.js';
import { reportFailure } from './failure.js';
import type { ServedGateway } from './served-gateway.js';
import { EXIT, type Signal, type Surroundings } from './surroundings.js';

const STOPS: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/**
 * Waits for the signal that ends the gateway, and closes it. The first SIGTERM, SIGINT or SIGQUIT waits for
 * `shutdownDelay`, in which requests are served as before, and then lets requests in progress finish. The
 * next one ends the wait, and one after that ends the process at once. SIGHUP reads the file again; a bad one
 * changes nothing. When SIGHUP says that the terminal has gone, it ends the gateway as SIGTERM does.
 */
export function runUntilStopped(
  gateway: ServedGateway,
  file: string | undefined,
  around: Surroundings,
): Promise<void> {
  const { signals, stderr } = around;
  // A stop waits for the reload before it.
  let reloads = Promise.resolve();
  return new Promise((done, failed) => {
    let isStopping = false;
    let isWaiting = false;
    const onHangUp = (): void => {
      if (around.isTerminalGone?.() === true) stop('the terminal has gone');
      else if (!isStopping) reloads = reloads.then(() => reload(gateway, file, around));
    };
    const onStop = (): void => {
      if (isWaiting) {
        isWaiting = false;
        stderr.write(`stickyroute: no longer waiting; ${FINISHING}\n`);
        void gateway.close();
      } else if (isStopping) {
        stderr.write('stickyroute: stopped at once, with requests in progress.\n');
        around.exit(EXIT.failed);
      } else stop();
    };
    const stop = (why?: string): void => {
      if (isStopping) return;
      isStopping = true;
      const { shutdownDelayMs } = gateway;
      isWaiting = shutdownDelayMs > 0;
      const how = isWaiting
        ? `stopping in ${durationText(shutdownDelayMs)}; until then requests are served. A second signal ends the wait.`
        : `stopping; ${FINISHING}`;
      stderr.write(`stickyroute: ${why === undefined ? '' : `${why}: `}${how}\n`);
      reloads
        .then(() => gateway.announceClose())
        .then(() => {
          isWaiting = false;
          return gateway.close();
        })
        .then(
          () => finish(done),
          (error: unknown) => finish(() => failed(error)),
        );
    };
    const finish = (then: () => void): void => {
      for (const signal of STOPS) signals.off(signal, onStop);
      signals.off('SIGHUP', onHangUp);
      parents?.stop();
      then();
    };
    for (const signal of STOPS) signals.on(signal, onStop);
    signals.on('SIGHUP', onHangUp);
    const parents = around.onOrphaned?.(() => stop('npm, which started this, has ended'));
  });
}

const FINISHING = 'requests in progress may finish. A second signal ends it at once.';

async function reload(
  gateway: ServedGateway,
  file: string | undefined,
  { stderr }: Surroundings,
): Promise<void> {
  if (file === undefined) {
    stderr.write('stickyroute: SIGHUP changes nothing, since there is no file to read again.\n');
    return;
  }
  try {
    const { needsRestart } = await gateway.operations.reload();
    stderr.write(`stickyroute: ${file} read again and in use.\n`);
    for (const fixed of needsRestart) stderr.write(`stickyroute: ${fixedText(fixed)}.\n`);
  } catch (error) {
    reportFailure(error, stderr);
    stderr.write(`stickyroute: ${file} can't be used; nothing changed.\n`);
  }
}
