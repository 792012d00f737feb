/** What an exchange asks of the client's side, whichever version of HTTP is spoken there. */
export interface ClientSide {
  /** False: a chunked answer is handed over as plain data. */
  readonly takesChunks: boolean;
  /** The head of an answer, or of a 1xx that goes before it: its lines. `bodyBytes` as in ResponseHead. */
  answerHead(status: number, lines: string, bodyBytes: number): void;
  answerBytes(bytes: Buffer, start: number, end: number): void;
  answerText(text: string): void;
  /** Sends what was gathered; answers whether some of it waits for a slow client. */
  flush(): boolean;
  readonly isUnderPressure: boolean;
  /** Bytes sent for this answer, head and framing included. */
  readonly answeredBytes: number;
  /** The answer is whole. `requestIsWhole: false`: the client is still sending, and nobody reads it. */
  answerEnd(requestIsWhole: boolean): void;
  /** The gateway answers by itself. */
  refuse(status: number, code: string, fields: string): void;
  /** The answer can't be finished: what the client has must not look whole. */
  abort(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  /** Upgraded: bytes go through unread from here on. */
  tunnel(): void;
  endTunnel(): void;
}
