import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** How often a pipe is asked again that has a writer and holds nothing: 500 times 20 ms. */
const PIPE_ASKED_MAX = 500;
const PIPE_PAUSE_MS = 20;
const CHUNK_BYTES = 64 * 1024;

/** Why a file was not read though it could be opened. `code` stands beside Node's own, such as `ENOENT`. */
export class FileRefusal extends Error {
  readonly code: 'TOO_LARGE' | 'NO_FILE' | 'SILENT';

  constructor(code: FileRefusal['code'], message: string) {
    super(message);
    this.name = 'FileRefusal';
    this.code = code;
  }
}

/**
 * Reads a whole file of at most `bytesMax`; the only way in which a file that a user names is read. What the
 * system says of a file's size is no limit: it says 0 of `/dev/zero`, and a file can grow meanwhile. So bytes
 * are counted as they come. A device or a folder is refused. With `takesPipes` a pipe is read to its end, as
 * the shell's `<(command)` makes one, and refused when nothing comes for 10 s.
 */
export function readBounded(path: string, bytesMax: number, takesPipes = false): Buffer {
  // Without O_NONBLOCK the opening of a pipe waits until somebody opens its other end.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
    if (!stat.isFile() && !(takesPipes && stat.isFIFO()))
      throw new FileRefusal('NO_FILE', 'is a pipe, a device or a socket');
    const large = new FileRefusal('TOO_LARGE', `has more than ${bytesMax} bytes`);
    if (stat.isFile() && stat.size > bytesMax) throw large;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (let asked = 0; ;) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytesMax + 1 - bytes));
      const read = readOnce(descriptor, chunk);
      if (read === undefined) {
        if (++asked > PIPE_ASKED_MAX)
          throw new FileRefusal('SILENT', 'is a pipe to which nothing is written');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_PAUSE_MS);
        continue;
      }
      if (read === 0) return Buffer.concat(chunks, bytes);
      asked = 0;
      bytes += read;
      if (bytes > bytesMax) throw large;
      chunks.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** How many bytes came; 0 at the end, undefined while a pipe has a writer and is empty. */
function readOnce(descriptor: number, into: Buffer): number | undefined {
  try {
    return readSync(descriptor, into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
