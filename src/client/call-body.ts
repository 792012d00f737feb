import { invalidCall } from './invalid-call.js';

export type Body = RequestInit['body'];

/** As much of a streamed body as the gateway keeps too (`keptBodyBytes`). */
export const KEPT_BODY_BYTES_MAX = 64 * 1024;

/**
 * A request's body, for one try after the other. Text, bytes, forms and blobs can be sent any number of
 * times. A stream is read once; what was read is kept up to a limit, so that the next try can begin with it.
 */
export class CallBody {
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

  /** How many bytes the caller says that a stream has. */
  readonly #declaredBytes: number | undefined;
  #readBytes = 0;

  /** Throws STICKY_CLIENT_INVALID for what is no body, or was read before. */
  constructor(body: Body, declaredBytes?: number) {
    this.#body = body;
    this.#declaredBytes = declaredBytes;
    if (!isBody(body))
      throw invalidCall(
        `A body is text, bytes, a Blob, a form, a stream or nothing; this one is ${kindOf(body)}. Write an object as text: JSON.stringify(object).`,
      );
    if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) return;
    if (body instanceof ReadableStream && body.locked)
      throw invalidCall(
        'The body is a stream that somebody else reads. Give one that nobody has begun to read.',
      );
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
      if (this.#declaredBytes !== undefined && this.#readBytes < this.#declaredBytes)
        throw this.#fail(`The body ended after ${this.#readBytes} bytes`);
      return undefined;
    }
    if (typeof value !== 'string' && !(value instanceof Uint8Array))
      throw this.#fail(`The stream of a body gave ${kindOf(value)}, and text or a Uint8Array is wanted`);
    const chunk = typeof value === 'string' ? Buffer.from(value) : value;
    this.#readBytes += chunk.length;
    if (this.#declaredBytes !== undefined && this.#readBytes > this.#declaredBytes)
      throw this.#fail(`The body has more than ${this.#declaredBytes} bytes`);
    this.#keptBytes += chunk.length;
    if (this.#isKept && this.#keptBytes <= KEPT_BODY_BYTES_MAX) this.#kept.push(chunk);
    else {
      this.#isKept = false;
      this.#kept = [];
    }
    return chunk;
  }

  /** A mistake of who wrote the stream: its source is told, and no upstream is blamed. */
  #fail(what: string): unknown {
    const declared =
      this.#declaredBytes === undefined
        ? ''
        : `, and content-length says ${this.#declaredBytes}. Leave that out`;
    const error = invalidCall(`${what}${declared}.`);
    this.failure = { error };
    if (!this.#isEnded) void this.#source!.return?.().catch(() => {});
    this.#isEnded = true;
    return error;
  }
}

/** How many bytes it has, where that is known before it is sent; undefined for streams and forms. */
export function bytesOf(body: unknown): number | undefined {
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  if (body instanceof Blob) return body.size;
  return body instanceof URLSearchParams ? Buffer.byteLength(body.toString()) : undefined;
}

function isBody(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  if (typeof body !== 'object') return false;
  return (
    Symbol.asyncIterator in body ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    // Also those of another library for a `fetch` of its own.
    ['Blob', 'File', 'FormData', 'URLSearchParams'].includes(
      Object.prototype.toString.call(body).slice(8, -1),
    )
  );
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
