import type { Clock } from '../base/clock.js';

/** The `Date` line (RFC 9110 §6.6.1) for answers that have none, written once a second. */
export class DateField {
  readonly #clock: Clock;
  #second = NaN;
  #line = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get line(): string {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
