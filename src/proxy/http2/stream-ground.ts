import type { FirstBinding } from '../../route/first-binding.js';
import type { Timed } from '../deadlines.js';

/** A stream as its connection's windows and turns see it. */
export interface GroundedStream {
  readonly id: number;
  /** What the client still takes of the answer. */
  sendWindow: number;
  /** It waits for its turn to begin. */
  readonly isQueued: boolean;
  /** It has data that could not leave. */
  readonly isWaiting: boolean;
  /** The client's window is used up. */
  readonly isBlocked: boolean;
}

/** The connection as its streams see it. */
export interface StreamGround {
  readonly bodyIdleMs: number;
  readonly tunnelIdleMs: number;
  readonly answerTimeMs: number;
  after(ms: number): number;
  watch(timed: Timed): void;
  unwatch(timed: Timed): void;
  firstBinding(pool: object): FirstBinding | undefined;
  sendHeaders(stream: number, block: string, isEnd: boolean): number;
  /** Sends DATA of what the windows let pass, `bytesMax` at the most; answers how many bytes, -1: none. */
  sendData(
    stream: GroundedStream,
    bytes: Buffer,
    start: number,
    end: number,
    isEnd: boolean,
    bytesMax: number,
  ): number;
  sendEmpty(stream: number): void;
  sendReset(stream: number, code: number): void;
  sendWindow(stream: number, bytes: number): void;
  /** Bytes of a body have gone on. */
  credit(bytes: number): void;
  /** Bytes of a body wait for their upstream. True: they are credited all the same, until `release`. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
  /** The stream has data that waits for its turn. */
  wait(stream: GroundedStream): void;
  flush(): boolean;
  /** It waits no longer for its turn to begin, or its exchange is over. */
  left(stream: GroundedStream): void;
  /** Neither side needs it any more. */
  closed(stream: GroundedStream): void;
}
