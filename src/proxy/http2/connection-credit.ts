/** What a peer may send on a whole connection before it is credited. */
export class ConnectionCredit {
  readonly #bytesMax: number;
  #left: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  /** So much has come; answers how much to credit, or -1: it was more than it may be. */
  take(bytes: number): number {
    this.#left -= bytes;
    if (this.#left < 0) return -1;
    if (this.#left >= this.#bytesMax / 2) return 0;
    const credit = this.#bytesMax - this.#left;
    this.#left = this.#bytesMax;
    return credit;
  }
}
