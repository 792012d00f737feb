import { closeSync, writeSync } from 'node:fs';
import { wholeNumber } from '../base/digits.js';
import { StickyError } from '../base/errors.js';
import type { InheritedPort } from '../control/inherited-port.js';

/** Where handed descriptors begin: sd_listen_fds(3). */
const FIRST = 3;
/** At which a successor says that it serves. */
const READY_AT = 4;
const SUCCEEDS = 'STICKYROUTE_SUCCEEDS';

/** A process's environment, which this file reads and clears. */
export type OwnEnvironment = Record<string, string | undefined>;

/** What a process adds to the environment of its successor. */
export const SUCCESSION = { [SUCCEEDS]: '1' } as const;

/**
 * The port that this process was started with: by systemd, in its words (sd_listen_fds(3)), or by the process
 * that it succeeds. The words are taken out of the environment, because they are not meant for the processes
 * that this one starts. `warn` is told of a socket that another process was meant to have.
 */
export function inheritedPort(
  env: OwnEnvironment,
  pid: number,
  warn: (text: string) => void,
): InheritedPort | undefined {
  const { LISTEN_FDS: count, LISTEN_PID: meant } = env;
  const isSuccession = env[SUCCEEDS] === '1';
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', SUCCEEDS]) delete env[name];
  if (isSuccession) return { descriptor: FIRST, isSuccession };
  if (count === undefined || meant === undefined) return undefined;
  if (meant !== String(pid)) {
    warn(
      `a socket was handed to process ${digitsOf(meant)}, and this is process ${pid}. Start node itself in the unit, and not through npx or a shell; or start the program there with exec.`,
    );
    return undefined;
  }
  const sockets = wholeNumber(count, 10);
  if (sockets === 1) return { descriptor: FIRST, isSuccession };
  if (sockets === 0) return undefined;
  throw new StickyError(
    'STICKY_LISTEN_FAILED',
    `${Number.isNaN(sockets) ? 'An unknown number of' : sockets} sockets were handed over (LISTEN_FDS), and the gateway listens at one. Leave one ListenStream= in the socket unit.`,
  );
}

/** Tells the process that this one succeeds that it may go. */
export function sayThatItServes(): void {
  try {
    writeSync(READY_AT, 'serves\n');
    closeSync(READY_AT);
  } catch {
    // It has gone already.
  }
}

/** Of a variable that anybody may have set. */
function digitsOf(text: string): string {
  return /^\d{1,10}$/.test(text) ? text : '?';
}
