import type { ServerResponse } from 'node:http';

/** A short answer of our own: what could not be read or stored. */
export interface PlainAnswer {
  readonly status: number;
  readonly text: string;
}

/**
 * Answers, unless something has gone out already. The connection is cut then: a truncated answer must not
 * look whole.
 */
export function answerPlainly(response: ServerResponse, instead: PlainAnswer): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else writePlainAnswer(response, instead, response.end);
}

/**
 * `end`: which one to end it by. Middleware that came later may believe that its own `end` is done, and would
 * do nothing.
 */
export function writePlainAnswer(
  response: ServerResponse,
  { status, text }: PlainAnswer,
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
