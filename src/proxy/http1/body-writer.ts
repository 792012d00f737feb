import type { Outlet } from '../outlet.js';

/** How a body is framed: by nothing here (a length, the connection), by chunks, by the chunks it has. */
export type BodyForm = 'plain' | 'chunks' | 'verbatim';

/** Frames the bodies of one connection. */
export class BodyWriter {
  readonly #outlet: Outlet;
  #form: BodyForm = 'plain';

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** The next body is framed like this. */
  begin(form: BodyForm): void {
    this.#form = form;
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#form !== 'chunks') {
      this.#outlet.bytes(bytes, start, end);
      return;
    }
    // A chunk of no bytes would be the last one.
    if (start === end) return;
    this.#outlet.text(`${(end - start).toString(16)}\r\n`);
    this.#outlet.bytes(bytes, start, end);
    this.#outlet.text('\r\n');
  }

  /** The last chunk with the trailers, where there are chunks. */
  end(trailers: string): void {
    if (this.#form !== 'plain') this.#outlet.text(`0\r\n${trailers}\r\n`);
  }
}
