import { spawn } from 'node:child_process';
import { machineMicroseconds, systemClock } from '../base/clock.js';
import { wholeNumber } from '../base/digits.js';
import { sayThatItServes, type OwnEnvironment } from './inherited-port.js';

/** Tells how this process is: to systemd (sd_notify(3)), and to the process that it succeeds. */
export interface Notices {
  ready(): void;
  reloading(): void;
  stopping(): void;
}

/**
 * systemd is told if the unit has `Type=notify`. Node can't send to its socket, which is one of datagrams.
 * The program `systemd-notify` can, and that is why the unit needs `NotifyAccess=all`. `warn` is told, once,
 * if that program can't be run.
 */
export function openNotices(
  env: OwnEnvironment,
  pid: number,
  isSuccession: boolean,
  warn: (text: string) => void,
): Notices {
  const hasManager = (env['NOTIFY_SOCKET'] ?? '') !== '';
  let said = Promise.resolve();
  let hasWarned = false;
  const tell = (...words: string[]): void => {
    if (!hasManager) return;
    // One after the other: READY=1 must not overtake RELOADING=1.
    said = said
      .then(() => notify(words))
      .then((why) => {
        if (why === undefined || hasWarned) return;
        hasWarned = true;
        warn(
          `systemd can't be told how this process is, because systemd-notify can't be run (${why}). Install it, or write Type=exec in the unit.`,
        );
      });
  };
  // Without WATCHDOG_PID it is meant for whoever has the socket.
  const watchdogMs = wholeNumber(env['WATCHDOG_USEC'] ?? '', 10) / 1000;
  const isWatched = watchdogMs > 0 && (env['WATCHDOG_PID'] ?? String(pid)) === String(pid);
  let isServing = false;
  return {
    ready() {
      tell('READY=1', `MAINPID=${pid}`, 'STATUS=serving');
      if (hasManager && isWatched && !isServing) systemClock.every(watchdogMs / 2, () => tell('WATCHDOG=1'));
      if (isSuccession && !isServing) sayThatItServes();
      isServing = true;
    },
    reloading() {
      tell('RELOADING=1', `MONOTONIC_USEC=${machineMicroseconds()}`, 'STATUS=reading the file again');
    },
    stopping() {
      // Not behind what is being said: this process may have gone by then.
      if (hasManager) void notify(['STOPPING=1', 'STATUS=finishing requests']);
    },
  };
}

/** Resolves with the reason when it could not be said. */
function notify(words: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    // Four: a descriptor 3 that systemd handed to this process must not live on in that one.
    const child = spawn('systemd-notify', words, { stdio: ['ignore', 'ignore', 'ignore', 'ignore'] });
    child.unref();
    child.on('error', ({ message }) => done(message));
    child.on('exit', (code) => done(code === 0 ? undefined : `exit code ${code}`));
  });
}
