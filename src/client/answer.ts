import type { Outcome } from '../route/outcome.js';
import type { CallTry } from './call-error.js';
import type { TryWatch } from './try-watch.js';

/** What a response says beside what the app said. */
export interface AnswerFacts {
  /** The id of the upstream that answered. */
  readonly upstream: string;
  /** `keyed`: the key's owner answered. `borrowed`: a backup did. */
  readonly outcome: Outcome;
  /** The upstreams asked, in order; the last one answered. */
  readonly tries: readonly CallTry[];
}

/** A `Response` as `fetch` gives it, with who answered. */
export type ClientResponse = Response & AnswerFacts;

/** Who hears how the body ended. */
export interface AnswerEnds {
  /** It came whole, or nobody wants the rest. */
  done(): void;
  /** It was cut short by the upstream; answers the error for whoever reads it. */
  broken(error: unknown): unknown;
  /** The watch ended it; answers the error for whoever reads it. */
  stopped(): unknown;
}

/**
 * Bytes of an answer that are read ahead of the caller: with these, an answer of ordinary size is over before
 * anyone looks at it.
 */
export const AHEAD_BYTES_MAX = 64 * 1024;

/**
 * The response for the caller. Its body goes through here, since the deadline and the upstream's health are
 * concerned with its last byte, too.
 */
export function answer(
  response: Response,
  facts: AnswerFacts,
  watch: TryWatch,
  ends: AnswerEnds,
): ClientResponse {
  const { status, statusText, ok, headers, url } = response;
  const body = response.body === null ? null : watched(response.body, watch, ends);
  if (body === null) {
    watch.end();
    ends.done();
  }
  // The constructor refuses what `fetch` lets through: a status such as 999, odd bytes in the reason.
  const isUsual = status >= 200 && status <= 599;
  return Object.defineProperties(new Response(body, { status: isUsual ? status : 200, headers }), {
    ...(!isUsual && { status: { value: status }, ok: { value: ok } }),
    statusText: { value: statusText },
    url: { value: url },
    upstream: { value: facts.upstream, enumerable: true },
    outcome: { value: facts.outcome, enumerable: true },
    tries: { value: facts.tries, enumerable: true },
  }) as ClientResponse;
}

function watched(
  body: ReadableStream<Uint8Array>,
  watch: TryWatch,
  ends: AnswerEnds,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isOver = false;
  const finish = (): void => {
    isOver = true;
    watch.end();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        watch.onStop = () => {
          isOver = true;
          controller.error(ends.stopped());
          void reader.cancel().catch(() => {});
        };
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (isOver) return;
          if (!done) {
            controller.enqueue(value);
            return;
          }
          finish();
          controller.close();
          ends.done();
        } catch (error) {
          if (isOver) return;
          finish();
          controller.error(ends.broken(error));
        }
      },
      async cancel(reason) {
        finish();
        ends.done();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: AHEAD_BYTES_MAX, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}
