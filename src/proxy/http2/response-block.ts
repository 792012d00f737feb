import { reasonPhrase } from '../http1/reason.js';
import {
  parseResponseHead,
  UNTIL_CLOSE,
  type ResponseError,
  type ResponseHead,
} from '../http1/response-head.js';
import { passedTrailers } from '../http1/trailers.js';
import { faultOfField, type BadField } from './field-rules.js';
import type { HpackSink } from './hpack-decoder.js';

/** Why an answer's header block was refused. */
export type ResponseBlockFault = ResponseError | BadField | 'pseudo-field' | 'head-too-large';

const STATUS = /^[1-9][0-9]{2}$/;

/**
 * The fields of one header block of an upstream. As an answer it becomes the text of an HTTP/1.1 head, which
 * the one parser of heads then checks; only what HTTP/2 has of its own is looked at here (RFC 9113 §8.2,
 * §8.3.2).
 */
export class ResponseBlock implements HpackSink {
  #status = '';
  #lines = '';
  #fault: ResponseBlockFault | undefined;
  #hasPseudo = false;
  /** As RFC 9113 §6.5.2 counts: names, values and 32 bytes for each field. */
  #bytes = 0;
  readonly #bytesMax: number;

  constructor(headBytesMax: number) {
    this.#bytesMax = headBytesMax;
  }

  hpackField(name: string, value: string): void {
    this.#bytes += name.length + value.length + 32;
    // The decoder goes on for the sake of its table; nothing more is stored.
    if (this.#fault !== undefined) return;
    if (this.#bytes > this.#bytesMax) this.#fault = 'head-too-large';
    else if (name.charCodeAt(0) === 0x3a) this.#pseudo(name, value);
    else {
      this.#fault = faultOfField(name, value);
      if (this.#fault === undefined) this.#lines += `${name}: ${value}\r\n`;
    }
  }

  /** There is one, it comes first and once. */
  #pseudo(name: string, value: string): void {
    if (name !== ':status' || this.#hasPseudo || this.#lines !== '') this.#fault = 'pseudo-field';
    else if (!STATUS.test(value)) this.#fault = 'status-line';
    this.#hasPseudo = true;
    this.#status = value;
  }

  /** `hasEnded`: no data follows. An answer to HEAD has a length and no data, so the method matters. */
  head(method: string, hasEnded: boolean, fieldsMax: number): ResponseHead | ResponseBlockFault {
    if (this.#fault !== undefined) return this.#fault;
    if (!this.#hasPseudo) return 'pseudo-field';
    const text = `HTTP/1.1 ${this.#status} ${reasonPhrase(Number(this.#status))}\r\n${this.#lines}\r\n`;
    const head = parseResponseHead(Buffer.from(text, 'latin1'), 0, text.length, method, fieldsMax);
    if (typeof head === 'string') return head;
    // RFC 9113 §8.6: there is none in HTTP/2, and an interim answer ends nothing (§8.1).
    if (head.status === 101) return 'upgrade';
    if (!hasEnded) return head;
    if (head.status < 200 || head.bodyBytes > 0) return 'length';
    if (head.bodyBytes === UNTIL_CLOSE) {
      head.bodyBytes = 0;
      head.lacksLength = true;
    }
    return head;
  }

  /** The field lines of a trailer section that may pass; `undefined` when it is malformed. */
  trailers(): string | undefined {
    return this.#fault !== undefined || this.#hasPseudo ? undefined : passedTrailers(`${this.#lines}\r\n`);
  }
}
