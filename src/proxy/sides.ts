import type { FirstBinding } from '../route/first-binding.js';
import type { ChunkFault } from './http1/chunked.js';
import type { RequestHead } from './http1/request-head.js';
import type { UpstreamFault } from './upstream-fault.js';

/*
 * An exchange stands between two sides, and both speak messages: a head, data, an end. Field lines are text,
 * each with its CRLF, checked once by the side that read them. Start lines, chunks, `Connection` and
 * `Content-Length` belong to the side that writes them: no other code frames a message.
 *
 * Who may call what, and when:
 *
 * | the exchange calls  | on     | when                                                                    |
 * | ------------------- | ------ | ----------------------------------------------------------------------- |
 * | send                | upst.  | once, first: a request without body and upgrade is whole with `end`     |
 * | interim             | client | any number, before `head`                                               |
 * | head                | client | once, instead of `upgraded` and `refuse`                                |
 * | upgraded            | both   | once, the upstream's side first; from here on data passes both ways     |
 * | data, flush         | both   | after the head; `flush` after the data of each read                     |
 * | end                 | both   | once, last of a message; after `upgraded` it ends one direction         |
 * | refuse              | client | instead of `head`: the whole answer                                     |
 * | abort               | both   | any time: what was sent must not look whole                             |
 * | pause, resume       | both   | in turn: stops and goes on with what this side hands over               |
 * | over                | both   | once, last, unless this side has said that it failed or closed          |
 *
 * | a side calls        | who    | when                                                                    |
 * | ------------------- | ------ | ----------------------------------------------------------------------- |
 * | upstreamReady       | upst.  | once, when `send` may be called                                         |
 * | requestData, -Flush | client | after the exchange was made; after `upgraded` for what passes           |
 * | requestEnd          | client | once behind the data of a body, and once at the end of an upgrade       |
 * | requestBroken       | client | instead of `requestEnd`                                                 |
 * | answerInterim       | upst.  | any number, before the head                                             |
 * | answerHead          | upst.  | once, or `answerUpgraded` when the request asked for an upgrade         |
 * | answerData, -Flush  | upst.  | after the head                                                          |
 * | answerEnd           | upst.  | once; nothing follows but `over`                                        |
 * | …Drained            | both   | when what was buffered towards its peer is gone                         |
 * | clientStalled       | client | when an announced body stops coming                                     |
 * | clientClosed        | client | once at the most, last                                                  |
 * | upstreamFailed      | upst.  | once at the most, last                                                  |
 *
 * The verbatim pass: a body that came in HTTP/1.1 chunks says so at its head (`inChunks`), and its data is
 * then the chunks as they came, checked, without the last one. A receiver that speaks another framing lowers
 * the flag while it is given the head (for a request's the exchange does, by the pool of its route), and gets
 * the data alone.
 */

/** An answer's head. */
export interface AnswerHead {
  readonly status: number;
  /** The upstream's own phrase; empty when it gave none. */
  readonly reason: string;
  /** Field lines, without those that frame the body, except Content-Length. */
  fields: string;
  /** The body's length; below 0 when it is not known. */
  readonly bodyBytes: number;
  /** The protocol changed to; empty when it is not. */
  readonly upgrade: string;
  /** A Date is among `fields`. */
  readonly hasDate: boolean;
  /** The upstream hands its user over to another: see docs/affinity.md. */
  readonly handsOver: boolean;
  /** Shared caches may keep it. */
  readonly isShared: boolean;
  inChunks: boolean;
  /** It is empty, and its fields don't say so: a side that frames by lengths must. */
  readonly lacksLength: boolean;
}

/** The gateway's own answer. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** Field lines. */
  readonly fields: string;
  /** Instead of a line that says status and code. */
  readonly content?: OwnContent | undefined;
}

/** A body of the gateway's own. */
export interface OwnContent {
  /** Of the media, as Content-Type has it. */
  readonly type: string;
  /** A byte string. */
  readonly bytes: string;
}

/** What a client's connection keeps, and ends with itself. */
export interface Belonging {
  end(): void;
}

/** What an exchange asks of the client's side, whichever version of HTTP is spoken there. */
export interface ClientSide {
  /** The version of HTTP that is spoken there; what clients of HTTP/1.1 say of HTTP/1.0 is in the head. */
  readonly version: 'HTTP/1.1' | 'HTTP/2';
  /** The client is slower than its answer. */
  readonly isUnderPressure: boolean;
  /** A connection of an upstream's that belongs to this client alone: see logged-in.ts. */
  loggedIn: Belonging | undefined;
  /** Body bytes of this request that have come, without framing. */
  readonly requestBytes: number;
  /** Bytes sent for this answer, head and framing included. */
  readonly answeredBytes: number;
  /**
   * Where requests of the same client go that come without a binding; absent where requests don't come side
   * by side.
   */
  firstBinding?(pool: object): FirstBinding | undefined;
  interim(head: AnswerHead): void;
  /** `added`: field lines of the gateway's own. */
  head(head: AnswerHead, added: string): void;
  upgraded(head: AnswerHead, added: string): void;
  data(bytes: Buffer, start: number, end: number): void;
  /** Sends what was gathered. True: bytes of it wait in a buffer and must stay as they are. */
  flush(): boolean;
  end(trailers: string): void;
  refuse(refusal: Refusal): void;
  abort(): void;
  pause(): void;
  resume(): void;
  over(): void;
}

/** What an exchange asks of the upstream's side, whichever version of HTTP is spoken there. */
export interface UpstreamSide {
  /** The upstream is slower than the request. */
  readonly isUnderPressure: boolean;
  /** An earlier exchange used its connection, so the upstream may have closed it just as the request left. */
  readonly isReused: boolean;
  /** `fields` are those of the head as this upstream may see them, `added` the gateway's own. */
  send(head: RequestHead, fields: string, added: string): void;
  upgraded(): void;
  data(bytes: Buffer, start: number, end: number): void;
  flush(): void;
  end(trailers: string): void;
  abort(): void;
  pause(): void;
  resume(): void;
  over(): void;
}

/** The exchange as the client's side sees it. */
export interface RequestTaker {
  requestData(bytes: Buffer, start: number, end: number): void;
  requestFlush(): void;
  requestEnd(trailers: string): void;
  requestBroken(fault: ChunkFault): void;
  clientDrained(): void;
  /** The client sends nothing more of a body that it had announced. */
  clientStalled(): void;
  /** `isReset`: and not in order. */
  clientClosed(isReset: boolean): void;
}

/** The exchange as the upstream's side sees it. */
export interface AnswerTaker {
  upstreamReady(): void;
  answerInterim(head: AnswerHead): void;
  answerHead(head: AnswerHead): void;
  answerUpgraded(head: AnswerHead): void;
  answerData(bytes: Buffer, start: number, end: number): void;
  /** True: bytes of what was read wait in the client's buffer. */
  answerFlush(): boolean;
  answerEnd(trailers: string): void;
  upstreamDrained(): void;
  upstreamFailed(fault: UpstreamFault, error: Error | undefined): void;
}
