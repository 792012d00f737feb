import { hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Database, RootDatabase } from 'lmdb';
import { BoundedMap } from '../../../base/bounded-map.js';
import { atTurnEnd, systemClock } from '../../../base/clock.js';
import { StickyError } from '../../../base/errors.js';
import type { Random } from '../../../base/random.js';
import type { KeptRecord, Shelf } from '../change-run.js';
import { report, type OnFault } from '../fault.js';
import { TimeLimit } from '../time-limit.js';
import { lmdbPackage } from './lmdb-package.js';
import { closeFolder, DATA_FILE, openFolder, READERS_MAX, type OpenFolder } from './open-folder.js';
import { guardExit, unguardExit } from './exit-guard.js';
import { wakeWaitingThreads } from './lost-wake-up.js';
import {
  headerText,
  linkText,
  readPartitionHeader,
  readLink,
  readRecord,
  recordText,
  type Header,
} from './texts.js';

/** Of what is in the file: a later one can't be read by this version. */
const FORMAT = 1;
/** Together some 12 MiB at most. */
const KNOWN_MAX = 4096;
const KNOWN_CHARACTERS_MAX = 1024;
const HEADER = 'header';
const LOCK = 'lock.mdb';

/** The file of a store and what is in it. What writes is called within a transaction. */
export class LmdbFile {
  readonly root: RootDatabase<string, string>;
  readonly records: Database<string, string>;
  readonly links: Database<string, string>;
  readonly log: Database<string, number>;
  readonly #folder: string;
  readonly #opened: OpenFolder;
  readonly #headers: Database<string, string>;
  readonly #onFault: OnFault | undefined;
  /**
   * Records as they were read last. What the file holds is compared, so this saves only to understand the
   * same text again.
   */
  readonly #known = new BoundedMap<string, { readonly text: string; readonly record: KeptRecord }>(KNOWN_MAX);
  #headerText = '';
  #header: Header | undefined;
  #isClosed = false;
  readonly #limit: TimeLimit;
  readonly #limitMs: number;
  #writes = 0;
  /** Of them, those that were refused because they took too long, and that lmdb has not let go of. */
  #overdue = 0;

  constructor(folder: string, random: Random, onFault: OnFault | undefined, limitMs: number) {
    this.#folder = folder;
    this.#limitMs = limitMs;
    // The machine's clock: what is waited for is other processes and the disk.
    this.#limit = new TimeLimit(
      systemClock,
      limitMs,
      () => this.#late(),
      (error) => lmdbFailure(error, "can't write"),
      wakeWaitingThreads,
    );
    this.#onFault = onFault;
    // Before anything is made: it may not be installed.
    lmdbPackage();
    const isNew = !existsSync(folder);
    try {
      checkKind(folder);
      if (isNew) mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#opened = openFolder(folder);
      const { root, headers, records, links, log } = this.#opened;
      this.root = root;
      this.#headers = headers;
      this.records = records;
      this.links = links;
      this.log = log;
      // Sessions are secrets. Who shares the file with others by rights of the group changes them once it is
      // there.
      if (isNew) for (const name of [DATA_FILE, LOCK]) chmodSync(join(folder, name), 0o600);
      // Whoever made the file has written it.
      if (this.#headers.get(HEADER) === undefined)
        this.root.transactionSync(() => {
          if (this.#headers.get(HEADER) === undefined)
            this.putHeader({ format: FORMAT, run: random.id(), sequence: 0, lastNoted: 0, logged: 0 });
        });
    } catch (error) {
      throw lmdbFailure(error, `can't open ${folder}`);
    }
    guardExit(this);
    const { format } = this.#firstHeader(folder);
    if (format === FORMAT) return;
    void this.close().catch(() => {});
    throw new StickyError(
      'STICKY_STORE_MISUSED',
      `The lmdb store at ${folder} has format ${format}, and this version of stickyroute reads ${FORMAT}: use the version that made it, or another folder.`,
    );
  }

  /**
   * From here on reads see everything that any process has committed. Without it they would go on in a view
   * some milliseconds old.
   */
  refresh(): void {
    // lmdb itself does not check: it would read memory that is no longer the file's.
    if (this.#isClosed) throw new StickyError('STICKY_STORE_DOWN', 'The lmdb store is closed.');
    this.root.resetReadTxn();
  }

  get isWriting(): boolean {
    return this.#writes > 0;
  }

  /** In a transaction of its own, or none of it where it throws or waits for longer than the limit. */
  async change<T>(write: () => T): Promise<T> {
    this.refresh();
    // They would only lie in memory behind what is stuck already.
    if (this.#overdue > 0) throw this.#stuck('Nothing was changed');
    return await this.#limit.run((signal) => this.#write(write, signal));
  }

  async #write<T>(write: () => T, signal: AbortSignal): Promise<T> {
    this.#writes++;
    // A child, because only that is undone whole when something in it throws. Many of them share one commit.
    try {
      return await this.root.childTransaction(() => {
        if (signal.aborted) throw this.#stuck('Nothing was changed');
        return write();
      });
    } catch (error) {
      throw this.#failure(await reasonOf(error), "can't write");
    } finally {
      this.#writes--;
      if (signal.aborted) this.#overdue--;
    }
  }

  #late(): StickyError {
    this.#overdue++;
    return this.#stuck('What had its turn already and waits for the disk may still be changed');
  }

  #stuck(consequence: string): StickyError {
    return new StickyError(
      'STICKY_STORE_DOWN',
      `The lmdb store at ${this.#folder} did not write within ${this.#limitMs} ms: the disk is slow, or a process that has the file open holds its lock. ${consequence}. Look for a process that stands still; raise \`timeout\` for a slow disk.`,
    );
  }

  /** A write of which only a part found room is an input or output error to lmdb. */
  #failure(error: unknown, what: string): StickyError {
    const isPartial = /Input\/output error|EIO/.test(messageOf(error)) && hasNoRoom(this.#folder);
    return isPartial ? fullOf(error, what) : lmdbFailure(error, what);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      // What was acknowledged is on the disk. What lmdb can't flush any more was told of by whoever changed
      // it.
      await this.#limit.run(async () => {
        await closeFolder(this.#opened).catch(() => {});
        unguardExit(this);
      });
    } finally {
      this.#limit.stop();
    }
  }

  #firstHeader(folder: string): Header {
    try {
      return this.header();
    } catch (error) {
      throw lmdbFailure(error, `can't read ${folder}`);
    }
  }

  header(): Header {
    const text = this.#headers.get(HEADER) ?? '';
    if (text !== this.#headerText || this.#header === undefined) {
      const header = readPartitionHeader(text);
      if (header === undefined)
        throw new StickyError(
          'STICKY_STORE_MISUSED',
          "The header of the lmdb store can't be read: the file is damaged, or not of stickyroute.",
        );
      this.#headerText = text;
      this.#header = header;
    }
    return this.#header;
  }

  putHeader(header: Header): void {
    void this.#headers.put(HEADER, headerText(header));
  }

  readonly shelf: Shelf = {
    get: (key) => {
      const text = this.records.get(key);
      if (text === undefined) return undefined;
      const known = this.#known.get(key);
      if (known?.text === text) return known.record;
      const record = readRecord(text);
      if (record === undefined)
        report(this.#onFault, {
          kind: 'record',
          partition: 0,
          key,
          reason: "This record can't be read: the file is damaged.",
        });
      else if (text.length <= KNOWN_CHARACTERS_MAX)
        this.#known.set(key, { text, record: { ...record, fields: Object.freeze(record.fields) } });
      return record;
    },
    put: (key, record) => void this.records.put(key, recordText(record)),
    remove: (key) => void this.records.remove(key),
    linked: (index) => {
      const start = shortName(index);
      const members = new Map<string, number>();
      for (const { value } of this.links.getRange({ start, end: `${start}~` })) {
        const link = readLink(value);
        if (link !== undefined) members.set(link.member, link.expiresAtMs);
        else
          report(this.#onFault, {
            kind: 'index',
            partition: 0,
            key: index,
            reason: "A link of this index can't be read: the file is damaged.",
          });
      }
      return members;
    },
    link: (index, member, expiresAtMs) =>
      void this.links.put(linkKey(index, member), linkText(member, expiresAtMs)),
    unlink: (index, member) => void this.links.remove(linkKey(index, member)),
  };
}

/** lmdb maps whatever the file holds into memory, and ends the process where that is no database. */
function checkKind(folder: string): void {
  const path = join(folder, DATA_FILE);
  if (!existsSync(path)) return;
  const beginning = Buffer.alloc(64);
  const file = openSync(path, 'r');
  const read = readSync(file, beginning);
  closeSync(file);
  // lmdb.h: MDB_MAGIC, in the byte order of the machine.
  if (read > 0 && !beginning.includes(Buffer.from(Uint32Array.of(0xbeefc0de).buffer))) {
    throw new StickyError(
      'STICKY_STORE_MISUSED',
      `${path} is no file of lmdb: give the store a folder of its own.`,
    );
  }
}

/** An index and a member together may be longer than a key of LMDB (1978 bytes). */
function linkKey(index: string, member: string): string {
  return shortName(index) + shortName(member);
}

/** 192 bits of a hash, in letters that come before `~`. */
function shortName(name: string): string {
  return hash('sha256', name, 'base64url').slice(0, 32);
}

/**
 * Why a commit failed. lmdb rejects with an error that has the reason as a promise, and a promise that nobody
 * listens to ends the process when it rejects.
 */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (!(commitError instanceof Promise)) return error;
  const reason = commitError.then(
    () => error,
    (cause: unknown) => cause,
  );
  // It comes in the same turn. One that never comes holds nobody up.
  return await Promise.race([
    reason,
    new Promise((resolve) => atTurnEnd(() => atTurnEnd(() => resolve(error)))),
  ]);
}

export function lmdbFailure(error: unknown, what: string): StickyError {
  if (error instanceof StickyError) return error;
  const text = messageOf(error);
  if (/READERS_FULL|maxreaders/i.test(text))
    return new StickyError(
      'STICKY_STORE_DOWN',
      `The lmdb store ${what}: too many processes have the file open, for ${READERS_MAX} readers at most (fewer where another program made it). End some; to raise the number, end all and remove ${LOCK}.`,
      { cause: error },
    );
  if (/MAP_FULL|No space left|ENOSPC|EFBIG|File too large|EDQUOT|quota exceeded/i.test(text))
    return fullOf(error, what);
  return new StickyError(
    'STICKY_STORE_DOWN',
    `The lmdb store ${what}; see \`cause\`. Look at the rights and the state of its folder.`,
    { cause: error },
  );
}

function fullOf(cause: unknown, what: string): StickyError {
  return new StickyError(
    'STICKY_STORE_FULL',
    `The lmdb store ${what}: there is no space left on the disk, or in what this process may use of it. Nothing was changed. Make room, or let records live for less long.`,
    { cause },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What one commit may need at most, roughly. */
const ROOM_BYTES = 4 * 1024 * 1024;

/** On the disk, or below the size that a file of this process may have (`ulimit -f`). */
function hasNoRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < ROOM_BYTES) return true;
    const limit = /^Max file size +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit !== undefined && Number(limit) - statSync(join(folder, DATA_FILE)).size < ROOM_BYTES;
  } catch {
    return false; // no /proc: the reason stays what it was
  }
}
