import { fstatSync } from 'node:fs';
import { pino } from 'pino';

const STDOUT = 1;

/** What several processes may write to a pipe at a time without their bytes mixing (PIPE_BUF of Linux). */
const PIPE_BYTES_MAX = 4096;

/** Where log lines go. */
export type LogDestination = ReturnType<typeof pino.destination>;

/**
 * Standard output, for lines of JSON. Lines are gathered while a write is under way, so a slow log costs no request its time.
 * `isShared`: other processes write there too, and every line must stay whole. A file takes a write of any size in one piece.
 */
export function openLog(isShared: boolean): LogDestination {
  return pino.destination({ dest: STDOUT, sync: false, ...(isShared && isPiped() ? { maxWrite: PIPE_BYTES_MAX } : {}) });
}

/** Resolves when all that was written is out, or can't be. */
export function finishLog(log: LogDestination): Promise<void> {
  return new Promise((done) => {
    log.once('close', () => done());
    log.once('error', () => done());
    try {
      log.end();
    } catch {
      // Its reader has gone.
      done();
    }
  });
}

function isPiped(): boolean {
  try {
    const stdout = fstatSync(STDOUT);
    return stdout.isFIFO() || stdout.isSocket();
  } catch {
    return true;
  }
}
