import cluster from 'node:cluster';
import { closeSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { stayAlive, systemClock, type Clock, type Timer } from '../../base/clock.js';
import { systemRandom } from '../../base/random.js';
import type { PoolEvent } from '../../route/pool/pool-event.js';
import { CloseDelay } from '../close-delay.js';
import { openAdmin, type AdminServer } from '../admin/admin-server.js';
import type { Config, Listen } from '../config/config.js';
import { ControlPlane, type DataPlane } from '../control-plane.js';
import { addMeasures, NO_MEASURES, remains, type Measures } from '../metrics/measures.js';
import { OwnProcess } from '../metrics/own-process.js';
import { openMonitor, type MonitorListener } from '../monitor/monitor-listener.js';
import type { InheritedPort } from '../inherited-port.js';
import type { GatewayOptions, RunningGateway } from '../one-process.js';
import type { Operations } from '../operations.js';
import type { DataPlaneState } from '../readiness.js';
import type { Setup } from '../setup.js';
import { FleetPools } from './fleet-pools.js';
import type { PoolNews, WorkerReport } from './protocol.js';
import { WorkerSlot, type SlotOwner } from './worker-slot.js';

/** What a worker has counted since the supervisor asked last is lost when the worker dies. */
const ASK_MS = 10_000;
/** Prometheus waits ten seconds for all of it. */
const ANSWER_MS = 2000;
/** Where workers find a port that the supervisor was started with: 3 is their channel. */
const HANDED_AT = 4;
/** A worker that has not left the port after this long stands still. */
const LEAVE_MS = 1000;

export interface SupervisorOptions extends GatewayOptions {
  readonly logger: Logger;
}

/**
 * Serves a configuration with worker processes that share the port. This process holds no client traffic: it
 * knows how the upstreams are, tells the workers, and replaces the ones that die. It takes the process's
 * `node:cluster` for itself.
 *
 * Rejects as `startGateway` does, and with STICKY_WORKER_FAILED when a worker ends for a reason that it
 * doesn't tell.
 */
export async function startSupervisor(
  config: Config,
  workers: number,
  options: SupervisorOptions,
): Promise<RunningGateway> {
  const isChosen = config.listen.port === 0 && options.inherited === undefined;
  const listen = isChosen ? await chosenPort(config.listen) : config.listen;
  const supervisor = new Supervisor({ ...config, listen }, workers, options);
  await supervisor.open();
  return supervisor;
}

class Supervisor implements RunningGateway, SlotOwner, DataPlane {
  readonly #clock: Clock;
  readonly #plane: ControlPlane;
  readonly #pools: FleetPools;
  readonly #slots: readonly WorkerSlot[];
  readonly #hold: Timer;
  readonly #delay: CloseDelay;
  readonly #logger: Logger;
  readonly #inherited: InheritedPort | undefined;
  readonly workersDescriptor: number | undefined;
  #monitor: MonitorListener | undefined;
  /** What each worker last said, and those that are gone. */
  readonly #measures = new Map<WorkerSlot, Measures>();
  #gone = NO_MEASURES;
  readonly #process: OwnProcess;
  readonly #asking: Timer;
  #closing: Promise<void> | undefined;
  readonly #options: SupervisorOptions;
  #admin: AdminServer | undefined;
  address = '';
  port = 0;

  constructor(config: Config, workers: number, options: SupervisorOptions) {
    const { logger, file, clock = systemClock, random = systemRandom } = options;
    this.#options = options;
    const onEvent = (pool: string, event: PoolEvent): void => this.#pools.changed(pool, event);
    this.#plane = new ControlPlane(config, { logger, clock, random, file, onEvent });
    this.#pools = new FleetPools(clock, this.#plane.pools);
    this.#plane.begin(this);
    this.#slots = Array.from(
      { length: workers },
      (_, index) => new WorkerSlot(index + 1, this, clock, logger),
    );
    this.#clock = clock;
    this.#logger = logger;
    this.#inherited = options.inherited;
    this.workersDescriptor = options.inherited && HANDED_AT;
    this.#process = new OwnProcess('supervisor', clock);
    this.#asking = clock.every(ASK_MS, () => void this.#ask(false));
    this.#delay = new CloseDelay(clock);
    this.#hold = stayAlive();
  }

  get monitorPort(): number | undefined {
    return this.#monitor?.port;
  }

  get adminAddress(): string | undefined {
    return this.#admin?.address;
  }

  get operations(): Operations {
    return this.#plane.operations;
  }

  async open(): Promise<void> {
    // Workers accept for themselves from one shared socket: no connection is handed from process to process.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./main.js', import.meta.url)),
      args: [],
      serialization: 'advanced',
      // Every worker has the port as a descriptor of its own; this process takes no connection from it.
      ...(this.#inherited && { stdio: ['inherit', 'inherit', 'inherit', 'ipc', this.#inherited.descriptor] }),
    });
    const { logger, file, clock = systemClock } = this.#options;
    try {
      const { monitor } = this.setup().config;
      if (monitor !== undefined)
        this.#monitor = await openMonitor(
          monitor.listen,
          this.operations,
          this.#logger,
          this.#inherited?.isSuccession,
        );
      await this.#plane.ready();
      this.#admin = await openAdmin({
        plane: this.#plane,
        logger,
        clock,
        file: file?.name,
        address: () => this.address,
        isSuccession: this.#inherited?.isSuccession,
        workers: () => ({
          wanted: this.#slots.length,
          listening: this.#slots.filter(({ isListening }) => isListening).length,
        }),
      });
      // The first alone: what keeps it from listening would keep all, and is told once.
      const [first, ...others] = this.#slots;
      const { address, port } = await first!.open();
      this.address = address;
      this.port = port;
      await Promise.all(others.map((slot) => slot.open()));
    } catch (error) {
      await this.#end(0);
      throw error;
    }
  }

  get shutdownDelayMs(): number {
    return this.setup().config.shutdownDelayMs;
  }

  announceClose(): Promise<void> {
    const { shutdownDelayMs, isGoing } = this;
    const over = this.#delay.begin(shutdownDelayMs);
    if (shutdownDelayMs > 0 && !isGoing) for (const slot of this.#slots) slot.send({ kind: 'announceClose' });
    return over;
  }

  close(isSucceeded = false): Promise<void> {
    this.#delay.end();
    return (this.#closing ??= this.#end(this.setup().config.shutdownGraceMs, isSucceeded));
  }

  // ---- Under the control plane ----

  /** One worker after the other. One that dies meanwhile is replaced by one with the new setup. */
  async swap(setup: Setup): Promise<void> {
    for (const slot of this.#slots) await slot.ask({ kind: 'reload', setup }, 'reloaded');
  }

  async measures(withUsers: boolean): Promise<Measures> {
    const told = await this.#ask(withUsers);
    const own = { ...NO_MEASURES, processes: [this.#process.read()] };
    // One that answered and then died is among those that are gone.
    const ofWorkers = [...this.#measures].map(([slot, last]) => told.get(slot) ?? last);
    return addMeasures([own, this.#gone, ...ofWorkers]);
  }

  reopenLogs(): void {
    for (const slot of this.#slots) slot.send({ kind: 'reopenLog' });
  }

  state(): DataPlaneState {
    return {
      isListening: this.#slots.some(({ isListening }) => isListening),
      isGoing: this.#delay.hasBegun,
      silent: this.#slots.filter(({ isSilent }) => isSilent).map(({ number }) => `worker ${number}`),
    };
  }

  // ---- The slots' owner ----

  setup(): Setup {
    return this.#plane.setup;
  }

  get isGoing(): boolean {
    return this.#delay.hasBegun;
  }

  joined(slot: WorkerSlot): readonly PoolNews[] {
    return this.#pools.join(slot);
  }

  listens(slot: WorkerSlot): void {
    this.#plane.events.add({ kind: 'worker', worker: slot.pid, is: 'listening' });
    this.#pools.takePermits(slot);
  }

  left(slot: WorkerSlot, pid: number, why: string): void {
    this.#plane.events.add({ kind: 'worker', worker: pid, is: 'ended', why });
    this.#pools.leave(slot);
    const last = this.#measures.get(slot);
    this.#measures.delete(slot);
    if (last !== undefined) this.#gone = addMeasures([this.#gone, remains(last)]);
  }

  hear(slot: WorkerSlot, report: WorkerReport): void {
    if (report.kind === 'permitReturned') this.#pools.permitReturned(slot);
    else if ('id' in report) this.#pools.hear(slot, report);
  }

  /** A worker that is stuck must not hold up the others: what it said last counts. */
  async #ask(withUsers: boolean): Promise<ReadonlyMap<WorkerSlot, Measures>> {
    const told = new Map<WorkerSlot, Measures>();
    const all = Promise.all(
      this.#slots
        .filter(({ isSilent }) => !isSilent)
        .map(async (slot) => {
          const answer = await slot.ask({ kind: 'measure', withUsers }, 'measures');
          if (answer === undefined) return;
          this.#measures.set(slot, answer.measures);
          told.set(slot, answer.measures);
        }),
    );
    await new Promise<void>((done) => {
      const late = this.#clock.after(ANSWER_MS, done);
      void all.then(() => {
        late.stop();
        done();
      });
    });
    return told;
  }

  async #end(graceMs: number, isSucceeded = false): Promise<void> {
    // Their ports are the successor's now.
    if (isSucceeded) await Promise.all([this.#monitor?.close(), this.#admin?.close()]);
    // One worker closes the port, after the others have left it. While several look for the last connections,
    // clients of the first that is done come back, just as the last one closes.
    const last = isSucceeded ? undefined : this.#slots.find(({ isListening }) => isListening);
    if (last !== undefined || isSucceeded) {
      const others = this.#slots.filter((slot) => slot !== last);
      const patience = new Promise<void>((done) => this.#clock.after(LEAVE_MS, done));
      await Promise.race([Promise.all(others.map((slot) => slot.leavePort())), patience]);
    }
    for (const slot of this.#slots) slot.letGo();
    if (this.#inherited !== undefined) closeSync(this.#inherited.descriptor);
    await Promise.all(this.#slots.map((slot) => slot.close(graceMs)));
    if (!isSucceeded) await this.#monitor?.close();
    this.#pools.stop();
    this.#plane.stop();
    if (!isSucceeded) await this.#admin?.close();
    this.#hold.stop();
    this.#asking.stop();
    this.#process.stop();
  }
}

/** A free port, chosen once, so that workers which are replaced find the same. */
function chosenPort({ host }: Listen): Promise<Listen> {
  return new Promise((resolve) => {
    const server = createServer();
    // Whatever is wrong with the address, the first worker will say.
    server.on('error', () => resolve({ host, port: 0 }));
    server.listen({ host, port: 0 }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve({ host, port }));
    });
  });
}
