/** Gives out names that are not taken yet. */
export class Names {
  readonly #taken = new Set<string>();
  /** Where the search for a free number goes on: from 2 each time, it would take for ever. */
  readonly #next = new Map<string, number>();
  readonly #fold: (name: string) => string;

  /** `fold`: for where names that differ are the same all the same; nginx knows no case. */
  constructor(taken: Iterable<string> = [], fold: (name: string) => string = (name) => name) {
    this.#fold = fold;
    for (const name of taken) this.#taken.add(fold(name));
  }

  /** `wanted`, or with a number behind it. */
  unique(wanted: string, join = '-'): string {
    let name = wanted;
    const stem = this.#fold(wanted + join);
    let number = this.#next.get(stem) ?? 2;
    for (; this.#taken.has(this.#fold(name)); number++) name = `${wanted}${join}${number}`;
    this.#next.set(stem, number);
    this.#taken.add(this.#fold(name));
    return name;
  }
}

export function lowerCase(name: string): string {
  return name.toLowerCase();
}

/** For where only letters, digits and underscores can stand, such as variables of nginx. */
export function plainName(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_|_$/g, '') || 'x'
  );
}
