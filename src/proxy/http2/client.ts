import type { Timed } from '../deadlines.js';
import { Peer } from '../forwarded.js';
import { Outlet } from '../outlet.js';
import type { Guest, Site } from '../site.js';
import type { Wire, WireHandler } from '../wire.js';
import { Allowance } from './allowance.js';
import { Departure } from './departure.js';
import { FrameReader, type FrameTaker } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import * as h2 from './frames.js';
import { HalfClosed } from './half-closed.js';
import { STREAM_WINDOW } from './intake.js';
import { PeerSettings } from './peer-settings.js';
import { PREFACE } from './preface.js';
import { requestBlocks } from './request-block.js';
import { Requests } from './requests.js';
import type { Http2Stream } from './stream.js';
import { Streams } from './streams.js';

/** What the client has to read our last words, and to answer the PING behind a first GOAWAY. */
const GOODBYE_MS = 2000;
/** A smaller one brings so little that it is counted with the frames that bring nothing. */
const WINDOW_UPDATE_MIN = 1024;

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
  readonly #blocks = requestBlocks();
  readonly #settings = new PeerSettings();
  readonly #streams: Streams;
  readonly #requests: Requests;
  readonly #departure: Departure;
  readonly #halfClosed: HalfClosed;
  /** Resets before the answer, and streams above the limit: what is begun and thrown away. */
  readonly #resets: Allowance;
  /** Frames that ask for work and bring nothing. */
  readonly #idleFrames: Allowance;
  readonly #openedAt: number;
  #prefaceBytes = 0;
  #hasSettings = false;
  #lastStream = 0;
  // Of the DATA frame that is coming.
  #dataStream: Http2Stream | undefined;
  #dataBytes = 0;
  #dataFlags = 0;
  /** Of its padding; -1: the byte that says so is yet to come. */
  #padding = 0;
  #hasEnded = false;
  #isOver = false;

  constructor(site: Site, wire: Wire, isSecure: boolean) {
    this.#site = site;
    this.#wire = wire;
    this.#outlet = new Outlet(wire);
    this.#write = new FrameWriter(this.#outlet);
    this.#peer = new Peer(site, wire, isSecure);
    const { deadlines, settings } = site;
    const { limits } = settings;
    this.#write.settings(PeerSettings.ours(limits.streamsMax, STREAM_WINDOW, limits));
    this.#streams = new Streams(site, this.#peer, this.#outlet, this.#write, () => this.#onEmpty());
    this.#requests = new Requests(site, wire, this.#peer, this.#streams);
    this.#departure = new Departure(this.#write, this.#outlet);
    this.#halfClosed = new HalfClosed(site, this.#outlet, this.#streams);
    this.#frames = new FrameReader(this);
    this.#resets = new Allowance(limits.earlyResetsMax, limits.earlyResetsMax / 10, deadlines);
    this.#idleFrames = new Allowance(limits.idleFramesMax, limits.idleFramesMax / 3, deadlines);
    this.#openedAt = deadlines.nowMs;
    this.deadlineAt = deadlines.after(limits.headTimeMs);
    deadlines.add(this);
    this.#outlet.flush();
  }

  // ---- Going (Guest) ----

  closeIfIdle(): void {
    if (this.#isOver) return;
    this.#departure.ask(this.#lastStream);
    this.#endIfGone();
  }

  destroy(): void {
    if (this.#streams.size === 0 && this.#wire.bufferedBytes === 0) this.#wire.destroy();
    else this.#wire.reset();
  }

  #endIfGone(): void {
    const isGone = this.#streams.size === 0 && !this.#isOver;
    if (isGone && (this.#hasEnded || this.#departure.isRefusingNew)) this.#end();
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
    // What isn't whole won't be.
    for (const stream of this.#streams.all()) if (!stream.isRequestWhole) stream.gone();
    this.deadlineAt = this.#halfClosed.begin(this.deadlineAt);
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
    else if (this.#halfClosed.hasBegun) this.deadlineAt = this.#halfClosed.look();
    else if (!this.#hasSettings) this.#fail(h2.SETTINGS_TIMEOUT);
    else if (this.#blocks.isOpen) this.#fail(h2.ENHANCE_YOUR_CALM);
    else if (this.#outlet.progress(deadlines.nowMs, bodyIdleMs) === 'nothing') this.#wire.reset();
    else if (this.#streams.size === 0 && this.#wire.bufferedBytes === 0) {
      this.#departure.refuseNew(this.#lastStream);
      this.#endIfGone();
    } else this.deadlineAt = deadlines.after(Math.min(bodyIdleMs, headTimeMs));
  }

  /**
   * A header block is due whole; without streams the connection is idle; else the client has to take answers.
   */
  #touch(): void {
    if (this.#halfClosed.hasBegun) return;
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
    if (!this.#blocks.mayFollow(type, id)) return this.#fail(h2.PROTOCOL_ERROR);
    switch (type) {
      case h2.HEADERS:
        return this.#onHeaders(flags, id, bytes, start, end);
      case h2.CONTINUATION:
        if (!this.#blocks.add(bytes, start, end)) return this.#fail(h2.ENHANCE_YOUR_CALM);
        return (flags & h2.END_HEADERS) === 0 || this.#onBlock();
      case h2.PRIORITY:
        if (id === 0) return this.#fail(h2.PROTOCOL_ERROR);
        if (end - start !== 5) return this.#fail(h2.FRAME_SIZE_ERROR);
        return dependsOn(bytes, start, id) ? this.#fail(h2.PROTOCOL_ERROR) : this.#spendIdleFrame();
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

  dataBegins(flags: number, id: number, length: number): boolean {
    if (!this.#hasSettings || this.#blocks.isOpen || id === 0 || this.#isUnopened(id))
      return this.#fail(h2.PROTOCOL_ERROR);
    if (!this.#streams.receiveWindow.take(length)) return this.#fail(h2.FLOW_CONTROL_ERROR);
    const isPadded = (flags & h2.PADDED) !== 0;
    if (isPadded && length === 0) return this.#fail(h2.PROTOCOL_ERROR);
    this.#padding = isPadded ? -1 : 0;
    this.#dataFlags = flags;
    this.#dataBytes = length;
    if (length === 0 && (flags & h2.END_STREAM) === 0 && !this.#spendIdleFrame()) return false;
    const stream = this.#streams.get(id);
    this.#dataStream = undefined;
    if (stream !== undefined && !stream.isRequestWhole) {
      if (stream.dataBegins(length)) this.#dataStream = stream;
      return this.#dataStream !== undefined || this.#spendReset();
    }
    this.#streams.sendReset(id, h2.STREAM_CLOSED);
    stream?.gone();
    return this.#spendReset();
  }

  dataPiece(bytes: Buffer, start: number, end: number, left: number): boolean {
    if (this.#padding === -1 && start < end) {
      this.#padding = bytes[start++]!;
      if (this.#padding >= this.#dataBytes) return this.#fail(h2.PROTOCOL_ERROR);
    }
    const stream = this.#dataStream;
    // Whatever of the padding isn't still to come is at the end of this piece.
    const stop = this.#padding === -1 ? start : end - Math.max(0, this.#padding - left);
    if (start < stop) stream?.requestData(bytes, start, stop);
    if (left > 0 || this.#isOver) return !this.#isOver;
    this.#dataStream = undefined;
    // Data of streams that are over is credited too: what the connection may take is not the stream's affair.
    if (stream === undefined) this.#streams.credit(this.#dataBytes);
    else stream.dataEnds(this.#dataBytes, (this.#dataFlags & h2.END_STREAM) !== 0);
    return !this.#isOver;
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === 0 || id % 2 === 0) return this.#fail(h2.PROTOCOL_ERROR);
    let padding = 0;
    if ((flags & h2.PADDED) !== 0) padding = start < end ? bytes[start++]! : 1;
    const prioritiesAt = start;
    if ((flags & h2.WITH_PRIORITY) !== 0) start += 5;
    if (start + padding > end) return this.#fail(h2.PROTOCOL_ERROR);
    if (start > prioritiesAt && dependsOn(bytes, prioritiesAt, id)) return this.#fail(h2.PROTOCOL_ERROR);
    const { headBytesMax, continuationsMax } = this.#site.settings.limits;
    this.#blocks.begin(id, (flags & h2.END_STREAM) !== 0, headBytesMax, continuationsMax);
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
    const { deadlines, settings } = this.#site;
    const { limits } = settings;
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
    if (this.#departure.hasBegun) this.#departure.refuseLate(this.#lastStream, deadlines.nowMs);
    if (this.#departure.isRefusingNew || this.#streams.size >= limits.streamsMax) {
      this.#lastStream = id;
      this.#streams.sendReset(id, h2.REFUSED_STREAM);
      return this.#spendReset();
    }
    this.#lastStream = id;
    const isOld = deadlines.nowMs - this.#openedAt > limits.connectionAgeMs;
    if (isOld || id >= limits.connectionRequestsMax * 2 - 1) this.#departure.begin(deadlines.nowMs);
    const wasOpened = this.#requests.open(id, block, hasEnded, this.#settings.initialWindow);
    this.#touch();
    return wasOpened ? !this.#isOver : this.#spendReset();
  }

  #onReset(id: number, length: number): boolean {
    if (id === 0 || this.#isUnopened(id)) return this.#fail(h2.PROTOCOL_ERROR);
    if (length !== 4) return this.#fail(h2.FRAME_SIZE_ERROR);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#spendIdleFrame();
    const wasEarly = !stream.isAnswered;
    stream.gone();
    return wasEarly ? this.#spendReset() : this.#spendIdleFrame();
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
      if (!this.#streams.growWindowOf(stream, change)) return this.#fail(h2.FLOW_CONTROL_ERROR);
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
    else if (this.#departure.hasBegun) {
      this.#departure.refuseNew(this.#lastStream);
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
      if (bytesMore === 0 || !this.#streams.growWindowOf(stream, bytesMore)) {
        stream.fail(bytesMore === 0 ? h2.PROTOCOL_ERROR : h2.FLOW_CONTROL_ERROR);
        return this.#spendReset();
      }
    }
    const isOfUse = this.#streams.hasReady && bytesMore >= WINDOW_UPDATE_MIN;
    this.#streams.sendWaiting();
    return isOfUse || this.#spendIdleFrame();
  }
}

/** A stream that depends on itself was an error before priorities were given up (RFC 7540 §5.3.1). */
function dependsOn(bytes: Buffer, at: number, stream: number): boolean {
  return (bytes.readUInt32BE(at) & 0x7fffffff) === stream;
}
