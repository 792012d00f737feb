import { StickyError } from '../base/errors.js';

/**
 * What a loss means for whoever takes the written file over. A `door` lets people in who were kept out; a
 * `change` serves the same people another way; what is `harmless` nobody notices.
 */
export type NoteKind = 'door' | 'change' | 'harmless';

/** The kinds in words, the gravest first. */
export const KIND_WORDS: Readonly<Record<NoteKind, string>> = {
  door: 'opens a door',
  change: 'behaves differently',
  harmless: 'harmless',
};

export interface Note {
  readonly kind: NoteKind;
  /** `nginx.conf:12`, `routes[0].affinity` */
  readonly at: string;
  readonly message: string;
}

/** Large enough for any real file, small enough for a screen and for memory. */
const NOTES_MAX = 2000;
const NOTE_CHARS_MAX = 500;
/** Steps of work that grow faster than a file does: a second or two. */
const STEPS_MAX = 20_000_000;

/**
 * Collects what is lost on the way, so that nothing is dropped without a word: where, in the words of the
 * file it speaks of (`routes[0].affinity`, `nginx.conf:12`), and what to do instead. The same is told once.
 */
export class Report {
  readonly #notes = new Map<string, Note>();
  readonly #counts: Record<NoteKind, number> = { door: 0, change: 0, harmless: 0 };
  #untold = 0;
  #steps = 0;

  /** It behaves differently. */
  say(at: string, message: string): void {
    this.#note('change', at, message);
  }

  /** It lets people in who were kept out. */
  door(at: string, message: string): void {
    this.#note('door', at, message);
  }

  harmless(at: string, message: string): void {
    this.#note('harmless', at, message);
  }

  /**
   * Counts work whose amount a file can multiply: each of its routes against each other, a list at each of
   * its places. Throws where it would take too long.
   */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > STEPS_MAX)
      throw new StickyError(
        'STICKY_IMPORT_FAILED',
        'The file multiplies what it says so often that it would take too long. Import a part of it.',
      );
  }

  get notes(): readonly Note[] {
    return [...this.#notes.values()];
  }

  /** As they are printed, one a line. */
  get lines(): readonly string[] {
    const told = this.notes.map(noteLine);
    return this.#untold === 0 ? told : [...told, `and ${this.#untold} lines more`];
  }

  /** How many were too many to keep. */
  get untold(): number {
    return this.#untold;
  }

  count(kind: NoteKind): number {
    return this.#counts[kind];
  }

  /** `1 opens a door, 3 behave differently, 2 are harmless`; undefined where nothing was lost. */
  get summary(): string | undefined {
    const { door, change, harmless } = this.#counts;
    if (door + change + harmless === 0) return undefined;
    return [
      `${door} ${door === 1 ? 'opens a door' : 'open a door'}`,
      `${change} ${change === 1 ? 'behaves' : 'behave'} differently`,
      `${harmless} ${harmless === 1 ? 'is' : 'are'} harmless`,
    ].join(', ');
  }

  #note(kind: NoteKind, at: string, message: string): void {
    const note = { kind, at: printable(at), message: printable(message) };
    const key = `${note.at}: ${note.message}`;
    if (this.#notes.has(key)) return;
    this.#counts[kind]++;
    if (this.#notes.size < NOTES_MAX) this.#notes.set(key, note);
    else this.#untold++;
  }
}

/** `opens a door: nginx.conf:12: auth_basic is not carried over.` */
export function noteLine({ kind, at, message }: Note): string {
  return `${KIND_WORDS[kind]}: ${at}: ${message}`;
}

/** A name with a line end in it would begin a line of its own, in the head of an exported file too. */
function printable(text: string): string {
  const short = text.length <= NOTE_CHARS_MAX ? text : `${text.slice(0, NOTE_CHARS_MAX)} …`;
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}
