import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { lmdbPackage } from './lmdb-package.js';

/** The file that lmdb keeps everything in. */
export const DATA_FILE = 'data.mdb';

/** Of one file: a few for each process that has it open. Said by who makes the file; 64 bytes each. */
export const READERS_MAX = 4096;

/** A folder of lmdb, open. */
export interface OpenFolder {
  readonly root: RootDatabase<string, string>;
  readonly headers: Database<string, string>;
  readonly records: Database<string, string>;
  readonly links: Database<string, string>;
  readonly log: Database<string, number>;
}

interface Shared {
  readonly opened: OpenFolder;
  users: number;
}

/** What this process has open, by the file's place on the disk. */
const shared = new Map<string, Shared>();

/**
 * Opens a folder once for the whole process, however many stores are made of it. lmdb must not have a file
 * open twice in one process: to open it takes the lock, and a thread that holds the lock for the first
 * opening waits for the main thread, which waits for the lock.
 */
export function openFolder(folder: string): OpenFolder {
  const known = fileIdOf(folder);
  const before = known === undefined ? undefined : shared.get(known);
  if (before !== undefined) {
    before.users++;
    return before.opened;
  }
  const root = lmdbPackage().open<string, string>({
    path: folder,
    noSubdir: false,
    encoding: 'string',
    // With it, a process that is killed while it flushes leaves a lock behind. That breaks the writes and
    // the `close` of every process that waits for it.
    overlappingSync: false,
    // With it, lmdb keeps a promise for each batch that nobody listens to: a disk that is full ends the
    // process.
    eventTurnBatching: false,
    maxReaders: READERS_MAX,
  });
  const opened = {
    root,
    headers: root.openDB<string, string>({ name: 'headers', encoding: 'string' }),
    records: root.openDB<string, string>({ name: 'records', encoding: 'string' }),
    links: root.openDB<string, string>({ name: 'links', encoding: 'string' }),
    log: root.openDB<string, number>({ name: 'log', encoding: 'string' }),
  };
  const id = fileIdOf(folder);
  if (id !== undefined) shared.set(id, { opened, users: 1 });
  return opened;
}

/** Ends one use of it; the last one closes it. Resolves when what was written is on the disk. */
export async function closeFolder(opened: OpenFolder): Promise<void> {
  for (const [id, each] of shared) {
    if (each.opened !== opened) continue;
    if (--each.users > 0) {
      await opened.root.flushed;
      return;
    }
    shared.delete(id);
  }
  await opened.root.close();
}

/** Device and inode; undefined when there is no such file yet. */
function fileIdOf(folder: string): string | undefined {
  const stat = statSync(join(folder, DATA_FILE), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
