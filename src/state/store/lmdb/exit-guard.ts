import { isMainThread } from 'node:worker_threads';

/** Something that may be in the middle of a write. */
export interface Writer {
  readonly isWriting: boolean;
}

const writers = new Set<Writer>();

/**
 * A process that exits waits for its threads. One of them may hold the lock of LMDB and wait for the main
 * thread, which is waiting for it: neither ends, and no process that shares the file writes any more. A
 * process that is killed lets the lock go. What was acknowledged is on the disk.
 */
function endAtOnce(): void {
  for (const writer of writers) if (writer.isWriting) process.kill(process.pid, 'SIGKILL');
}

/** Until it is unguarded, this process does not hang when it exits while the writer writes. */
export function guardExit(writer: Writer): void {
  if (!isMainThread) return;
  if (writers.size === 0) process.on('exit', endAtOnce);
  writers.add(writer);
}

export function unguardExit(writer: Writer): void {
  if (writers.delete(writer) && writers.size === 0) process.off('exit', endAtOnce);
}
