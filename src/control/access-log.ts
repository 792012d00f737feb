import { symbols, type Logger } from 'pino';
import type { Random } from '../base/random.js';
import type { RequestLog } from '../proxy/site.js';
import type { ServedRoute } from '../proxy/served-route.js';
import type { RequestRecord } from '../proxy/request-record.js';

/** A line stays below 4096 bytes: so much workers that share a pipe write in one piece. */
const PATH_CHARS_MAX = 1024;
const HOST_CHARS_MAX = 255;

/**
 * One line a request, as the logger would write it but put together here: the fields are known, and a general
 * serializer would cost a request half as much as all the rest. The query is left out, since tokens travel in
 * it. The fields are public and documented in docs/configuration.md.
 */
export function accessLog(logger: Logger, file?: LineSink, sampling: Sampling = ALL_LINES): RequestLog {
  if (file === undefined && !logger.isLevelEnabled('info')) return noAccessLog;
  const inside = logger as unknown as Readonly<Record<symbol, unknown>>;
  const stream = file ?? (inside[symbols.streamSym] as LineSink);
  const time = inside[symbols.timeSym] as () => string;
  const bindings = JSON.stringify(logger.bindings()).slice(1, -1);
  const start = `{"level":30${bindings === '' ? '' : `,${bindings}`}`;
  const names = new QuotedNames();
  return {
    finished(request: RequestRecord): void {
      const share = sampling.shareOf(request.status);
      if (!sampling.isDrawn(share)) return;
      const { head, decision, route, upstreamId, fault, cause } = request;
      let line = `${start}${time()},"requestId":"${request.requestId}","client":"${request.clientAddress}","protocol":"${request.protocol}","method":"${head.method}","host":"${head.host.length > HOST_CHARS_MAX ? head.host.slice(0, HOST_CHARS_MAX) : head.host}","path":${quoted(pathOf(head.target))},"status":${request.status}`;
      if (route !== undefined) line += `,"route":${names.get(route.name)}`;
      if (upstreamId !== undefined) line += `,"upstream":${names.get(upstreamId)}`;
      if (decision !== undefined) {
        line += `,"outcome":"${decision.outcome}"`;
        if (decision.rule !== undefined)
          line += `,"rule":${names.get((route as ServedRoute).ruleName(decision.rule))}`;
        if (decision.why !== undefined) line += `,"why":"${decision.why}"`;
        if (decision.from !== undefined) line += `,"from":${names.get(decision.from)}`;
      }
      if (request.hasLeft) line += ',"ended":"draining"';
      if (fault !== undefined) line += `,"fault":"${fault}"`;
      if (cause !== undefined) line += `,"cause":"${cause}"`;
      if (request.answeredAt !== 0)
        line += `,"answerMs":${hundredths(request.answeredAt - request.startedAt)}`;
      if (head.traceparent !== undefined) {
        const traceId = traceIdOf(head.traceparent);
        if (traceId !== undefined) line += `,"traceId":"${traceId}"`;
      }
      if (share < 1) line += `,"share":${share}`;
      stream.write(
        `${line},"tries":${request.tries},"requestBytes":${request.requestBytes},"answeredBytes":${request.answeredBytes},"totalMs":${hundredths(request.endedAt - request.startedAt)}}\n`,
      );
    },
    refused({ address, status, code }): void {
      const share = sampling.shareOf(status);
      if (!sampling.isDrawn(share)) return;
      const shareText = share < 1 ? `,"share":${share}` : '';
      stream.write(
        `${start}${time()},"client":"${address}","status":${status}${shareText},"refused":"${code}"}\n`,
      );
    },
  };
}

/** Where lines go. */
export interface LineSink {
  write(line: string): void;
}

/** Which lines are written. */
export interface Sampling {
  /** From 0 to 1, of lines with this status. */
  shareOf(status: number): number;
  isDrawn(share: number): boolean;
}

const ALL_LINES: Sampling = { shareOf: () => 1, isDrawn: () => true };

const DRAWS = 2 ** 32;

/** `shares`: by the first digit of the status; the first is for a status that HTTP doesn't have. */
export function samplingOf(shares: readonly number[], random: Random): Sampling {
  return {
    shareOf: (status) => shares[(status / 100) | 0] ?? shares[0]!,
    // By chance: every tenth line would always be the same client's, if ten take turns.
    isDrawn: (share) => share === 1 || (share !== 0 && random.below(DRAWS) < share * DRAWS),
  };
}

/** Of a `traceparent` (W3C Trace Context §3.2.2); undefined when it is not well-formed. */
function traceIdOf(text: string): string | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, parentId, more] = match;
  const isOdd = version === 'ff' || (version === '00' && more !== undefined);
  return isOdd || /^0+$/.test(traceId!) || /^0+$/.test(parentId!) ? undefined : traceId;
}

/** For `accessLog: false`. */
export const noAccessLog: RequestLog = { finished() {}, refused() {} };

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return target.slice(0, Math.min(mark === -1 ? target.length : mark, PATH_CHARS_MAX));
}

/** Most paths have nothing to escape. */
function quoted(text: string): string {
  return /["\\\u0000-\u001f]/.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Names of the configuration, each quoted once. A reload may bring others. */
class QuotedNames {
  readonly #quoted = new Map<string, string>();

  get(name: string): string {
    let text = this.#quoted.get(name);
    if (text === undefined) {
      if (this.#quoted.size >= NAMES_MAX) this.#quoted.clear();
      text = JSON.stringify(name);
      this.#quoted.set(name, text);
    }
    return text;
  }
}

const NAMES_MAX = 10_000;

const HUNDREDTHS = Array.from({ length: 100 }, (_, number) => `.${String(number).padStart(2, '0')}`);

/**
 * Milliseconds to two places, put together of whole numbers: to write a fraction takes JavaScript three times
 * as long.
 */
function hundredths(ms: number): string {
  const all = Math.round(ms * 100);
  return Math.floor(all / 100) + HUNDREDTHS[all % 100]!;
}
