export type Body = RequestInit['body'];

/** As much of a streamed body as the gateway keeps too (`keptBodyBytes`). */
export const KEPT_BODY_BYTES_MAX = 64 * 1024;

/**
 * A request's body, for one try after the other. Text, bytes, forms and blobs can be sent any number of
 * times. A stream is read once; what was read is kept up to a limit, so that the next try can begin with it.
 */
export class RequestBody {
  readonly #body: Body;
  readonly #source: AsyncIterator<unknown> | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #isKept = true;
  #isEnded = false;
  #isDropped = false;
  /** What the caller's stream failed with; never an upstream's fault. */
  failure: { readonly error: unknown } | undefined;
  /** A read under way: a try that fails while one is must not lose its chunk. */
  #reading: Promise<Uint8Array | undefined> | undefined;

  constructor(body: Body) {
    this.#body = body;
    if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
      this.#source = (body as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  }

  /** Can it be sent once more, from its first byte? */
  get isRepeatable(): boolean {
    return this.#isKept && this.failure === undefined;
  }

  /** What goes into `fetch` for one try. */
  init(): { readonly body?: Body; readonly duplex?: 'half' } {
    if (this.#source === undefined) return this.#body === undefined ? {} : { body: this.#body };
    let at = 0;
    // Nothing is read ahead: a try that makes no connection shall take as little as can be.
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = at < this.#kept.length ? this.#kept[at] : await this.#read();
          at++;
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
    return { body: stream, duplex: 'half' };
  }

  /**
   * The call is over: a source that wasn't read to its end is told, and what still reads gets an error, so
   * that no half body looks whole.
   */
  drop(): void {
    this.#kept = [];
    this.#isDropped = true;
    if (this.#source !== undefined && !this.#isEnded) void this.#source.return?.().catch(() => {});
  }

  #read(): Promise<Uint8Array | undefined> {
    this.#reading ??= this.#readSource().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readSource(): Promise<Uint8Array | undefined> {
    if (this.#isEnded) return undefined;
    if (this.#isDropped) throw new Error('The call is over.');
    const { done, value } = await this.#source!.next().catch((error: unknown) => {
      this.failure = { error };
      this.#isEnded = true;
      throw error;
    });
    if (done === true) {
      this.#isEnded = true;
      return undefined;
    }
    const chunk = value instanceof Uint8Array ? value : Buffer.from(value as string);
    this.#keptBytes += chunk.length;
    if (this.#isKept && this.#keptBytes <= KEPT_BODY_BYTES_MAX) this.#kept.push(chunk);
    else {
      this.#isKept = false;
      this.#kept = [];
    }
    return chunk;
  }
}
