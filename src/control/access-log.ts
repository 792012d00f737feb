import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import type { Exchange } from '../proxy/exchange.js';
import type { GatewayObserver } from '../proxy/gateway.js';

/** A line stays below 4096 bytes, so that workers which share a pipe write it in one piece. */
const PATH_CHARS_MAX = 1024;
const HOST_CHARS_MAX = 255;

/**
 * One line a request. The query is left out: tokens travel in it. The fields are documented in docs/configuration.md and public.
 */
export function accessLog(logger: Logger, clock: Clock): GatewayObserver {
  return {
    finished(exchange: Exchange): void {
      const { head, decision, route } = exchange;
      const now = clock.monotonic();
      logger.info({
        requestId: exchange.requestId,
        client: exchange.clientAddress,
        method: head.method,
        host: head.host.slice(0, HOST_CHARS_MAX),
        path: pathOf(head.target),
        status: exchange.status,
        route: route?.name,
        upstream: exchange.upstreamId,
        outcome: decision?.outcome,
        rule: decision?.rule === undefined ? undefined : route!.ruleName(decision.rule),
        why: decision?.why,
        fault: exchange.fault,
        tries: exchange.tries,
        requestBytes: exchange.requestBytes,
        answeredBytes: exchange.answeredBytes,
        answerMs: exchange.answeredAt === 0 ? undefined : round(exchange.answeredAt - exchange.startedAt),
        totalMs: round(now - exchange.startedAt),
      });
    },
    refused({ address, status, code }): void {
      logger.info({ client: address, status, refused: code });
    },
  };
}

/** For `accessLog: false`. */
export const noAccessLog: GatewayObserver = { finished() {}, refused() {} };

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return target.slice(0, Math.min(mark === -1 ? target.length : mark, PATH_CHARS_MAX));
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
