import http from 'node:http';
import https from 'node:https';
import { causeOf } from '../base/cause.js';
import type { Clock } from '../base/clock.js';
import { isLocalError } from '../base/local-error.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Upstream } from '../route/pool/upstream.js';

/**
 * What came of asking an upstream how it is. `unasked`: it could not be asked, for want of something here.
 * `cause`: an error's code (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), `timeout`, or `status 503`.
 */
export type Verdict =
  { readonly kind: 'well' | 'unasked' } | { readonly kind: 'failed'; readonly cause: string };

export const WELL: Verdict = { kind: 'well' };

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly agentName: string;
  /** From the first look-up of its name to the head of its answer, or to the end of a body that is judged. */
  readonly timeMs: number;
  /** More fields, by names in lower case. */
  readonly fields?: Readonly<Record<string, string>>;
  judgeStatus(status: number): Verdict;
  /** Judges the body when the status is well; absent: nobody needs it. `isWhole`: all of it was read. */
  readonly judgeBody?: ((body: Buffer, isWhole: boolean) => Verdict) | undefined;
  judgeError?(error: Error): Verdict | undefined;
}

/** Bytes of the answer that are read. */
export const ANSWER_BYTES_MAX = 64 * 1024;

/** A connection a question: one that is still open says nothing of whether a new client would be served. */
export function ask(
  { url, serverName }: Upstream,
  question: Question,
  tls: UpstreamTls,
  clock: Clock,
): Promise<Verdict> {
  return new Promise((resolve) => {
    const options = {
      method: question.method,
      path: question.path,
      agent: false,
      headers: { 'user-agent': question.agentName, ...question.fields, connection: 'close' },
    };
    const take = (answer: http.IncomingMessage): void => {
      const { judgeBody } = question;
      const verdict = question.judgeStatus(answer.statusCode ?? 0);
      const isJudged = judgeBody === undefined || verdict.kind !== 'well';
      if (isJudged) resolve(verdict);
      const pieces: Buffer[] = [];
      let bytes = 0;
      answer.on('error', (error) => resolve({ kind: 'failed', cause: causeOf(error) ?? 'error' }));
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (!isJudged) pieces.push(piece);
        if (bytes <= ANSWER_BYTES_MAX) return;
        if (!isJudged) resolve(judgeBody(Buffer.concat(pieces, ANSWER_BYTES_MAX), false));
        request.destroy();
      });
      answer.on('end', () => {
        if (!isJudged) resolve(judgeBody(Buffer.concat(pieces), true));
      });
    };
    const request = url.startsWith('https:')
      ? https.request(
          url,
          {
            ...options,
            ...(tls.ca !== undefined && { ca: tls.ca }),
            ...(serverName !== undefined && { servername: serverName }),
            rejectUnauthorized: !tls.insecure,
          },
          take,
        )
      : http.request(url, options, take);
    const limit = clock.after(question.timeMs, () => {
      resolve({ kind: 'failed', cause: 'timeout' });
      request.destroy();
    });
    request.on('error', (error) => {
      const verdict = question.judgeError?.(error);
      if (verdict !== undefined) resolve(verdict);
      else if (isLocalError(error)) resolve({ kind: 'unasked' });
      else resolve({ kind: 'failed', cause: causeOf(error) ?? 'error' });
    });
    request.on('close', () => limit.stop());
    request.end();
  });
}
