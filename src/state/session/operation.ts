/**
 * A promise that knows whether anybody waits for it: a failure that nobody hears of must not pass for
 * success.
 */
export class Operation<T> extends Promise<T> {
  /** What `then` returns is a plain promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  isHeard = false;

  /** `await`, `catch` and `finally` come by here, too. */
  override then<Done = T, Failed = never>(
    onDone?: ((value: T) => Done | PromiseLike<Done>) | null,
    onFailed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    this.isHeard = true;
    return super.then(onDone, onFailed);
  }

  /** Tells of the failure without counting as somebody who heard of it. */
  watch(onFailed: (error: unknown) => void): Promise<void> {
    return super.then(() => {}, onFailed);
  }
}
