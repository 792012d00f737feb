import { writeSync } from 'node:fs';

/** Where bytes go: a file, a pipe, a terminal. */
export interface BytesOut {
  /**
   * Writes what it can and says how much that was, with the error's code if it was not all. `EAGAIN`: the
   * reader is slow. `done` may be called before this returns; until then the bytes must stay as they are.
   */
  write(bytes: Buffer, done: (written: number, code: string | undefined) => void): void;
}

/** Who hears that lines can't be written. Each is called once a trouble. */
export interface LinesWatcher {
  /** From now on lines wait, and are dropped when there is no more room. `code` is the error's. */
  began(code: string): void;
  /** Everything that waited is written. */
  ended(dropped: number): void;
}

export interface LinesBounds {
  /** One write has at most this many bytes, unless it is a single line that is longer. */
  readonly writeBytesMax: number;
  /** So many bytes wait at most for a reader or a disk. */
  readonly waitingBytesMax: number;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly lines: number;
  sent: number;
}

/**
 * Lines on their way out: encoded into one buffer as they come, passed on when it is full, cut between two
 * lines. When the reader is slow or the disk is full they wait, up to a bound, and from there on they are
 * dropped and counted: nobody who reads a log may stop a gateway.
 */
export class BoundedLines {
  readonly #out: BytesOut;
  readonly #bounds: LinesBounds;
  readonly #watcher: LinesWatcher;
  #buffer: Buffer;
  #bytes = 0;
  #lines = 0;
  /** The first is being written. */
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  #isPumping = false;
  #hasTrouble = false;
  /** What the last write said, if it failed. */
  #failedWith: string | undefined;
  #dropped = 0;
  #whenIdle: (() => void) | undefined;

  constructor(out: BytesOut, bounds: LinesBounds, watcher: LinesWatcher) {
    this.#out = out;
    this.#bounds = bounds;
    this.#watcher = watcher;
    this.#buffer = Buffer.allocUnsafeSlow(bounds.writeBytesMax);
  }

  /** Lines that wait still, and those that were dropped in a trouble that goes on. */
  get missing(): number {
    return this.#waiting.reduce((sum, { lines }) => sum + lines, this.#lines + this.#dropped);
  }

  write(line: string): void {
    // A character takes three bytes at most; nearly always one, and then it is known to fit only after
    // looking.
    if (line.length * 3 > this.#buffer.length - this.#bytes && !this.#fits(line) && !this.#makeRoom(line))
      return;
    this.#bytes += this.#buffer.write(line, this.#bytes);
    this.#lines++;
  }

  /** Writes what was gathered, and tries again what could not be written. */
  flush(): void {
    // While something waits a buffer is filled first: many that are nearly empty would be memory for nothing.
    if (this.#waiting.length === 0) this.#turnBuffer();
    this.#pump();
  }

  /** Resolves when everything is written, or can't be. */
  finish(): Promise<void> {
    return new Promise((done) => {
      this.#whenIdle = () => {
        this.#whenIdle = undefined;
        done();
      };
      this.#turnBuffer();
      this.#pump();
      this.#checkIdle();
    });
  }

  #fits(line: string): boolean {
    return Buffer.byteLength(line) <= this.#buffer.length - this.#bytes;
  }

  /** False: the line has been dealt with, in one way or another. */
  #makeRoom(line: string): boolean {
    if (!this.#turnBuffer()) {
      this.#drop();
      return false;
    }
    this.#pump();
    if (this.#fits(line)) return true;
    // Longer than any buffer: on its own.
    if (this.#take(Buffer.from(line), 1)) this.#pump();
    else this.#drop();
    return false;
  }

  /** Makes what was gathered wait for its write, in place of an empty buffer. */
  #turnBuffer(): boolean {
    if (this.#bytes === 0) return true;
    if (!this.#take(this.#buffer.subarray(0, this.#bytes), this.#lines)) return false;
    this.#buffer = Buffer.allocUnsafeSlow(this.#bounds.writeBytesMax);
    this.#bytes = 0;
    this.#lines = 0;
    return true;
  }

  #take(bytes: Buffer, lines: number): boolean {
    if (this.#waitingBytes + bytes.length > this.#bounds.waitingBytesMax) return false;
    this.#waiting.push({ bytes, lines, sent: 0 });
    this.#waitingBytes += bytes.length;
    return true;
  }

  #drop(): void {
    this.#dropped++;
    this.#beginTrouble(this.#failedWith ?? 'EAGAIN');
  }

  #pump(): void {
    if (this.#isPumping || this.#isWriting) return;
    this.#isPumping = true;
    this.#failedWith = undefined;
    while (this.#waiting.length > 0 && !this.#isWriting && this.#failedWith === undefined) {
      const first = this.#waiting[0]!;
      this.#isWriting = true;
      this.#out.write(first.sent === 0 ? first.bytes : first.bytes.subarray(first.sent), (written, code) => {
        this.#isWriting = false;
        this.#wrote(first, written, code);
        // What failed waits for the next flush.
        if (code === undefined) this.#pump();
        else this.#checkIdle();
      });
    }
    this.#isPumping = false;
    this.#checkIdle();
  }

  #wrote(first: Waiting, written: number, code: string | undefined): void {
    first.sent += written;
    if (first.sent >= first.bytes.length) {
      this.#waiting.shift();
      this.#waitingBytes -= first.bytes.length;
    }
    this.#failedWith = code;
    if (code !== undefined) {
      // A slow reader is ordinary until lines are dropped for it.
      if (code !== 'EAGAIN') this.#beginTrouble(code);
    } else if (this.#hasTrouble && this.#waiting.length === 0) {
      this.#hasTrouble = false;
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.#watcher.ended(dropped);
    }
  }

  #beginTrouble(code: string): void {
    if (this.#hasTrouble) return;
    this.#hasTrouble = true;
    this.#watcher.began(code);
  }

  #checkIdle(): void {
    const isDone = this.#waiting.length === 0 && this.#bytes === 0;
    const isHopeless = this.#failedWith !== undefined && this.#failedWith !== 'EAGAIN';
    if (!this.#isWriting && (isDone || isHopeless)) this.#whenIdle?.();
  }
}

/**
 * A file is written to directly, as nginx does. A full disk may take a part of a line. Where no other process
 * writes, the rest follows when there is room; where others do, their lines would come in between, so the
 * part is ended with a line feed and the line is written again.
 */
export function fileOut(fd: number, isShared: boolean): BytesOut {
  let isTorn = false;
  return {
    write(bytes, done) {
      let written = 0;
      try {
        if (isTorn) writeSync(fd, '\n');
        isTorn = false;
        while (written < bytes.length) written += writeSync(fd, bytes, written);
        done(written, undefined);
      } catch (error) {
        const lineStart = written === 0 ? 0 : bytes.lastIndexOf(LF, written - 1) + 1;
        isTorn ||= isShared && lineStart < written;
        done(isShared ? lineStart : written, (error as NodeJS.ErrnoException).code ?? 'EIO');
      }
    },
  };
}

const LF = 10;
