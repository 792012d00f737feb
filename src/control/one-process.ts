import { pino, type Logger } from 'pino';
import { systemClock, type Clock } from '../base/clock.js';
import { systemRandom, type Random } from '../base/random.js';
import { nodeEngine } from '../proxy/node-engine.js';
import type { Engine } from '../proxy/wire.js';
import type { Kinds } from '../route/kinds.js';
import { openAdmin } from './admin/admin-server.js';
import type { Config } from './config/config.js';
import { CloseDelay } from './close-delay.js';
import { ControlPlane, type ConfigFile } from './control-plane.js';
import { openMonitor, type MonitorListener } from './monitor/monitor-listener.js';
import type { InheritedPort } from './inherited-port.js';
import type { Operations } from './operations.js';
import { Serving } from './serving.js';

export interface GatewayOptions {
  /** Where the access log and what happens to upstreams is written. Default: nowhere. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  /** What the configuration was read with. Default: `standardKinds`. */
  readonly kinds?: Kinds | undefined;
  /** What `operations.reload()` reads. Default: nothing, and a reload takes a configuration. */
  readonly file?: ConfigFile | undefined;
  readonly inherited?: InheritedPort | undefined;
}

/** A gateway that listens. */
export interface RunningGateway {
  /** `http://127.0.0.1:8080`, as one may type it. */
  readonly address: string;
  readonly port: number;
  /** Where `/metrics` is served; undefined without `monitor`. */
  readonly monitorPort: number | undefined;
  /** Where the admin API listens: `http://127.0.0.1:9900`, `unix:/run/stickyroute.sock`. */
  readonly adminAddress: string | undefined;
  /** All that can be asked of it while it runs. */
  readonly operations: Operations;
  /** `shutdownDelay` of the configuration that is in use. */
  readonly shutdownDelayMs: number;
  /**
   * Says that the gateway goes: `/ready` answers 503, answers say `Connection: close`, and it serves as
   * before. Resolves after `shutdownDelay`, or when `close` is called.
   */
  announceClose(): Promise<void>;
  /**
   * Accepts no more, finishes what runs within `shutdownGrace`, then resolves. `isSucceeded`: another process
   * serves at the same socket already.
   */
  close(isSucceeded?: boolean): Promise<void>;
}

/** A gateway in this process. `engine`: where its sockets come from, in tests. */
export async function openGateway(
  config: Config,
  options: GatewayOptions = {},
  engine: Engine = nodeEngine,
): Promise<RunningGateway> {
  const { logger = pino({ enabled: false }), clock = systemClock, random = systemRandom } = options;
  const { kinds, file, inherited } = options;
  const plane = new ControlPlane(config, { logger, clock, random, kinds, file });
  const serving = new Serving(plane.assembly, {
    engine,
    clock,
    random,
    logger,
    processName: 'gateway',
  });
  const delay = new CloseDelay(clock);
  let isListening = false;
  let monitor: MonitorListener | undefined;
  plane.begin({
    swap: (_setup, assembly) => serving.apply(assembly),
    reopenLogs: () => serving.reopenLog(),
    measures: async (withUsers) => serving.measures(withUsers),
    state: () => ({ isListening, isGoing: delay.hasBegun, silent: [] }),
  });
  const admin = await openAdmin({
    plane,
    logger,
    clock,
    file: file?.name,
    address: () => (isListening ? serving.address : ''),
    isSuccession: inherited?.isSuccession,
    workers: () => ({ wanted: 1, listening: isListening ? 1 : 0 }),
  }).catch(async (error: unknown) => {
    plane.stop();
    throw error;
  });
  try {
    if (config.monitor !== undefined)
      monitor = await openMonitor(config.monitor.listen, plane.operations, logger, inherited?.isSuccession);
    await plane.ready();
    await serving.listen(inherited?.descriptor);
    isListening = true;
  } catch (error) {
    await admin?.close();
    plane.stop();
    await monitor?.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  const end = async (isSucceeded: boolean): Promise<void> => {
    delay.end();
    // Their ports are the successor's now.
    if (isSucceeded) await Promise.all([monitor?.close(), admin?.close()]);
    await serving.close({ isShared: isSucceeded });
    plane.stop();
    if (isSucceeded) return;
    await monitor?.close();
    // The last to go, so that operators see how a long end goes on.
    await admin?.close();
  };
  return {
    address: serving.address,
    port: serving.port,
    monitorPort: monitor?.port,
    adminAddress: admin?.address,
    operations: plane.operations,
    get shutdownDelayMs() {
      return plane.setup.config.shutdownDelayMs;
    },
    announceClose() {
      const { shutdownDelayMs } = plane.setup.config;
      if (shutdownDelayMs > 0 && !delay.hasBegun) serving.announceClose();
      return delay.begin(shutdownDelayMs);
    },
    close(isSucceeded = false) {
      return (closed ??= end(isSucceeded));
    },
  };
}
