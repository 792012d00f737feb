/** What takes bytes: pino's destination, where its content is said to be buffers. */
export interface BytesOut {
  write(bytes: Uint8Array): unknown;
}

/**
 * Encodes lines into one buffer as they come and passes it on when it is full, cut between two lines. pino's
 * destination would keep them as text, and count, join and encode that text: three times what this costs a
 * line.
 */
export class GatheredLines {
  readonly #out: BytesOut;
  readonly #bytesMax: number;
  #buffer: Buffer;
  #bytes = 0;

  constructor(out: BytesOut, bytesMax: number) {
    this.#out = out;
    this.#bytesMax = bytesMax;
    this.#buffer = Buffer.allocUnsafeSlow(bytesMax);
  }

  write(line: string): void {
    // A character takes three bytes at most; nearly always one, and then it is known to fit only after
    // looking.
    if (line.length * 3 > this.#bytesMax - this.#bytes && !this.#fits(line)) {
      this.flush();
      if (!this.#fits(line)) {
        this.#out.write(Buffer.from(line));
        return;
      }
    }
    this.#bytes += this.#buffer.write(line, this.#bytes);
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const full = this.#buffer.subarray(0, this.#bytes);
    // A new one: who takes the bytes may be slow to write them.
    this.#buffer = Buffer.allocUnsafeSlow(this.#bytesMax);
    this.#bytes = 0;
    this.#out.write(full);
  }

  #fits(line: string): boolean {
    return Buffer.byteLength(line) <= this.#bytesMax - this.#bytes;
  }
}
