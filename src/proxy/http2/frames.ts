/** Frame types (RFC 9113 §6). */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** Flags. `ACK` and `END_STREAM` share a bit: no frame has both. */
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const WITH_PRIORITY = 0x20;

/** Error codes (RFC 9113 §7). */
export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const INTERNAL_ERROR = 2;
export const FLOW_CONTROL_ERROR = 3;
export const SETTINGS_TIMEOUT = 4;
export const STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
export const COMPRESSION_ERROR = 9;
export const ENHANCE_YOUR_CALM = 11;

const ERROR_NAMES = [
  'no-error',
  'protocol-error',
  'internal-error',
  'flow-control-error',
  'settings-timeout',
  'stream-closed',
  'frame-size-error',
  'refused-stream',
  'cancel',
  'compression-error',
  'connect-error',
  'enhance-your-calm',
  'inadequate-security',
  'http-1-1-required',
];

/** As it stands in the log: `http2-protocol-error`. */
export function errorName(code: number): string {
  return `http2-${ERROR_NAMES[code] ?? code}`;
}

/** As the cause of an upstream's fault: `HTTP2_PROTOCOL_ERROR`. */
export function errorCause(code: number): Error {
  const name = errorName(code).toUpperCase().replaceAll('-', '_');
  return Object.assign(new Error(name), { code: name });
}

/** What every peer takes, and the most that we take (RFC 9113 §4.2). */
export const FRAME_BYTES_MAX = 16_384;
export const FRAME_HEAD_BYTES = 9;
/** The window that a peer has until it is told otherwise, and the largest there may be (RFC 9113 §6.9). */
export const WINDOW_DEFAULT = 65_535;
export const WINDOW_MAX = 2 ** 31 - 1;

/** A frame's head, as text of one character a byte. */
export function frameHead(length: number, type: number, flags: number, stream: number): string {
  return (
    String.fromCharCode(length >>> 16, (length >>> 8) & 0xff, length & 0xff, type, flags) + uint32(stream)
  );
}

export function frame(type: number, flags: number, stream: number, payload: string): string {
  return frameHead(payload.length, type, flags, stream) + payload;
}

export function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** One setting of a SETTINGS frame. */
export function setting(id: number, value: number): string {
  return String.fromCharCode(0, id) + uint32(value);
}
