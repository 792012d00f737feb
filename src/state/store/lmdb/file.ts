import { hash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { BoundedMap } from '../../../base/bounded-map.js';
import { StickyError } from '../../../base/errors.js';
import type { Random } from '../../../base/random.js';
import type { KeptRecord, Shelf } from '../change-run.js';
import { report, type OnFault } from '../fault.js';
import { headerText, linkText, readHeader, readLink, readRecord, recordText, type Header } from './texts.js';

/** Of what is in the file: a later one can't be read by this version. */
const FORMAT = 1;
/** Together some 12 MiB at most. */
const KNOWN_MAX = 4096;
const KNOWN_CHARACTERS_MAX = 1024;
const HEADER = 'header';
const DATA = 'data.mdb';
const LOCK = 'lock.mdb';

/** The file of a store and what is in it. What writes is called within a transaction. */
export class LmdbFile {
  readonly root: RootDatabase<string, string>;
  readonly records: Database<string, string>;
  readonly links: Database<string, string>;
  readonly log: Database<string, number>;
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

  constructor(folder: string, random: Random, onFault: OnFault | undefined) {
    this.#onFault = onFault;
    const isNew = !existsSync(folder);
    try {
      checkKind(folder);
      if (isNew) mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.root = open<string, string>({ path: folder, noSubdir: false, encoding: 'string' });
      this.#headers = this.root.openDB({ name: 'headers', encoding: 'string' });
      this.records = this.root.openDB({ name: 'records', encoding: 'string' });
      this.links = this.root.openDB({ name: 'links', encoding: 'string' });
      this.log = this.root.openDB({ name: 'log', encoding: 'string' });
      // Sessions are secrets. Who shares the file with others by rights of the group changes them once it is
      // there.
      if (isNew) for (const name of [DATA, LOCK]) chmodSync(join(folder, name), 0o600);
      this.root.transactionSync(() => {
        if (this.#headers.get(HEADER) === undefined)
          this.putHeader({ format: FORMAT, run: random.id(), sequence: 0, lastNoted: 0, logged: 0 });
      });
    } catch (error) {
      throw failureOf(error, `can't open ${folder}`);
    }
    const { format } = this.header();
    if (format === FORMAT) return;
    void this.close();
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

  /** In a transaction of its own, or none of it where it throws. */
  async change<T>(write: () => T): Promise<T> {
    this.refresh();
    // A child, because only that is undone whole when something in it throws. Many of them share one commit.
    return await this.root.childTransaction(write);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.root.close();
  }

  header(): Header {
    const text = this.#headers.get(HEADER) ?? '';
    if (text !== this.#headerText || this.#header === undefined) {
      const header = readHeader(text);
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
  const path = join(folder, DATA);
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

export function failureOf(error: unknown, what: string): StickyError {
  if (error instanceof StickyError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (/MAP_FULL|No space left|ENOSPC/i.test(text))
    return new StickyError(
      'STICKY_STORE_FULL',
      `The lmdb store ${what}: there is no space left on the disk. Nothing was changed.`,
      { cause: error },
    );
  return new StickyError(
    'STICKY_STORE_DOWN',
    `The lmdb store ${what}; see \`cause\`. Look at the rights and the state of its folder.`,
    { cause: error },
  );
}
