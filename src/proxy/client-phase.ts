/** What a client's connection is waiting for: the limit that its `deadlineAt` stands for. */
export const HEAD = 0;
export const IDLE = 1;
export const REQUEST_BODY = 2;
export const ANSWER = 3;
export const TUNNEL = 4;
/** From here on the connection is ending and nothing that comes is read. */
export const LINGER = 5;
/** Ending, but the client is slow to take its answer. */
export const FLUSH = 6;
