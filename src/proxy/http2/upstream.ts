import { isLocalError } from '../../base/local-error.js';
import type { Deadlines, Timed } from '../deadlines.js';
import type { Limits } from '../limits.js';
import { Outlet } from '../outlet.js';
import type { UpstreamFault } from '../upstream-fault.js';
import type { ConnectHandler, ConnectTarget, Engine, Wire } from '../wire.js';
import { FrameWriter } from './frame-writer.js';
import * as h2 from './frames.js';
import { SendTurns } from './outgoing.js';
import { PeerSettings } from './peer-settings.js';
import { PREFACE } from './preface.js';
import { ConnectionCredit } from './connection-credit.js';
import type { ResponseBlock } from './response-block.js';
import { UpstreamFrames, type FrameEvents } from './upstream-frames.js';
import { isNoAlpn, NO_ALPN, NO_PING_ANSWER, NO_SETTINGS } from './upstream-errors.js';
import type { Http2Owner } from './upstream-owner.js';
import { UpstreamStreams } from './upstream-streams.js';
import { UPSTREAM_WINDOW, type Http2UpstreamStream, type StreamConnection } from './upstream-stream.js';

/**
 * Whatever the streams' own windows say, an answer is credited to the connection as it comes: a slow client
 * holds up its stream and no other.
 */
const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** What may wait for the upstream before a PING of its is too much. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
const GOODBYE_MS = 2000;
const PING_PAYLOAD = 'there?\r\n';

/** A connection to an upstream by HTTP/2, with the streams on it. */
export class Http2Upstream implements ConnectHandler, FrameEvents, StreamConnection, Timed {
  deadlineAt: number;
  nextStream = 1;
  readonly turns: SendTurns;
  readonly write: FrameWriter;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly openedAt: number;
  /** The upstream's address, once it is connected. */
  address = '';
  /** When bytes came last. */
  heardAt = 0;

  readonly #owner: Http2Owner;
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #frames: UpstreamFrames;
  readonly #settings = new PeerSettings();
  readonly #streams = new UpstreamStreams();
  #streamsMax: number;
  #isConnected = false;
  #hasSettings = false;
  #isLeaving = false;
  #isOver = false;
  readonly #receiveWindow = new ConnectionCredit(CONNECTION_WINDOW);
  /** WINDOW_UPDATE frames that came, for those sent: see `onWindow`. */
  #windowFrames = 0;
  /** A PING is under way, and until when its answer is due. */
  #pingUntil = Infinity;
  /** A stream waited in vain while nothing else came: no other is begun before the PING's answer. */
  #isInDoubt = false;
  #isLent = false;

  /** `streamsMax`: what the upstream is expected to take, until its SETTINGS say. */
  constructor(engine: Engine, target: ConnectTarget, owner: Http2Owner, streamsMax: number) {
    this.#owner = owner;
    this.limits = owner.limits;
    this.deadlines = owner.deadlines;
    this.openedAt = owner.deadlines.nowMs;
    this.#streamsMax = streamsMax;
    this.#wire = engine.connect(target, this);
    this.#outlet = new Outlet(this.#wire);
    this.write = new FrameWriter(this.#outlet);
    this.turns = new SendTurns(this.#outlet, this.write);
    this.#frames = new UpstreamFrames(this, owner.deadlines);
    this.deadlineAt = owner.deadlines.after(owner.limits.connectTimeMs);
    owner.deadlines.add(this);
  }

  get initialWindow(): number {
    return this.#settings.initialWindow;
  }

  get hasRoom(): boolean {
    return !this.#isLeaving && !this.#isInDoubt && this.#streams.size < this.#streamsMax && this.#wire.isOpen;
  }

  // ---- Streams ----

  take(stream: Http2UpstreamStream): boolean {
    if (this.#isConnected && (this.#hasSettings || !stream.wantsProtocol)) return this.#mayOpen(stream);
    this.#streams.wait(stream);
    if (this.#isConnected) this.deadlineAt = this.deadlines.nowMs;
    return false;
  }

  /** A WebSocket goes only where the upstream has said that it takes it. */
  #mayOpen(stream: Http2UpstreamStream): boolean {
    return !stream.wantsProtocol || this.#settings.takesProtocols;
  }

  open(stream: Http2UpstreamStream): number {
    const id = this.nextStream;
    this.nextStream += 2;
    this.#streams.open(id, stream);
    if (this.nextStream > h2.WINDOW_MAX) this.leave();
    this.deadlineAt = this.deadlines.nowMs;
    return id;
  }

  reset(id: number, code: number): void {
    this.write.reset(id, code);
    this.#streams.addReset(id);
    this.#outlet.flush();
  }

  flush(): void {
    this.#outlet.flush();
  }

  closed(stream: Http2UpstreamStream): void {
    this.#streams.delete(stream);
    if (this.#isOver) return;
    if (this.#isLeaving) this.#endIfEmpty();
    else {
      if (this.#streams.size === 0) this.#idle();
      this.#owner.hasRoom();
    }
  }

  waitedInVain(sinceMs: number): void {
    if (this.heardAt > sinceMs || this.#isInDoubt) return;
    this.#isInDoubt = true;
    this.#ping();
  }

  // ---- Its end ----

  /** It takes no more streams; those that are open go on. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#owner.left(this);
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#isOver || this.#streams.size > 0) return;
    this.#goodbye(h2.NO_ERROR);
  }

  #goodbye(code: number): void {
    this.#isOver = true;
    this.#frames.stop();
    if (!this.#isConnected) {
      this.#wire.destroy();
      return;
    }
    // It has pushed nothing, so there is no last stream of its.
    this.write.goAway(0, code);
    this.#outlet.end();
    this.deadlineAt = this.deadlines.after(GOODBYE_MS);
  }

  #idle(): void {
    this.deadlineAt = Math.min(this.deadlines.after(this.limits.upstreamIdleMs), this.#pingUntil);
    if (this.deadlines.nowMs - this.openedAt >= this.limits.upstreamLifeMs) this.leave();
  }

  /** Every stream fails; the connection ends at once. */
  #fail(fault: UpstreamFault, cause: Error | undefined): void {
    this.#isOver = true;
    this.#frames.stop();
    this.#leaveStreams(fault, cause);
    this.#wire.destroy();
  }

  #leaveStreams(fault: UpstreamFault, cause: Error | undefined): void {
    if (!this.#isLeaving) {
      this.#isLeaving = true;
      this.#owner.left(this);
    }
    this.#streams.failAbove(0, fault, cause);
  }

  // ---- The wire ----

  onConnect(address = '', isHttp2 = true): void {
    this.address = address;
    if (!isHttp2) {
      this.#foreign(NO_ALPN);
      return;
    }
    this.#owner.connected(address);
    this.#isConnected = true;
    this.heardAt = this.deadlines.nowMs;
    this.#outlet.text(PREFACE_TEXT);
    this.write.settings(PeerSettings.oursToUpstream(UPSTREAM_WINDOW, this.limits));
    this.write.window(0, CONNECTION_WINDOW - h2.WINDOW_DEFAULT);
    this.#outlet.flush();
    this.#idle();
    this.#release();
    if (this.#isLeaving) this.#endIfEmpty();
  }

  /** Those that waited and needn't any more. */
  #release(): void {
    for (const stream of this.#streams.takePending()) {
      if (this.#isOver) stream.fail('closed', undefined);
      else if (stream.wantsProtocol && !this.#hasSettings) this.#streams.wait(stream);
      else if (this.#mayOpen(stream)) stream.ready();
      else stream.fail('needs-http1', undefined);
    }
  }

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    if (this.#isOver) return false;
    this.heardAt = this.deadlines.nowMs;
    this.#isLent = false;
    this.#frames.read(bytes, start, end);
    this.#outlet.flush();
    return this.#isLent || this.#frames.isInBlock;
  }

  onDrain(): void {
    this.turns.sendWaiting();
    this.#outlet.flush();
  }

  onEnd(): void {
    this.#wire.destroy();
  }

  onClose(error: Error | undefined): void {
    const wasConnecting = !this.#isConnected && !this.#isOver;
    this.#isOver = true;
    this.deadlineAt = Infinity;
    this.deadlines.remove(this);
    const isLocal = wasConnecting && isLocalError(error);
    if (wasConnecting && !isLocal) this.#owner.notConnected();
    const fault = !wasConnecting ? 'closed' : isNoAlpn(error) ? 'not-http2' : isLocal ? 'local' : 'connect';
    this.#leaveStreams(fault, error);
  }

  onDeadline(): void {
    const { nowMs } = this.deadlines;
    if (this.#isOver) this.#wire.destroy();
    else if (!this.#isConnected) {
      this.#owner.notConnected();
      this.#fail('connect-timeout', undefined);
    } else if (nowMs >= this.#pingUntil) {
      this.#fail('closed', NO_PING_ANSWER);
    } else if (this.#streams.size === 0) this.leave();
    else this.#look(nowMs);
  }

  /** At every sweep while there are streams: has one reached its limit, and is the upstream still there? */
  #look(nowMs: number): void {
    this.deadlineAt = nowMs;
    this.#streams.endLate(nowMs);
    if (nowMs - this.heardAt >= this.limits.upstreamPingMs) this.#ping();
    if (!this.#isLeaving && nowMs - this.openedAt >= this.limits.upstreamLifeMs) this.leave();
  }

  #ping(): void {
    if (this.#pingUntil !== Infinity || this.#isOver) return;
    this.#pingUntil = this.deadlines.after(this.limits.connectTimeMs);
    this.deadlineAt = Math.min(this.deadlineAt, this.#pingUntil);
    this.write.ping(PING_PAYLOAD, 0);
    this.#outlet.flush();
  }

  // ---- Frames (FrameEvents) ----

  onBlock(id: number, block: ResponseBlock, hasEnded: boolean): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      if (stream.answerBlock(block, hasEnded)) this.#isLent = true;
    }
    // What was on its way to a stream that we have reset is no fault.
    else if (this.#streams.wasReset(id)) this.#frames.spend();
    else this.onBroken(h2.STREAM_CLOSED);
  }

  onData(
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    windowBytes: number,
    hasEnded: boolean,
  ): void {
    const credit = this.#receiveWindow.take(windowBytes);
    if (credit === -1) {
      this.onBroken(h2.FLOW_CONTROL_ERROR);
      return;
    }
    // Data of streams that are over is credited too: what the connection may take is not the stream's affair.
    if (credit > 0) this.write.window(0, credit);
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      if (stream.answerData(bytes, start, end, windowBytes, hasEnded)) this.#isLent = true;
      return;
    }
    if (!this.#streams.wasReset(id)) this.reset(id, h2.STREAM_CLOSED);
    if (start === end) this.#frames.spend();
  }

  onReset(id: number, code: number): void {
    this.#streams.get(id)?.answerReset(code);
  }

  onSettings(bytes: Buffer, start: number, end: number): void {
    const settings = this.#settings;
    const before = settings.initialWindow;
    const error = settings.read(bytes, start, end);
    if (error !== h2.NO_ERROR) {
      this.onBroken(error);
      return;
    }
    this.write.settingsAck();
    // The windows of open streams move with it, below 0 too (RFC 9113 §6.9.2).
    const change = settings.initialWindow - before;
    if (!this.#streams.growWindows(change)) {
      this.onBroken(h2.FLOW_CONTROL_ERROR);
      return;
    }
    this.#hasSettings = true;
    this.#owner.settings(settings);
    this.#streamsMax = Math.min(settings.streamsMax, this.limits.upstreamStreamsMax);
    if (change > 0) this.turns.sendWaiting();
    this.#release();
    this.#owner.hasRoom();
  }

  onPing(payload: string): void {
    // It is read on whatever waits for it, so answers that it doesn't take must not pile up.
    if (this.#wire.bufferedBytes > UNREAD_BYTES_MAX) this.onBroken(h2.ENHANCE_YOUR_CALM);
    else this.write.ping(payload, h2.ACK);
  }

  onPingAnswer(): void {
    this.#pingUntil = Infinity;
    if (!this.#isInDoubt) return;
    this.#isInDoubt = false;
    this.#owner.hasRoom();
  }

  /** Streams above the last one were not processed (RFC 9113 §6.8); the others go on. */
  onGoAway(lastStream: number, code: number): void {
    if (!this.#isLeaving) {
      this.#isLeaving = true;
      this.#owner.left(this);
    }
    this.#streams.failAbove(lastStream, 'refused', h2.errorCause(code));
    this.#endIfEmpty();
  }

  onWindow(id: number, bytes: number): boolean {
    if (id === 0) {
      if (bytes === 0) this.onBroken(h2.PROTOCOL_ERROR);
      else if (!this.turns.growWindow(bytes)) this.onBroken(h2.FLOW_CONTROL_ERROR);
    } else {
      const stream = this.#streams.get(id);
      if (stream !== undefined && (bytes === 0 || !stream.growWindow(bytes)))
        stream.broken(bytes === 0 ? h2.PROTOCOL_ERROR : h2.FLOW_CONTROL_ERROR);
    }
    if (this.turns.hasWaiting) {
      this.turns.sendWaiting();
      return true;
    }
    // An upstream may credit each frame of ours twice, for its stream and for the connection.
    return ++this.#windowFrames <= this.turns.frames * 2;
  }

  onBroken(code: number): void {
    if (this.#isOver) return;
    this.#goodbye(code);
    this.#leaveStreams('http2', h2.errorCause(code));
  }

  onForeign(): void {
    this.#foreign(NO_SETTINGS);
  }

  #foreign(cause: Error): void {
    this.#fail('not-http2', cause);
  }
}

const PREFACE_TEXT = PREFACE.toString('latin1');
