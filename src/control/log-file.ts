import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Config } from './config/config.js';
import { BoundedLines, fileOut, type BytesOut } from './bounded-lines.js';

/** As for standard output: log-destination.ts says why. */
const GATHERED_BYTES = 16_384;
const GATHERED_MS = 200;
const WAITING_BYTES_MAX = 1024 * 1024;
/** Whoever collects logs is in the group; nobody else reads who came when. */
const MODE = 0o640;

/** Without waiting: a pipe that nobody reads is refused, and doesn't hold the process. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * A file that lines are added to. It is opened anew when whoever rotates logs has moved it away. A line that
 * can't be written waits, up to a bound, and the gateway serves on.
 */
export class LogFile {
  readonly path: string;
  readonly #lines: BoundedLines;
  readonly #timer: Timer;
  #out: BytesOut | undefined;
  #fd = -1;

  constructor(path: string, clock: Clock, logger: Logger) {
    this.path = path;
    // Other processes may write there too: each line stays whole.
    this.#lines = new BoundedLines(
      { write: (bytes, done) => this.#write(bytes, done) },
      { writeBytesMax: GATHERED_BYTES, waitingBytesMax: WAITING_BYTES_MAX },
      {
        began: (code) =>
          logger.error(
            { file: path, cause: code },
            `the access log ${path} can't be written (${code}): up to ${WAITING_BYTES_MAX / 1024} KiB of lines wait, and from there on they are dropped`,
          ),
        ended: (dropped) => logger.warn({ file: path, dropped }, `the access log ${path} is written again`),
      },
    );
    this.#timer = clock.every(GATHERED_MS, () => this.#lines.flush());
  }

  write(line: string): void {
    this.#lines.write(line);
  }

  /** What has been gathered goes to the file of before. */
  reopen(): void {
    this.#lines.flush();
    this.#leave();
    this.#lines.flush();
  }

  async finish(): Promise<void> {
    this.#timer.stop();
    await this.#lines.finish();
    this.#leave();
  }

  #write(bytes: Buffer, done: (written: number, code: string | undefined) => void): void {
    try {
      if (this.#out === undefined) {
        this.#fd = openLog(this.path);
        this.#out = fileOut(this.#fd, true);
      }
    } catch (error) {
      done(0, (error as NodeJS.ErrnoException).code ?? 'EIO');
      return;
    }
    this.#out.write(bytes, done);
  }

  #leave(): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
    this.#out = undefined;
  }
}

/** Throws STICKY_LOG_UNWRITABLE for a file that could not be written. It is made where it is missing. */
export function checkLogFile({ accessLog }: Config): void {
  const path = typeof accessLog === 'boolean' ? undefined : accessLog.file;
  if (path === undefined) return;
  try {
    closeSync(openLog(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StickyError(
      'STICKY_LOG_UNWRITABLE',
      `The access log ${path} can't be written (${code ?? message}). Make its folder, give this user the right to write there, or choose another accessLog.file.`,
      { cause: error },
    );
  }
}

function openLog(path: string): number {
  const fd = openSync(path, FLAGS, MODE);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error('it is not a file');
}
