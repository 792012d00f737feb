import type { Limits } from '../limits.js';
import {
  FLOW_CONTROL_ERROR,
  FRAME_BYTES_MAX,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  setting,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from './frames.js';

// Settings by their number (RFC 9113 §6.5.2).
const ENABLE_PUSH = 2;
const MAX_CONCURRENT_STREAMS = 3;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
const MAX_HEADER_LIST_SIZE = 6;
/** RFC 8441 §3. */
const ENABLE_CONNECT_PROTOCOL = 8;

/** What a peer's SETTINGS say that matters to us. */
export class PeerSettings {
  /** What each of its streams takes at first. */
  initialWindow = WINDOW_DEFAULT;
  /** Streams that we may have open there at once. */
  streamsMax = Infinity;
  /** It takes CONNECT with a protocol, so WebSockets (RFC 8441). */
  takesProtocols = false;

  /** What an upstream is told: it may push nothing. */
  static oursToUpstream(streamWindow: number, limits: Limits): string {
    return (
      setting(ENABLE_PUSH, 0) +
      setting(INITIAL_WINDOW_SIZE, streamWindow) +
      setting(MAX_HEADER_LIST_SIZE, limits.headBytesMax)
    );
  }

  /** What a client is told. */
  static ours(streamsMax: number, streamWindow: number, limits: Limits): string {
    return (
      setting(MAX_CONCURRENT_STREAMS, streamsMax) +
      setting(ENABLE_CONNECT_PROTOCOL, 1) +
      setting(INITIAL_WINDOW_SIZE, streamWindow) +
      setting(MAX_HEADER_LIST_SIZE, limits.headBytesMax)
    );
  }

  /** Reads a frame's settings in order; answers an error code. */
  read(bytes: Buffer, start: number, end: number): number {
    if ((end - start) % 6 !== 0) return FRAME_SIZE_ERROR;
    for (let at = start; at < end; at += 6) {
      const value = bytes.readUInt32BE(at + 2);
      switch (bytes.readUInt16BE(at)) {
        case ENABLE_PUSH:
          if (value > 1) return PROTOCOL_ERROR;
          break;
        case MAX_CONCURRENT_STREAMS:
          this.streamsMax = value;
          break;
        case ENABLE_CONNECT_PROTOCOL:
          // Once announced, it stays so (RFC 8441 §3).
          if (value > 1 || (value === 0 && this.takesProtocols)) return PROTOCOL_ERROR;
          this.takesProtocols = value === 1;
          break;
        case INITIAL_WINDOW_SIZE:
          if (value > WINDOW_MAX) return FLOW_CONTROL_ERROR;
          this.initialWindow = value;
          break;
        case MAX_FRAME_SIZE:
          // Ours are never larger than what everybody takes.
          if (value < FRAME_BYTES_MAX || value >= 2 ** 24) return PROTOCOL_ERROR;
      }
    }
    return NO_ERROR;
  }
}
