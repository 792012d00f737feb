import type { Outlet } from '../outlet.js';
import type { AnswerHead, Refusal } from '../sides.js';
import { BodyWriter, type BodyForm } from './body-writer.js';
import { refusalText } from './refusal.js';
import type { RequestHead } from './request-head.js';
import { statusLine } from './start-line.js';

/** Frames the answers of one client's connection, for what its requests can read. */
export class AnswerWriter {
  /** Another request may follow the answer; decided when its head is written. */
  keepAlive = true;
  readonly #outlet: Outlet;
  readonly #body: BodyWriter;
  /** The answer begun is framed so that a client sees when it is cut short (RFC 9112 §8). */
  showsCut = false;
  #isHttp10 = false;
  #isHeadRequest = false;
  #bytesOutBefore = 0;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
    this.#body = new BodyWriter(outlet);
  }

  /** Bytes sent for this answer, head and framing included. */
  get bytes(): number {
    return this.#outlet.bytesOut - this.#bytesOutBefore;
  }

  /** The next answer is to this request. */
  begin(head: RequestHead): void {
    this.keepAlive = head.keepAlive;
    this.#isHttp10 = head.isHttp10;
    this.#isHeadRequest = head.method === 'HEAD';
    this.#bytesOutBefore = this.#outlet.bytesOut;
  }

  /** The next answer refuses a head that could not be read. */
  beginRefusal(isHeadRequest: boolean): void {
    this.keepAlive = false;
    this.#isHttp10 = false;
    this.#isHeadRequest = isHeadRequest;
    this.#bytesOutBefore = this.#outlet.bytesOut;
  }

  interim(head: AnswerHead): void {
    // HTTP/1.0 knows of none (RFC 9110 §15.2).
    if (this.#isHttp10) return;
    this.#outlet.text(`${statusLine(head)}${head.fields}\r\n`);
    this.#outlet.flush();
  }

  /** `isLast`: no request can follow. */
  head(head: AnswerHead, added: string, isLast: boolean): void {
    let text = statusLine(head) + head.fields + added;
    let form: BodyForm = 'plain';
    if (head.bodyBytes < 0) {
      if (this.#isHttp10) {
        this.keepAlive = false;
        head.inChunks = false;
      } else {
        text += 'Transfer-Encoding: chunked\r\n';
        form = head.inChunks ? 'verbatim' : 'chunks';
      }
    }
    if (head.lacksLength) text += 'Content-Length: 0\r\n';
    this.showsCut = head.bodyBytes >= 0 || form !== 'plain';
    this.#body.begin(form);
    this.#outlet.text(`${text}${this.#connectionField(isLast)}\r\n`);
  }

  upgraded(head: AnswerHead, added: string): void {
    this.showsCut = false;
    this.#body.begin('plain');
    this.#outlet.text(
      `${statusLine(head)}${head.fields}${added}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`,
    );
    this.#outlet.flush();
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.#body.data(bytes, start, end);
  }

  end(trailers: string): void {
    this.#body.end(trailers);
    this.#outlet.flush();
  }

  refuse(refusal: Refusal, isLast: boolean): void {
    this.#outlet.text(refusalText(refusal, this.#connectionField(isLast), !this.#isHeadRequest));
    this.#outlet.flush();
  }

  #connectionField(isLast: boolean): string {
    if (isLast) this.keepAlive = false;
    if (!this.keepAlive) return 'Connection: close\r\n';
    return this.#isHttp10 ? 'Connection: keep-alive\r\n' : '';
  }
}
