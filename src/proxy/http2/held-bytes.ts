/** What all connections together may hold of requests' bodies, beyond a window of each. */
export class HeldBytes {
  #bytes = 0;
  readonly #most: () => number;

  /** `most`: a reload may change it. */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** False: there is no room for them. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most()) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
