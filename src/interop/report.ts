/** One thing that one side can say and the other can't, or that was not understood. */
export interface Said {
  /** Where, in the words of the file it speaks of: `routes[0].affinity`, or `nginx.conf:12`. */
  readonly at: string;
  /** What is not carried over, and what to do instead. */
  readonly message: string;
}

/** Large enough for any real file, small enough for a screen and for memory. */
const LINES_MAX = 2000;

/** Collects what is lost on the way, so that nothing is dropped without a word. The same line is told once. */
export class Report {
  readonly #lines = new Map<string, Said>();
  #untold = 0;

  say(at: string, message: string): void {
    const line = `${at}: ${message}`;
    if (this.#lines.has(line)) return;
    if (this.#lines.size < LINES_MAX) this.#lines.set(line, { at, message });
    else this.#untold++;
  }

  get said(): readonly Said[] {
    return [...this.#lines.values()];
  }

  /** As they are printed, one a line. */
  get lines(): readonly string[] {
    return this.#untold === 0 ? [...this.#lines.keys()] : [...this.#lines.keys(), `and ${this.#untold} lines more`];
  }
}
