/** More deletions by tag than this during one fill, and it is taken as touched by all of them. */
const TAGS_MAX = 64;

/**
 * A read of the store, a load or a write that is under way, and may leave its outcome in tier 1. It begins
 * before the store is asked, so that whatever is noted from then on counts against it: a read that was
 * overtaken by a write must not bring the old value back.
 */
export class Fill {
  readonly partition: number;
  readonly name: string;
  readonly begunAtMs: number;
  /**
   * How far the feed had told when it began, and in which life of the partition: everything up to there is in
   * what it finds.
   */
  readonly sequence: number;
  readonly run: string;
  readonly #generation: number;
  #changedAt = 0;
  #tagsChangedAt: Map<string, number> | undefined;

  constructor(
    partition: number,
    name: string,
    begunAtMs: number,
    sequence: number,
    run: string,
    generation: number,
  ) {
    this.partition = partition;
    this.name = name;
    this.begunAtMs = begunAtMs;
    this.sequence = sequence;
    this.run = run;
    this.#generation = generation;
  }

  /**
   * The entry was changed by the change of this number. Infinity: it may have been, and nobody knows when.
   */
  changed(sequence: number): void {
    this.#changedAt = Math.max(this.#changedAt, sequence);
  }

  tagChanged(tag: string, sequence: number): void {
    const tags = (this.#tagsChangedAt ??= new Map());
    if (tags.size >= TAGS_MAX) this.changed(sequence);
    else tags.set(tag, sequence);
  }

  /** True while nothing newer than this version is known of the entry. */
  isNewest(generation: number, version: number, tags: readonly string[]): boolean {
    if (generation !== this.#generation || version < this.#changedAt) return false;
    const changed = this.#tagsChangedAt;
    return changed === undefined || !tags.some((tag) => (changed.get(tag) ?? 0) > version);
  }
}
