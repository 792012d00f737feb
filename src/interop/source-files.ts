import { isUtf8 } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { StickyError } from '../base/errors.js';
import { readBounded, type FileRefusal } from '../control/config/bounded-file.js';
import type { Report } from './report.js';

const FILE_BYTES_MAX = 1024 * 1024;
const FILES_MAX = 500;
/** No path of the system is longer. */
const PATTERN_CHARS_MAX = 4096;
const TOTAL_BYTES_MAX = 16 * 1024 * 1024;
/** nginx itself has no limit but memory; a chain this long is a circle. */
export const INCLUDE_DEPTH_MAX = 16;

export interface SourceFile {
  /** As messages name it. */
  readonly name: string;
  readonly text: string;
}

/**
 * The files of another balancer's configuration. Everything that is read is bounded; nothing of it is run.
 */
export class SourceFiles {
  readonly #folder: string;
  readonly #report: Report;
  #files = 0;
  #bytes = 0;

  /** `folder`: where relative names start. */
  constructor(folder: string, report: Report) {
    this.#folder = folder;
    this.#report = report;
  }

  /** Throws STICKY_IMPORT_FAILED where there is no text to read. `at`: who names it. */
  read(name: string, at?: string): SourceFile {
    const path = this.#path(name);
    const who = at === undefined ? '' : `${at}: `;
    if (++this.#files > FILES_MAX)
      throw failed(`${who}more than ${FILES_MAX} files are included. Import a part of them.`);
    let bytes: Buffer;
    try {
      bytes = readBounded(path, FILE_BYTES_MAX);
    } catch (error) {
      throw failed(`${who}can't read ${shorten(name)}: ${unread(error)}.`);
    }
    this.#bytes += bytes.length;
    if (this.#bytes > TOTAL_BYTES_MAX)
      throw failed(
        `${who}the files have more than ${TOTAL_BYTES_MAX} bytes together. Import a part of them.`,
      );
    const shown = at === undefined ? name : shortName(name);
    if (!isUtf8(bytes))
      this.#report.say(
        at ?? basename(shown),
        `${at === undefined ? 'it' : shown} is not UTF-8: what is not ASCII in it is read wrongly. Convert it first, with iconv.`,
      );
    return { name: shown, text: bytes.toString('utf8').replace(/^\ufeff/, '') };
  }

  /**
   * The files that a pattern with `*`, `?` and `[…]` names, sorted; a plain name stands for itself, there or
   * not.
   */
  matching(pattern: string): string[] {
    if (!/[*?[]/.test(pattern)) return [pattern];
    if (pattern.length > PATTERN_CHARS_MAX) return [];
    const parts = this.#path(pattern).split(sep);
    let found = [parts[0] === '' ? sep : parts[0]!];
    for (const part of parts.slice(1)) {
      found = /[*?[]/.test(part)
        ? found.flatMap((folder) => entries(folder, part))
        : found.map((folder) => join(folder, part));
      if (found.length > FILES_MAX)
        throw failed(`${pattern} names more than ${FILES_MAX} files. Import a part of them.`);
    }
    return found;
  }

  #path(name: string): string {
    return isAbsolute(name) ? name : join(this.#folder, name);
  }
}

/** Why a file is not read, in words. */
function unread(error: unknown): string {
  switch ((error as NodeJS.ErrnoException | FileRefusal).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'it is not there';
    case 'EACCES':
    case 'EPERM':
      return 'permission is missing';
    case 'EISDIR':
      return 'it is no file but a folder';
    case 'NO_FILE':
      return 'it is no file';
    case 'SILENT':
    case 'TOO_LARGE':
      return `it ${(error as Error).message}`;
    case undefined:
      return 'its name is none';
    default:
      return (error as NodeJS.ErrnoException).code!;
  }
}

/** What is quoted of a file: a name of a megabyte would drown what is said of it. */
export function shorten(text: string, charsMax = 200): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)} …`;
}

export function failed(message: string): StickyError {
  // What is quoted of a file must not reach a terminal as a command to it.
  return new StickyError(
    'STICKY_IMPORT_FAILED',
    message.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '?'),
  );
}

function entries(folder: string, pattern: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => matchesGlob(name, pattern) && (pattern.startsWith('.') || !name.startsWith('.')))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/**
 * `*`, `?` and `[…]`, in time that grows with name times pattern: only the last star is ever tried again. As
 * a regular expression it could take for ever.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  const parts = pattern.match(/\[!?[^][^\]]*\]|[^]/g) ?? [];
  let at = 0;
  let part = 0;
  let star = -1;
  let starAt = 0;
  while (at < name.length) {
    if (parts[part] === '*') {
      star = part++;
      starAt = at;
    } else if (part < parts.length && matchesOne(name[at]!, parts[part]!)) {
      part++;
      at++;
    } else if (star !== -1) {
      part = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (parts[part] === '*') part++;
  return part === parts.length;
}

function matchesOne(char: string, part: string): boolean {
  if (part.length === 1) return part === '?' || part === char;
  const isNegated = part[1] === '!';
  const set = part.slice(isNegated ? 2 : 1, -1);
  let isIn = false;
  for (let at = 0; at < set.length; at++) {
    if (set[at + 1] === '-' && at + 2 < set.length) {
      isIn ||= char >= set[at]! && char <= set[at + 2]!;
      at += 2;
    } else isIn ||= char === set[at];
  }
  return isIn !== isNegated;
}

function shortName(path: string): string {
  return join(basename(dirname(path)), basename(path));
}
