import type { Timer } from '../base/clock.js';
import { durationText } from '../control/config/values.js';
import { fixedText } from '../control/fixed-settings.js';
import { reportFailure } from './failure.js';
import type { Notices } from './notices.js';
import type { ServedGateway } from './served-gateway.js';
import type { Successor } from './successor.js';
import { EXIT, type Signal, type Surroundings } from './surroundings.js';

const STOPS: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

/**
 * Waits for the signal that ends the gateway, and closes it. The first SIGTERM, SIGINT or SIGQUIT waits for
 * `shutdownDelay`, in which requests are served as before, and then lets requests in progress finish. The
 * next one ends the wait, and one after that ends the process at once. SIGHUP reads the file again; a bad one
 * changes nothing; `watch` asks for the same. When SIGHUP says that the terminal has gone, it ends the
 * gateway as SIGTERM does. SIGWINCH starts a successor, and the gateway ends when that one serves. SIGUSR2
 * opens the file of the access log anew.
 */
export function runUntilStopped(
  gateway: ServedGateway,
  file: string | undefined,
  around: Surroundings,
  notices?: Notices,
  watch?: (changed: () => void) => Timer,
): Promise<void> {
  const { signals, stderr, startSuccessor } = around;
  // A stop waits for the reload before it.
  let reloads = Promise.resolve();
  return new Promise((done, failed) => {
    let isStopping = false;
    let isWaiting = false;
    const onHangUp = (): void => {
      if (around.isTerminalGone?.() === true) stop('the terminal has gone');
      else if (!isStopping) reloads = reloads.then(() => reload(gateway, file, around, notices));
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
    const stop = (why?: string, isSucceeded = false): void => {
      if (isStopping) return;
      isStopping = true;
      if (!isSucceeded) {
        notices?.stopping();
        successor?.end();
      }
      const { shutdownDelayMs } = gateway;
      // What comes from now on goes to the successor.
      isWaiting = shutdownDelayMs > 0 && !isSucceeded;
      const how = isWaiting
        ? `stopping in ${durationText(shutdownDelayMs)}; until then requests are served. A second signal ends the wait.`
        : `stopping; ${FINISHING}`;
      stderr.write(`stickyroute: ${why === undefined ? '' : `${why}: `}${how}\n`);
      reloads
        .then(() => (isSucceeded ? undefined : gateway.announceClose()))
        .then(() => {
          isWaiting = false;
          return gateway.close(isSucceeded);
        })
        .then(
          () => finish(done),
          (error: unknown) => finish(() => failed(error)),
        );
    };
    let successor: Successor | undefined;
    const handOver = async (start: (port: number) => Successor): Promise<void> => {
      if (isStopping || successor !== undefined) return;
      try {
        successor = start(gateway.port);
        stderr.write(`stickyroute: process ${successor.pid} starts, to take over the port.\n`);
        await successor.serves;
        stop(`process ${successor.pid} serves now`, true);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        stderr.write(`stickyroute: there is no successor (${why}); this process serves on.\n`);
        successor = undefined;
      }
    };
    const onHandOver = (): void => {
      if (startSuccessor !== undefined) void handOver(startSuccessor);
    };
    const onRotated = (): void => void gateway.operations.reopenLogs();
    const finish = (then: () => void): void => {
      for (const signal of STOPS) signals.off(signal, onStop);
      signals.off('SIGHUP', onHangUp);
      signals.off('SIGWINCH', onHandOver);
      signals.off('SIGUSR2', onRotated);
      parents?.stop();
      watching?.stop();
      then();
    };
    for (const signal of STOPS) signals.on(signal, onStop);
    signals.on('SIGHUP', onHangUp);
    signals.on('SIGWINCH', onHandOver);
    signals.on('SIGUSR2', onRotated);
    const watching = watch?.(() => {
      if (!isStopping) reloads = reloads.then(() => reload(gateway, file, around, notices));
    });
    const parents = around.onOrphaned?.(() => stop('npm, which started this, has ended'));
  });
}

const FINISHING = 'requests in progress may finish. A second signal ends it at once.';

async function reload(
  gateway: ServedGateway,
  file: string | undefined,
  { stderr }: Surroundings,
  notices?: Notices,
): Promise<void> {
  if (file === undefined) {
    stderr.write('stickyroute: SIGHUP changes nothing, since there is no file to read again.\n');
    return;
  }
  notices?.reloading();
  try {
    const { needsRestart } = await gateway.operations.reload();
    stderr.write(`stickyroute: ${file} read again and in use.\n`);
    for (const fixed of needsRestart) stderr.write(`stickyroute: ${fixedText(fixed)}.\n`);
  } catch (error) {
    reportFailure(error, stderr);
    stderr.write(`stickyroute: ${file} can't be used; nothing changed.\n`);
  }
  notices?.ready();
}
