import { PROMETHEUS_TYPE, prometheusPieces } from '../metrics/prometheus-text.js';
import type { Operations } from '../operations.js';

/** What whoever watches a gateway may ask of it. */
export type Monitored = Pick<Operations, 'metrics' | 'readiness'>;

export interface MonitorAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Each piece is made when it is asked for: do something else in between. */
  readonly body: Iterable<string>;
}

/** Whoever has these paths serves `GET` and `HEAD`, and nothing else. */
export const MONITOR_PATHS = ['/metrics', '/live', '/ready'] as const;

const TEXT = 'text/plain; charset=utf-8';

/** The answer of a path without its query; undefined for any other than `MONITOR_PATHS`. */
export async function monitorAnswer(path: string, gateway: Monitored): Promise<MonitorAnswer | undefined> {
  switch (path) {
    case '/metrics':
      return {
        status: 200,
        contentType: PROMETHEUS_TYPE,
        body: prometheusPieces(await gateway.metrics()),
      };
    case '/live': {
      const { isLive, reasons } = await gateway.readiness();
      return stateAnswer('live', isLive, isLive ? [] : reasons);
    }
    case '/ready': {
      const { isReady, reasons } = await gateway.readiness();
      return stateAnswer('ready', isReady, isReady ? [] : reasons);
    }
    default:
      return undefined;
  }
}

function stateAnswer(word: string, isSo: boolean, reasons: readonly string[]): MonitorAnswer {
  const lines = isSo ? [word] : [`not ${word}`, ...reasons.slice(0, REASONS_MAX)];
  return { status: isSo ? 200 : 503, contentType: TEXT, body: [`${lines.join('\n')}\n`] };
}

const REASONS_MAX = 20;
