import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { pino } from 'pino';

const STDOUT = 1;

/** What several processes may write to a pipe at a time without their bytes mixing (PIPE_BUF of Linux). */
const PIPE_BYTES_MAX = 4096;

/** Where log lines go. */
export type LogDestination = ReturnType<typeof pino.destination>;

/** Lines are gathered up to this size, or for this long: a write a line costs more than the line. */
const GATHERED_BYTES = 8192;
const GATHERED_MS = 200;

/**
 * Standard output, for lines of JSON. A terminal gets each line at once. A file is written to directly, as nginx does; a pipe, whose
 * reader may be slow, without waiting for it. `isShared`: other processes write there too, and every line must stay whole: a file
 * takes a write of any size in one piece, a pipe up to PIPE_BUF.
 */
export function openLog(isShared: boolean): LogDestination {
  if (isatty(STDOUT)) return pino.destination({ dest: STDOUT, sync: false });
  const isPipe = isPiped();
  return pino.destination({
    dest: STDOUT,
    sync: !isPipe,
    periodicFlush: GATHERED_MS,
    ...(isPipe && isShared ? { maxWrite: PIPE_BYTES_MAX, minLength: PIPE_BYTES_MAX - 1 } : { minLength: GATHERED_BYTES }),
  });
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
