import { Exchange } from '../exchange.js';
import type { Peer } from '../forwarded.js';
import { hostName, type RequestHead } from '../http1/request-head.js';
import { statusOf } from '../http1/request-error.js';
import type { Site } from '../site.js';
import { mayBegin } from '../turn.js';
import type { Wire } from '../wire.js';
import { PROTOCOL_ERROR } from './frames.js';
import type { RequestBlock } from './request-block.js';
import { Http2Stream } from './stream.js';
import type { Streams } from './streams.js';

/** Makes a stream of each header block that is a request, and lets its exchange begin. */
export class Requests {
  readonly #site: Site;
  readonly #wire: Wire;
  readonly #peer: Peer;
  readonly #streams: Streams;
  /** The host that was found to be meant for here last: nearly always the next request's too. */
  #meantHost: string | undefined;

  constructor(site: Site, wire: Wire, peer: Peer, streams: Streams) {
    this.#site = site;
    this.#wire = wire;
    this.#peer = peer;
    this.#streams = streams;
  }

  /** `sendWindow`: what the client takes of its answer at first. False: it is malformed and was reset. */
  open(id: number, block: RequestBlock, hasEnded: boolean, sendWindow: number): boolean {
    const { settings, requestIds, random } = this.#site;
    const head = block.request(hasEnded, settings.limits.fieldsMax, this.#peer.isTrusted, random);
    if (head === undefined) {
      this.#streams.sendReset(id, PROTOCOL_ERROR);
      return false;
    }
    const isRefused = typeof head === 'string';
    // What comes after an upgrade has no announced length.
    const isOpenEnded = isRefused || head.upgrade !== '';
    const bodyBytes = isOpenEnded ? (hasEnded ? 0 : -1) : head.bodyBytes;
    const stream = new Http2Stream(this.#streams, id, sendWindow, block.isHeadRequest, bodyBytes, hasEnded);
    this.#streams.add(stream);
    if (!isRefused && head.isGrpc) stream.markCall();
    if (isRefused) this.#refuse(stream, statusOf(head), head);
    else if (!this.#isMeantForHere(head)) this.#refuse(stream, 421, 'misdirected');
    else {
      const origin = this.#peer.originOf(head);
      stream.exchange = new Exchange(this.#site, stream, head, origin, requestIds.of(head.requestId));
      if (this.#streams.enter(stream) && mayBegin(stream)) stream.begin();
    }
    return true;
  }

  #refuse(stream: Http2Stream, status: number, code: string): void {
    this.#site.observer.refused({ address: this.#peer.address, status, code });
    stream.refuse({ status, code, fields: this.#site.date.line });
    stream.over();
  }

  /**
   * A browser may send a request for another name over a connection that it has, as far as the certificate
   * goes (RFC 9113 §9.1.1). Beyond that it isn't meant for here. A trusted proxy names what its client named.
   */
  #isMeantForHere(head: RequestHead): boolean {
    if (head.host === this.#meantHost || this.#wire.isMeantFor === undefined) return true;
    if (!this.#peer.isTrusted && !this.#wire.isMeantFor(hostName(head.host))) return false;
    this.#meantHost = head.host;
    return true;
  }
}
