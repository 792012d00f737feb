import http2 from 'node:http2';
import { causeOf } from '../base/cause.js';
import type { Clock } from '../base/clock.js';
import { isLocalError } from '../base/local-error.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Upstream } from '../route/pool/upstream.js';
import { ANSWER_BYTES_MAX, WELL, type Verdict } from './upstream-question.js';

/** What is asked over a new HTTP/2 connection. */
export interface Http2Question {
  /** `PING`: whether the upstream speaks HTTP/2 at all. */
  readonly method: string;
  readonly path: string;
  readonly agentName: string;
  readonly timeMs: number;
  /** More fields, by names in lower case; `host` is who is asked. */
  readonly fields?: Readonly<Record<string, string>>;
  /** With a body: a call of gRPC, which is judged by its answer's body and trailers. */
  readonly body?: Buffer;
  /** The answer is judged when its body is there. */
  readonly readsBody?: boolean;
  /** `isWhole`: all of the body was read. */
  judge(status: number, fields: Readonly<Record<string, unknown>>, body: Buffer, isWhole: boolean): Verdict;
}

/** A connection a question, as over HTTP/1.1: see `ask`. */
export function askByHttp2(
  { url, serverName }: Upstream,
  question: Http2Question,
  tls: UpstreamTls,
  clock: Clock,
): Promise<Verdict> {
  return new Promise((resolve) => {
    let isDone = false;
    const done = (verdict: Verdict): void => {
      if (isDone) return;
      isDone = true;
      limit.stop();
      resolve(verdict);
      session.destroy();
    };
    const failed = (error: Error): void => {
      if (isLocalError(error)) done({ kind: 'unasked' });
      else done({ kind: 'failed', cause: causeOf(error) ?? 'error' });
    };
    const session = http2.connect(url, {
      settings: { enablePush: false },
      ...(tls.ca !== undefined && { ca: tls.ca }),
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: !tls.insecure,
    });
    const limit = clock.after(question.timeMs, () => done({ kind: 'failed', cause: 'timeout' }));
    session.on('error', failed);
    session.on('close', () => done({ kind: 'failed', cause: 'closed' }));
    session.on('goaway', (code) => {
      if (code !== 0) done({ kind: 'failed', cause: `goaway ${code}` });
    });
    if (question.method === 'PING') {
      session.on('connect', () => session.ping((error) => (error === null ? done(WELL) : failed(error))));
      return;
    }
    const isCall = question.body !== undefined;
    const readsBody = isCall || question.readsBody === true;
    const { host, ...more } = question.fields ?? {};
    const request = session.request({
      ':method': question.method,
      ':path': question.path,
      ...(host !== undefined && { ':authority': host }),
      'user-agent': question.agentName,
      ...more,
      ...(isCall && { 'content-type': 'application/grpc', te: 'trailers' }),
    });
    let status = 0;
    let fields: Record<string, unknown> = {};
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('response', (answered) => {
      status = answered[':status'] ?? 0;
      fields = { ...answered };
      if (!readsBody) done(question.judge(status, fields, Buffer.alloc(0), false));
    });
    request.on('trailers', (trailers) => (fields = { ...fields, ...trailers }));
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes <= ANSWER_BYTES_MAX) return;
      if (isCall) done({ kind: 'failed', cause: 'answer too large' });
      else done(question.judge(status, fields, Buffer.concat(pieces, ANSWER_BYTES_MAX), false));
    });
    request.on('end', () => done(question.judge(status, fields, Buffer.concat(pieces), true)));
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The session failed, and says why by itself.
      if (error.code !== 'ERR_HTTP2_STREAM_CANCEL') failed(error);
    });
    request.end(question.body);
  });
}
