import type { Outlet } from './outlet.js';

/** The beginning of a request's body, framed as it is sent, while it may be needed for the first try or for another. */
export class KeptBody {
  /** True while everything that came is here. */
  isWhole = true;
  #pieces: Buffer[] | undefined;
  #bytes = 0;

  /** `isNeeded`: nothing was sent yet, so it is kept whatever its size. */
  add(bytes: Buffer, start: number, end: number, isNeeded: boolean, max: number): void {
    if (!this.isWhole) return;
    this.#bytes += end - start;
    if (isNeeded || this.#bytes <= max) (this.#pieces ??= []).push(Buffer.from(bytes.subarray(start, end)));
    else this.drop();
  }

  sendTo(outlet: Outlet, max: number): void {
    if (this.#pieces === undefined) return;
    for (const piece of this.#pieces) outlet.bytes(piece, 0, piece.length);
    if (this.#bytes > max) this.drop();
  }

  drop(): void {
    this.isWhole = false;
    this.#pieces = undefined;
  }
}
