/**
 * Who answered: tier 1, tier 2, the load; `stale`: a load failed or was late, and an older value within its
 * grace stands in; `none`: nobody had it, and there was no load to ask.
 */
export type Level = 'local' | 'store' | 'loaded' | 'stale' | 'none';

export interface FoundEntry<Value> {
  readonly value: Value | undefined;
  readonly level: Level;
  /**
   * False: it was loaded past tier 2, which could not be asked, or had something newer by then. Another
   * process may give something older next.
   */
  readonly isShared: boolean;
}

/** A value as tier 1 holds it, with the promises that hits are answered with: made once, not once a hit. */
export class LocalAnswer {
  readonly value: unknown;
  readonly level: 'local' | 'stale';
  readonly isShared: boolean;
  #promise: Promise<unknown> | undefined;
  #found: Promise<FoundEntry<unknown>> | undefined;

  constructor(value: unknown, level: 'local' | 'stale', isShared: boolean) {
    this.value = value;
    this.level = level;
    this.isShared = isShared;
  }

  get promise(): Promise<unknown> {
    return (this.#promise ??= Promise.resolve(this.value));
  }

  get found(): Promise<FoundEntry<unknown>> {
    return (this.#found ??= Promise.resolve({
      value: this.value,
      level: this.level,
      isShared: this.isShared,
    }));
  }
}
