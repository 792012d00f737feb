/** One write of a register, in the order in which they took effect. */
interface State {
  readonly value: string | undefined;
  ackedAtMs: number;
}

/**
 * What was really true of one entry, and when its writers were told that it was. A reader may be given any
 * state from the newest that was acknowledged before the bound on; a user besides none before the newest that
 * it was given or wrote itself.
 */
export class Register {
  readonly #states: State[];

  constructor(value: string | undefined) {
    this.#states = [{ value, ackedAtMs: -Infinity }];
  }

  get value(): string | undefined {
    return this.#states.at(-1)!.value;
  }

  get newest(): number {
    return this.#states.length - 1;
  }

  write(value: string | undefined): number {
    return this.#states.push({ value, ackedAtMs: Infinity }) - 1;
  }

  acknowledge(index: number, nowMs: number): void {
    const state = this.#states[index]!;
    state.ackedAtMs = Math.min(state.ackedAtMs, nowMs);
  }

  /** The store lost it. What was acknowledged is not promised any more. */
  lose(): void {
    for (const state of this.#states) state.ackedAtMs = Infinity;
    this.write(undefined);
  }

  /** The oldest state that may be given to who begins to read now. */
  oldestFor(nowMs: number, boundMs: number): number {
    for (let index = this.newest; index > 0; index--)
      if (this.#states[index]!.ackedAtMs <= nowMs - boundMs) return index;
    return 0;
  }

  /** The newest state of this value, not before `from`; undefined where there is none. */
  indexOf(value: string | undefined, from = 0): number | undefined {
    for (let index = this.newest; index >= from; index--)
      if (this.#states[index]!.value === value) return index;
    return undefined;
  }

  /** The oldest one. */
  firstOf(value: string | undefined, from: number): number | undefined {
    for (let index = from; index <= this.newest; index++)
      if (this.#states[index]!.value === value) return index;
    return undefined;
  }

  describe(index: number): string {
    const { value, ackedAtMs } = this.#states[index]!;
    return `${value}, acknowledged at ${ackedAtMs}`;
  }
}
