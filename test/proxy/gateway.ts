import { pino } from 'pino';
import { afterAll } from 'vitest';
import { readConfig, type GatewayOptions, type RunningGateway } from '../../src/control/index.js';
import { openGateway } from '../../src/control/one-process.js';
import type { Engine } from '../../src/proxy/wire.js';
import type { FakeUpstream } from '../support/upstream.js';

/** A line of the log, as JSON has it. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface TestGateway extends RunningGateway {
  /** Everything logged so far; requests have a `status`. */
  readonly log: readonly LogLine[];
}

const running = new Set<RunningGateway>();
afterAll(async () => {
  await Promise.all([...running].map((gateway) => gateway.close()));
});

/**
 * A gateway on a port that the system chooses, in front of these upstreams. It closes at the end of the test
 * file at the latest. Unless the settings say otherwise it takes turns (the first request goes to the first
 * upstream), never counts an upstream as down, and doesn't wait when it closes.
 */
export async function startTestGateway(
  upstreams: readonly FakeUpstream[] | Readonly<Record<string, string>>,
  settings: object = {},
  { engine, ...options }: GatewayOptions & { readonly engine?: Engine } = {},
): Promise<TestGateway> {
  const log: LogLine[] = [];
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  );
  const gateway = await openGateway(
    readConfig(settingsOf(upstreams, settings)),
    { logger, ...options },
    engine,
  );
  running.add(gateway);
  return Object.assign(gateway, { log });
}

/**
 * The whole configuration, for a reload. With `pools` and `routes` in the settings, these are all there is.
 */
export function settingsOf(
  upstreams: readonly FakeUpstream[] | Readonly<Record<string, string>>,
  settings: object = {},
): object {
  const named = Array.isArray(upstreams)
    ? Object.fromEntries((upstreams as readonly FakeUpstream[]).map(({ id, url }) => [id, url]))
    : upstreams;
  const shorthand =
    'pools' in settings
      ? {}
      : { upstreams: named, affinity: [], balance: 'roundRobin', passive: { maxFails: 0 } };
  return { listen: '127.0.0.1:0', http2: true, shutdownGrace: '0ms', ...shorthand, ...settings };
}
