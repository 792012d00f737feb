import type { ServerResponse } from 'node:http';

/** A short answer of our own: what could not be read or stored. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Answers, unless something has gone out already. The connection is cut then: a truncated answer must not
 * look whole.
 */
export function answer(response: ServerResponse, instead: Answer): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else writeAnswer(response, instead, response.end);
}

/**
 * `end`: which one to end it by. Middleware that came later may believe that its own `end` is done, and would
 * do nothing.
 */
export function writeAnswer(
  response: ServerResponse,
  { status, text }: Answer,
  end: (this: ServerResponse, text: string) => unknown,
): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = '';
  if (status === 503) response.setHeader('Retry-After', '1');
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  end.call(response, `${text}\n`);
}
