import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';
import { durationText } from '../config/values.js';
import type { Setup } from '../setup.js';
import type { Order, PoolNews, WorkerReport } from './protocol.js';
import type { PermitTaker } from './trial-permit.js';

/** A worker that can't live is tried again after this long, then twice as long … */
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 10_000;
/** One that has lived so long is healthy, and what ends it then is news. */
const HEALTHY_MS = 10_000;
/** A worker that is not gone so long after its grace is stuck. */
const STUCK_MS = 5000;
/** A worker speaks every second. */
const SILENT_MS = 5000;

/** Whom a slot works for. */
export interface SlotOwner {
  /** Of the port in a worker, if this process was started with it. */
  readonly workersDescriptor: number | undefined;
  setup(): Setup;
  /** Whoever starts now has to know that the gateway goes. */
  readonly isGoing: boolean;
  joined(slot: WorkerSlot): readonly PoolNews[];
  listens(slot: WorkerSlot): void;
  left(slot: WorkerSlot, pid: number, why: string): void;
  hear(slot: WorkerSlot, report: WorkerReport): void;
}

type Listening = Extract<WorkerReport, { kind: 'listening' }>;
type Answer = Extract<WorkerReport, { kind: 'reloaded' | 'measures' | 'left' }>;

/** One worker's place: whoever dies there is replaced. */
export class WorkerSlot implements PermitTaker {
  /** From 1 on. */
  readonly number: number;
  readonly #owner: SlotOwner;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #worker: Worker | undefined;
  /** It has been told what to run, and hears of everything since. */
  #isTold = false;
  isListening = false;
  #bornAtMs = 0;
  #heardAtMs = 0;
  #restartMs = RESTART_MS_MIN;
  #restart: Timer | undefined;
  /** Why it says that it could not start. */
  #failure: StickyError | undefined;
  #opening: { resolve(listening: Listening): void; reject(error: Error): void } | undefined;
  /** Who waits for an answer; undefined: it has died. */
  #asking: { readonly kind: Answer['kind']; readonly resolve: (answer: Answer | undefined) => void }[] = [];
  #closed: (() => void) | undefined;
  #isLeaving = false;
  #hasLeft = false;
  /** The worker ends its channel, and answers no more. */
  #isCut = false;

  constructor(number: number, owner: SlotOwner, clock: Clock, logger: Logger) {
    this.number = number;
    this.#owner = owner;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Of the worker that is there; 0 while there is none. */
  get pid(): number {
    return this.#worker?.process.pid ?? 0;
  }

  /** Starts the first worker. Rejects when it can't serve; from then on whoever dies is replaced. */
  open(): Promise<Listening> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#fork();
    });
  }

  /** It serves, and has said nothing for so long that its event loop must be stuck. */
  get isSilent(): boolean {
    return this.isListening && this.#clock.monotonic() - this.#heardAtMs > SILENT_MS;
  }

  send(order: Order): void {
    // A channel that breaks under the message belongs to a worker whose end is reported in a moment.
    if (this.#isTold) this.#worker?.send(order, () => {});
  }

  /** Undefined: there is no worker now, or it died meanwhile. */
  ask<K extends Answer['kind']>(order: Order, kind: K): Promise<Extract<Answer, { kind: K }> | undefined> {
    if (!this.#isTold || this.#isCut) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#asking.push({
        kind,
        resolve: (answer) => resolve(answer as Extract<Answer, { kind: K }> | undefined),
      });
      this.send(order);
    });
  }

  /** Tells the worker to leave the port to the others, and waits until it has. Nobody will come after it. */
  async leavePort(): Promise<void> {
    this.#isLeaving = true;
    this.#restart?.stop();
    await this.ask({ kind: 'close', isShared: true }, 'left');
    this.#hasLeft = true;
  }

  /**
   * Ends the primary's hold on the port. The primary takes no connection from it, so what the system connects
   * after the last worker has closed would be reset: only then is a worker told to close.
   */
  letGo(): void {
    // A port that was handed over is none of `node:cluster`.
    if (!this.#isTold || this.#hasLeft || this.#owner.workersDescriptor !== undefined) return;
    this.#worker?.disconnect();
    this.#isCut = true;
  }

  /** Resolves when the worker is gone. */
  close(graceMs: number): Promise<void> {
    this.#isLeaving = true;
    this.#restart?.stop();
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve();
    if (!this.#isTold) worker.process.kill('SIGKILL');
    else if (!this.#hasLeft) this.send({ kind: 'close', isShared: false });
    const stuck = this.#clock.after(graceMs + STUCK_MS, () => worker.process.kill('SIGKILL'));
    return new Promise((resolve) => {
      this.#closed = () => {
        stuck.stop();
        resolve();
      };
    });
  }

  #fork(): void {
    const worker = cluster.fork();
    this.#worker = worker;
    this.#bornAtMs = this.#clock.monotonic();
    this.#heardAtMs = this.#bornAtMs;
    worker.on('message', (report: WorkerReport) => this.#hear(report));
    // `close`, not `exit`: all that it said has been heard then.
    worker.process.on('close', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
    worker.on('error', (error) => {
      // Without a process there is no exit to wait for.
      if (worker.process.pid === undefined) this.#ended(error.message);
    });
  }

  #hear(report: WorkerReport): void {
    this.#heardAtMs = this.#clock.monotonic();
    switch (report.kind) {
      case 'hello':
        this.#isTold = true;
        this.send({
          kind: 'start',
          setup: this.#owner.setup(),
          news: this.#owner.joined(this),
          descriptor: this.#owner.workersDescriptor,
          number: this.number,
        });
        if (this.#owner.isGoing) this.send({ kind: 'announceClose' });
        break;
      case 'alive':
        break;
      case 'listening':
        this.isListening = true;
        this.#opening?.resolve(report);
        this.#opening = undefined;
        this.#logger.info(
          { worker: this.#worker?.process.pid },
          `worker ${this.#worker?.process.pid} listens`,
        );
        this.#owner.listens(this);
        break;
      case 'failed':
        this.#failure = new StickyError(report.code, report.message);
        break;
      case 'reloaded':
      case 'measures':
      case 'left': {
        const at = this.#asking.findIndex(({ kind }) => kind === report.kind);
        // The one that closes the port is not asked whether it has left.
        if (at >= 0) this.#asking.splice(at, 1)[0]!.resolve(report);
        break;
      }
      default:
        this.#owner.hear(this, report);
    }
  }

  #ended(how: string): void {
    const pid = this.#worker?.process.pid;
    const failure = this.#failure;
    this.#worker = undefined;
    this.#isTold = false;
    this.isListening = false;
    this.#failure = undefined;
    this.#owner.left(this, pid ?? 0, failure?.message ?? how);
    for (const { resolve } of this.#asking.splice(0)) resolve(undefined);
    if (this.#isLeaving) {
      this.#closed?.();
      return;
    }
    if (this.#opening !== undefined) {
      this.#opening.reject(
        failure ??
          new StickyError(
            'STICKY_WORKER_FAILED',
            `A worker process ended before it could serve (${how}). What it printed says why.`,
          ),
      );
      return;
    }
    if (this.#clock.monotonic() - this.#bornAtMs >= HEALTHY_MS) this.#restartMs = RESTART_MS_MIN;
    const restartMs = this.#restartMs;
    this.#restartMs = Math.min(restartMs * 2, RESTART_MS_MAX);
    const why = failure?.message ?? how;
    this.#logger.error(
      { worker: pid, why, restartMs },
      `worker ${pid} ended (${why}); another starts in ${durationText(restartMs)}`,
    );
    this.#restart = this.#clock.after(restartMs, () => this.#fork());
  }
}
