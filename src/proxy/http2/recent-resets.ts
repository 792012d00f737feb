/** Streams that are remembered. */
const STREAMS_MAX = 100;

/** The streams that we reset last: frames that were on their way to them may still come, and are no fault. */
export class RecentResets {
  readonly #streams = new Set<number>();

  add(stream: number): void {
    this.#streams.add(stream);
    if (this.#streams.size > STREAMS_MAX) this.#streams.delete(this.#streams.values().next().value!);
  }

  has(stream: number): boolean {
    return this.#streams.has(stream);
  }
}
