import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppClaims, TokenClaims } from '../../state/token/token-claims.js';
import type { Tokens } from '../../state/token/tokens.js';
import { bearerGuard, tokenFailure, type BearerOptions } from '../bearer.js';
import { answerPlainly } from '../plain-answer.js';

export interface NodeTokenOptions extends BearerOptions {
  /** Told of what `handler` threw. A warning of the process unless set. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A request with a good token. */
export type TokenMessage<Claims extends object = AppClaims> = IncomingMessage & {
  token: TokenClaims<Claims>;
};

/**
 * A listener for `http.createServer`: `handler` gets each request that has a good bearer token, with
 * `request.token`. Others are answered 401, or 503 when the store can't be reached, and 500 when `handler`
 * rejects before it answered. With `optional` a request without a token comes too, its `token` undefined.
 */
export function token<Claims extends object>(
  tokens: Tokens<Claims>,
  handler: (request: TokenMessage<Claims>, response: ServerResponse) => void | Promise<void>,
  options: NodeTokenOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const judge = bearerGuard(tokens, options);
  const onError =
    options.onError ?? ((error) => process.emitWarning(error instanceof Error ? error : String(error)));
  const run = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const verdict = await judge(request.headers.authorization);
    if (verdict.refusal !== undefined) {
      const { status, headers, body } = verdict.refusal;
      response.writeHead(status, headers).end(body);
      return;
    }
    const withToken = request as TokenMessage<Claims>;
    withToken.token = verdict.claims!;
    await handler(withToken, response);
  };
  return async (request, response) => {
    try {
      await run(request, response);
    } catch (error) {
      const failure = tokenFailure(error);
      if (failure.status === 500) onError(error);
      answerPlainly(response, failure);
    }
  };
}
