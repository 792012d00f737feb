/** Large enough for any real file, small enough for a screen and for memory. */
const LINES_MAX = 2000;

/**
 * Collects what is lost on the way, so that nothing is dropped without a word: where, in the words of the
 * file it speaks of (`routes[0].affinity`, `nginx.conf:12`), and what to do instead. The same line is told
 * once.
 */
export class Report {
  readonly #lines = new Set<string>();
  #untold = 0;

  say(at: string, message: string): void {
    // A name with a line end in it would begin a line of its own, in the head of an exported file too.
    const line = `${at}: ${message}`.replace(/[\u0000-\u001f\u007f]/g, '?');
    if (this.#lines.has(line)) return;
    if (this.#lines.size < LINES_MAX) this.#lines.add(line);
    else this.#untold++;
  }

  /** As they are printed, one a line. */
  get lines(): readonly string[] {
    return this.#untold === 0 ? [...this.#lines] : [...this.#lines, `and ${this.#untold} lines more`];
  }
}
