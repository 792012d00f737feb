import type { Timed } from '../deadlines.js';
import { Exchange } from '../exchange.js';
import { Peer } from '../forwarded.js';
import { statusOf } from '../http1/request-error.js';
import { Outlet } from '../outlet.js';
import type { Guest, Site } from '../site.js';
import { mayBegin } from '../turn.js';
import type { Wire, WireHandler } from '../wire.js';
import { Allowance } from './allowance.js';
import { BlockReader } from './block-reader.js';
import { FrameReader, type FrameTaker } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import * as h2 from './frames.js';
import { PeerSettings } from './peer-settings.js';
import { PREFACE } from './preface.js';
import { Http2Stream, STREAM_WINDOW } from './stream.js';
import { Streams } from './streams.js';

/** Streams open at once, as HAProxy has it. More are refused, and their clients may ask again. */
const STREAMS_MAX = 100;
/** Whatever a stream's window: more than this is never on its way to us unread. */
const CONNECTION_WINDOW = STREAMS_MAX * STREAM_WINDOW;
/** Between GOAWAY's two phases, when the client doesn't acknowledge the PING behind the first. */
const GOING_CALLS_MAX = 25;
const GOODBYE_MS = 2000;

/**
 * The client's side over HTTP/2 (RFC 9113): one connection, whose streams are a client's side each. What a
 * frame does to a stream is in stream.ts; here are the connection's own frames, windows and limits.
 */
export class Http2Client implements WireHandler, FrameTaker, Guest, Timed {
  deadlineAt = Infinity;
  readonly #site: Site;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #write: FrameWriter;
  readonly #peer: Peer;
  readonly #frames: FrameReader;
  readonly #blocks = new BlockReader();
  readonly #settings = new PeerSettings();
  readonly #streams: Streams;
  /** Resets before the answer, and streams above the limit: what is begun and thrown away. */
  readonly #resets: Allowance;
  /** Frames that ask for work and bring nothing. */
  readonly #idleFrames: Allowance;
  #prefaceBytes = 0;
  #hasSettings = false;
  #lastStream = 0;
  #receiveWindow = CONNECTION_WINDOW;
  /** 0: not going; else how often it was asked to. */
  #going = 0;
  #isRefusingNew = false;
  #hasEnded = false;
  #isOver = false;

  constructor(site: Site, wire: Wire, isSecure: boolean) {
    this.#site = site;
    this.#wire = wire;
    this.#outlet = new Outlet(wire);
    this.#write = new FrameWriter(this.#outlet);
    this.#streams = new Streams(site, this.#outlet, this.#write, () => this.#onEmpty());
    this.#peer = new Peer(site, wire.remoteAddress, isSecure);
    this.#frames = new FrameReader(this);
    this.#resets = new Allowance(200, 20, site.deadlines);
    this.#idleFrames = new Allowance(1000, 330, site.deadlines);
    this.deadlineAt = site.deadlines.after(site.settings.limits.headTimeMs);
    site.deadlines.add(this);
    this.#write.settings(PeerSettings.ours(STREAMS_MAX, STREAM_WINDOW, site.settings.limits));
    this.#write.window(0, CONNECTION_WINDOW - h2.WINDOW_DEFAULT);
    this.#outlet.flush();
  }

  // ---- Going (Guest) ----

  /** First a GOAWAY that still lets in what is on its way, then one that names the last stream (§6.8). */
  closeIfIdle(): void {
    if (this.#isOver) return;
    if (++this.#going === 1) {
      this.#write.goAway(h2.WINDOW_MAX, h2.NO_ERROR);
      this.#write.ping('goodbye!', 0);
      this.#outlet.flush();
    } else if (this.#going >= GOING_CALLS_MAX) this.#refuseNew();
    this.#endIfGone();
  }

  destroy(): void {
    if (this.#streams.size === 0 && this.#wire.bufferedBytes === 0) this.#wire.destroy();
    else this.#wire.reset();
  }

  #refuseNew(): void {
    if (this.#isRefusingNew) return;
    this.#isRefusingNew = true;
    this.#write.goAway(this.#lastStream, h2.NO_ERROR);
    this.#outlet.flush();
  }

  #endIfGone(): void {
    const isGone = this.#streams.size === 0 && !this.#isOver;
    if (isGone && (this.#hasEnded || this.#isRefusingNew)) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#outlet.end();
    this.deadlineAt = this.#site.deadlines.after(GOODBYE_MS);
  }

  /** The client has broken the rules for the whole connection, or costs too much (RFC 9113 §5.4.1). */
  #fail(code: number): false {
    if (this.#isOver) return false;
    this.#site.observer.refused({ address: this.#peer.address, status: 400, code: h2.errorName(code) });
    this.#write.goAway(this.#lastStream, code);
    this.#end();
    this.#leaveStreams();
    return false;
  }

  #onEmpty(): void {
    if (this.#isOver) return;
    this.#touch();
    this.#endIfGone();
  }

  #leaveStreams(): void {
    for (const stream of this.#streams.all()) stream.gone();
  }

  // ---- The wire ----

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#isOver) return false;
    while (this.#prefaceBytes < PREFACE.length && start < end) {
      if (bytes[start++] !== PREFACE[this.#prefaceBytes++]) return this.#fail(h2.PROTOCOL_ERROR);
    }
    if (start < end) this.#frames.read(bytes, start, end);
    this.#outlet.flush();
    // Acknowledgements that the client doesn't take must not pile up.
    if (this.#wire.bufferedBytes > h2.WINDOW_DEFAULT) this.#wire.pause();
    return true;
  }

  onDrain(): void {
    this.#wire.resume();
    this.#streams.sendWaiting();
    this.#outlet.flush();
  }

  onEnd(): void {
    this.#hasEnded = true;
    // What isn't whole won't be; the rest gets its answers.
    for (const stream of this.#streams.all()) if (!stream.isRequestWhole) stream.gone();
    this.#endIfGone();
  }

  onClose(): void {
    this.#isOver = true;
    this.deadlineAt = Infinity;
    this.#site.deadlines.remove(this);
    this.#site.closed(this);
    this.#leaveStreams();
  }

  onDeadline(): void {
    const { deadlines, settings } = this.#site;
    const { bodyIdleMs, headTimeMs } = settings.limits;
    if (this.#isOver) this.#wire.destroy();
    else if (!this.#hasSettings) this.#fail(h2.SETTINGS_TIMEOUT);
    else if (this.#blocks.isOpen) this.#fail(h2.ENHANCE_YOUR_CALM);
    else if (this.#outlet.progress(deadlines.nowMs, bodyIdleMs) === 'nothing') this.#wire.reset();
    else if (this.#streams.size === 0 && this.#wire.bufferedBytes === 0) {
      this.#refuseNew();
      this.#endIfGone();
    } else this.deadlineAt = deadlines.after(Math.min(bodyIdleMs, headTimeMs));
  }

  /**
   * A header block is due whole; without streams the connection is idle; else the client has to take answers.
   */
  #touch(): void {
    const { headTimeMs, idleTimeMs, bodyIdleMs } = this.#site.settings.limits;
    const ms = this.#blocks.isOpen ? headTimeMs : this.#streams.size === 0 ? idleTimeMs : bodyIdleMs;
    this.deadlineAt = this.#site.deadlines.after(ms);
  }

  // ---- Frames ----

  frameTooLarge(): void {
    this.#fail(h2.FRAME_SIZE_ERROR);
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#hasSettings && (type !== h2.SETTINGS || (flags & h2.ACK) !== 0))
      return this.#fail(h2.PROTOCOL_ERROR);
    // Inside of a header block nothing else may come (RFC 9113 §6.10).
    if (
      this.#blocks.isOpen !== (type === h2.CONTINUATION) ||
      (this.#blocks.isOpen && this.#blocks.stream !== id)
    )
      return this.#fail(h2.PROTOCOL_ERROR);
    switch (type) {
      case h2.DATA:
        return this.#onData(flags, id, bytes, start, end);
      case h2.HEADERS:
        return this.#onHeaders(flags, id, bytes, start, end);
      case h2.CONTINUATION:
        if (!this.#blocks.add(bytes, start, end)) return this.#fail(h2.ENHANCE_YOUR_CALM);
        return (flags & h2.END_HEADERS) === 0 || this.#onBlock();
      case h2.PRIORITY:
        if (id === 0) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start !== 5) return this.#fail(h2.FRAME_SIZE_ERROR);
        return this.#spendIdleFrame();
      case h2.RST_STREAM:
        return this.#onReset(id, end - start);
      case h2.SETTINGS:
        return this.#onSettings(flags, id, bytes, start, end);
      case h2.PING:
        return this.#onPing(flags, id, bytes, start, end);
      case h2.GOAWAY:
        if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start < 8) return this.#fail(h2.FRAME_SIZE_ERROR);
        return this.#spendIdleFrame();
      case h2.WINDOW_UPDATE:
        return this.#onWindowUpdate(id, bytes, start, end);
      default:
        // Unknown types are ignored (RFC 9113 §5.5).
        return type === h2.PUSH_PROMISE ? this.#fail(h2.PROTOCOL_ERROR) : this.#spendIdleFrame();
    }
  }

  #spendIdleFrame(): boolean {
    return this.#idleFrames.spend() || this.#fail(h2.ENHANCE_YOUR_CALM);
  }

  #spendReset(): boolean {
    return this.#resets.spend() || this.#fail(h2.ENHANCE_YOUR_CALM);
  }

  /** The client has never opened this stream. */
  #isUnopened(id: number): boolean {
    return id > this.#lastStream || id % 2 === 0;
  }

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0 || this.#isUnopened(id)) return this.#fail(h2.PROTOCOL_ERROR);
    const windowBytes = end - start;
    if (windowBytes > this.#receiveWindow) return this.#fail(h2.FLOW_CONTROL_ERROR);
    this.#receiveWindow -= windowBytes;
    if ((flags & h2.PADDED) !== 0) {
      const padding = windowBytes === 0 ? 0 : bytes[start]!;
      if (padding >= windowBytes) return this.#fail(h2.PROTOCOL_ERROR);
      start++;
      end -= padding;
    }
    // Data of streams that are over is credited too: what the connection may take is not the stream's affair.
    if (this.#receiveWindow < CONNECTION_WINDOW / 2) {
      this.#streams.sendWindow(0, CONNECTION_WINDOW - this.#receiveWindow);
      this.#receiveWindow = CONNECTION_WINDOW;
    }
    const isEnd = (flags & h2.END_STREAM) !== 0;
    if (start === end && !isEnd && !this.#spendIdleFrame()) return false;
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isRequestWhole) {
      this.#streams.sendReset(id, h2.STREAM_CLOSED);
      stream?.gone();
      return this.#spendReset();
    }
    stream.requestData(bytes, start, end, windowBytes, isEnd);
    return !this.#isOver;
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0 || id % 2 === 0) return this.#fail(h2.PROTOCOL_ERROR);
    let padding = 0;
    if ((flags & h2.PADDED) !== 0) padding = start < end ? bytes[start++]! : 1;
    if ((flags & h2.WITH_PRIORITY) !== 0) start += 5;
    if (start + padding > end) return this.#fail(h2.PROTOCOL_ERROR);
    this.#blocks.begin(id, (flags & h2.END_STREAM) !== 0, this.#site.settings.limits.headBytesMax);
    if (!this.#blocks.add(bytes, start, end - padding)) return this.#fail(h2.ENHANCE_YOUR_CALM);
    if ((flags & h2.END_HEADERS) === 0) {
      this.#touch();
      return true;
    }
    return this.#onBlock();
  }

  /**
   * A header block is whole: a request, or trailers. It is decoded in any case, for the sake of its table.
   */
  #onBlock(): boolean {
    const { settings } = this.#site;
    const block = this.#blocks.end();
    if (block === undefined) return this.#fail(h2.COMPRESSION_ERROR);
    const { stream: id, hasEnded } = this.#blocks;
    const open = this.#streams.get(id);
    if (open !== undefined) {
      if (open.isRequestWhole) {
        open.fail(h2.STREAM_CLOSED);
        return this.#spendReset();
      }
      const trailers = hasEnded ? block.trailers() : undefined;
      if (trailers === undefined) open.fail(h2.PROTOCOL_ERROR);
      else open.requestEnd(trailers);
      return trailers !== undefined || this.#spendReset();
    }
    // Trailers of a stream that we have reset may still come.
    if (id <= this.#lastStream) return this.#streams.wasReset(id) || this.#fail(h2.STREAM_CLOSED);
    this.#lastStream = id;
    if (this.#isRefusingNew || this.#streams.size >= STREAMS_MAX) {
      this.#streams.sendReset(id, h2.REFUSED_STREAM);
      return this.#spendReset();
    }
    const head = block.request(hasEnded, settings.limits.fieldsMax, this.#peer.isTrusted);
    if (head === undefined) {
      this.#streams.sendReset(id, h2.PROTOCOL_ERROR);
      return this.#spendReset();
    }
    const bodyBytes = typeof head === 'string' ? (hasEnded ? 0 : -1) : head.bodyBytes;
    const stream = new Http2Stream(
      this.#streams,
      id,
      this.#settings.initialWindow,
      block.isHeadRequest,
      bodyBytes,
    );
    this.#streams.add(stream);
    this.#touch();
    if (typeof head === 'string') {
      const status = statusOf(head);
      this.#site.observer.refused({ address: this.#peer.address, status, code: head });
      stream.refuse({ status, code: head, fields: this.#site.date.line });
      stream.over();
      return true;
    }
    if (hasEnded) stream.markRequestWhole();
    const { requestIds } = this.#site;
    const origin = this.#peer.originOf(head);
    stream.exchange = new Exchange(this.#site, stream, head, origin, requestIds.of(head.requestId));
    if (mayBegin(stream)) stream.begin();
    return !this.#isOver;
  }

  #onReset(id: number, length: number): boolean {
    if (id === 0 || this.#isUnopened(id)) return this.#fail(h2.PROTOCOL_ERROR);
    if (length !== 4) return this.#fail(h2.FRAME_SIZE_ERROR);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#spendIdleFrame();
    stream.gone();
    return this.#spendReset();
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
    if ((flags & h2.ACK) !== 0)
      return end === start ? this.#spendIdleFrame() : this.#fail(h2.FRAME_SIZE_ERROR);
    const before = this.#settings.initialWindow;
    const error = this.#settings.read(bytes, start, end);
    if (error !== h2.NO_ERROR) return this.#fail(error);
    // The windows of open streams move with it, below 0 too (RFC 9113 §6.9.2).
    const change = this.#settings.initialWindow - before;
    for (const stream of this.#streams.all())
      if (!stream.growWindow(change)) return this.#fail(h2.FLOW_CONTROL_ERROR);
    if (!this.#hasSettings) this.#touch();
    this.#hasSettings = true;
    this.#write.settingsAck();
    if (change > 0) this.#streams.sendWaiting();
    return this.#spendIdleFrame();
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id !== 0) return this.#fail(h2.PROTOCOL_ERROR);
    if (end - start !== 8) return this.#fail(h2.FRAME_SIZE_ERROR);
    if ((flags & h2.ACK) === 0) this.#write.ping(bytes.toString('latin1', start, end), h2.ACK);
    else if (this.#going > 0) {
      this.#refuseNew();
      this.#endIfGone();
    }
    return this.#spendIdleFrame();
  }

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== 4) return this.#fail(h2.FRAME_SIZE_ERROR);
    const bytesMore = bytes.readUInt32BE(start) & 0x7fffffff;
    if (id === 0) {
      if (bytesMore === 0) return this.#fail(h2.PROTOCOL_ERROR);
      if (!this.#streams.growWindow(bytesMore)) return this.#fail(h2.FLOW_CONTROL_ERROR);
    } else {
      if (this.#isUnopened(id)) return this.#fail(h2.PROTOCOL_ERROR);
      const stream = this.#streams.get(id);
      if (stream === undefined) return this.#spendIdleFrame();
      if (bytesMore === 0 || !stream.growWindow(bytesMore)) {
        stream.fail(bytesMore === 0 ? h2.PROTOCOL_ERROR : h2.FLOW_CONTROL_ERROR);
        return this.#spendReset();
      }
    }
    if (this.#streams.hasWaiting) this.#streams.sendWaiting();
    else if (!this.#idleFrames.spend()) return this.#fail(h2.ENHANCE_YOUR_CALM);
    return true;
  }
}
