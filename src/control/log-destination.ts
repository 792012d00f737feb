import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { pino } from 'pino';
import { systemClock } from '../base/clock.js';
import { GatheredLines, type BytesOut } from './gathered-lines.js';

const STDOUT = 1;

/** What several processes may write to a pipe at a time without their bytes mixing (PIPE_BUF of Linux). */
const PIPE_BYTES_MAX = 4096;

/** Lines are gathered up to this size, or for this long: a write a line costs more than the line. */
const GATHERED_BYTES = 16_384;
const GATHERED_MS = 200;

/** Where log lines go. */
export interface LogDestination {
  write(line: string): void;
  /** Writes out what was gathered, before it returns where that is possible. */
  flushSync(): void;
  /** Resolves when all that was written is out, or can't be. */
  finish(): Promise<void>;
}

/**
 * Standard output, for lines of JSON. A terminal gets each line at once. A file is written to directly, as
 * nginx does; a pipe, whose reader may be slow, without waiting for it. `isShared`: other processes write
 * there too, and every line must stay whole: a file takes a write of any size in one piece, a pipe up to
 * PIPE_BUF.
 */
export function openLog(isShared: boolean): LogDestination {
  const isTerminal = isatty(STDOUT);
  const isPipe = !isTerminal && isPiped();
  const bytesMax = isTerminal ? 1 : isPipe && isShared ? PIPE_BYTES_MAX : GATHERED_BYTES;
  const out = pino.destination({
    dest: STDOUT,
    sync: !isTerminal && !isPipe,
    contentMode: 'buffer',
    ...(isPipe && isShared ? { maxWrite: PIPE_BYTES_MAX } : {}),
  });
  const lines = new GatheredLines(out as unknown as BytesOut, bytesMax);
  const flushing = systemClock.every(GATHERED_MS, () => lines.flush());
  return {
    write: (line) => lines.write(line),
    flushSync: () => {
      lines.flush();
      out.flushSync();
    },
    finish: () => {
      flushing.stop();
      lines.flush();
      return new Promise((done) => {
        out.once('close', () => done());
        out.once('error', () => done());
        try {
          out.end();
        } catch {
          // Its reader has gone.
          done();
        }
      });
    },
  };
}

function isPiped(): boolean {
  try {
    const stdout = fstatSync(STDOUT);
    return stdout.isFIFO() || stdout.isSocket();
  } catch {
    return true;
  }
}
