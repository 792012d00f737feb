import { constants, fstatSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Writable } from 'node:stream';
import { stayAlive, systemClock } from '../base/clock.js';
import { BoundedLines, fileOut, type BytesOut, type LinesWatcher } from './bounded-lines.js';

const STDOUT = 1;
const STDERR = 2;

/** What several processes may write to a pipe at a time without their bytes mixing (PIPE_BUF of Linux). */
const PIPE_BYTES_MAX = 4096;

/** Lines are gathered up to this size, or for this long: a write a line costs more than the line. */
const GATHERED_BYTES = 16_384;
const GATHERED_MS = 200;

/** So much waits for a slow reader or a full disk, about 3 000 requests; a process holds no more. */
const WAITING_BYTES_MAX = 1024 * 1024;
const WAITING_WORDS_MAX = 64 * 1024;

/** A process that ends waits this long for the reader of its last lines. */
const FINISH_MS = 1000;

/** What a process that serves writes. Nothing here ever waits for a reader, fails, or grows without end. */
export interface Outputs {
  /** Lines of JSON, on standard output. */
  readonly log: { write(line: string): void };
  /** What it says to people, on standard error. */
  readonly stderr: { write(text: string): void };
  /** Resolves when all is written, or a second later. */
  finish(): Promise<void>;
}

/**
 * `isShared`: other processes write there too, and every line must stay whole: a file takes a write of any
 * size in one piece, a pipe up to PIPE_BUF. `worker`: which one of them this is.
 */
export function openOutputs(isShared: boolean, worker?: number): Outputs {
  const who = worker === undefined ? 'stickyroute' : `stickyroute: worker ${worker}`;
  const stderr = openLines(STDERR, process.stderr, isShared, WAITING_WORDS_MAX, {
    began: () => {},
    ended: (dropped) => {
      if (dropped > 0)
        stderr.lines.write(`${who}: ${linesText(dropped)} that stood here could not be written.\n`);
    },
  });
  const say = (text: string): void => {
    stderr.lines.write(`${who}: ${text}\n`);
    stderr.lines.flush();
  };
  const log = openLines(STDOUT, process.stdout, isShared, WAITING_BYTES_MAX, {
    began: (code) => say(beginning(code)),
    ended: (dropped) => {
      const text = `the log is written again; ${dropped === 0 ? 'no line' : linesText(dropped)} of it ${dropped === 1 ? 'is' : 'are'} missing`;
      const from = worker === undefined ? '' : `"worker":${worker},`;
      log.lines.write(
        `{"level":40,"time":${systemClock.now()},${from}"dropped":${dropped},"msg":"${text}"}\n`,
      );
      say(`${text}.`);
    },
  });
  const all = [log, stderr];
  const flushing = systemClock.every(GATHERED_MS, () => {
    for (const { lines } of all) lines.flush();
  });
  return {
    log: {
      write: (line) => {
        log.lines.write(line);
        if (log.isAtOnce) log.lines.flush();
      },
    },
    stderr: {
      write: (text) => {
        stderr.lines.write(text);
        stderr.lines.flush();
      },
    },
    async finish() {
      const staying = stayAlive();
      await finished(log.lines);
      const lost = log.lines.missing;
      if (lost > 0) say(`${linesText(lost)} of the log could not be written.`);
      await finished(stderr.lines);
      flushing.stop();
      staying.stop();
    },
  };
}

function beginning(code: string): string {
  const bound = `up to ${WAITING_BYTES_MAX / 1024} KiB of lines wait, and from there on they are dropped`;
  if (code === 'EAGAIN')
    return `the reader of the log (standard output) is too slow: ${WAITING_BYTES_MAX / 1024} KiB of lines wait for it, and more are dropped.`;
  const why =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'the disk is full'
      : code === 'EFBIG'
        ? 'the file has reached the size that it may have'
        : code === 'EPIPE'
          ? 'its reader has gone'
          : 'the system refuses it';
  return `the log (standard output) can't be written, since ${why} (${code}): ${bound}.`;
}

function linesText(count: number): string {
  return `${count} line${count === 1 ? '' : 's'}`;
}

/** Resolves when it is written, can't be, or takes too long. */
function finished(lines: BoundedLines): Promise<void> {
  return new Promise((done) => {
    const late = systemClock.after(FINISH_MS, done);
    void lines.finish().then(() => {
      late.stop();
      done();
    });
  });
}

function openLines(
  fd: number,
  stream: Writable,
  isShared: boolean,
  waitingBytesMax: number,
  watcher: LinesWatcher,
): { readonly lines: BoundedLines; readonly isAtOnce: boolean } {
  const isTerminal = isatty(fd);
  const isPipe = !isTerminal && isPiped(fd);
  const out = isPipe ? streamOut(stream) : fileOut(isTerminal ? unblocked(fd) : fd, isShared);
  // Whatever else writes there (a warning of Node's): what it can't write must not end the process.
  stream.on('error', () => {});
  const writeBytesMax = isPipe && isShared ? PIPE_BYTES_MAX : GATHERED_BYTES;
  return { lines: new BoundedLines(out, { writeBytesMax, waitingBytesMax }, watcher), isAtOnce: isTerminal };
}

/** A pipe or a socket: Node's own stream waits for its reader without stopping the process. */
function streamOut(stream: Writable): BytesOut {
  return {
    write: (bytes, done) => {
      stream.write(bytes, (error) => {
        if (error) done(0, (error as NodeJS.ErrnoException).code ?? 'EIO');
        else done(bytes.length, undefined);
      });
    },
  };
}

/**
 * A terminal that is held (Ctrl-S) would hold the process with it. Opened anew it has a flag of its own that
 * says not to wait; the shell and other programs keep theirs.
 */
function unblocked(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

function isPiped(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return true;
  }
}
