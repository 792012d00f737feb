import { pino, type DestinationStream } from 'pino';
import { atTurnEnd, systemClock } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';
import { systemRandom } from '../../base/random.js';
import { nodeEngine } from '../../proxy/node-engine.js';
import { assemble, type Assembly } from '../assembly.js';
import { Serving } from '../serving.js';
import type { Setup } from '../setup.js';
import type { Order, WorkerReport } from './protocol.js';
import { SupervisedPools } from './supervised-pools.js';

/** How often a worker says that its event loop turns. */
export const ALIVE_MS = 1000;

/** All that a worker touches of its process. */
export interface WorkerSurroundings {
  readonly pid: number;
  /** Resolves when the supervisor's end of the channel has it, or is gone. */
  send(report: WorkerReport): Promise<void>;
  onOrder(take: (order: Order) => void): void;
  /** Ends the channel to the supervisor. */
  disconnect(): void;
  readonly log: DestinationStream;
  finishLog(): Promise<void>;
  exit(code: number): void;
}

/** Serves as a worker: asks for its setup, and does as it is told until told to close. */
export function runWorker({
  pid,
  send,
  onOrder,
  disconnect,
  log,
  finishLog,
  exit,
}: WorkerSurroundings): void {
  let pools: SupervisedPools;
  let assembly: Assembly;
  let serving: Serving;
  let listening: Promise<unknown>;
  const leave = (code: number): Promise<void> => finishLog().then(() => exit(code));
  let isPortShared: boolean | undefined;
  let descriptor: number | undefined;

  const assembled = ({ config, members }: Setup, previous?: Assembly): Assembly =>
    assemble(config, {
      previous,
      members: ({ name }) => members.get(name)!,
      createPool: (name, options) => pools.create(name, options),
    });

  const start = async (setup: Setup, number: number): Promise<void> => {
    try {
      // Up to its first wait this runs in one go, so the pools are there when the next order comes.
      assembly = assembled(setup);
      const logger = pino({ base: { worker: pid } }, log);
      const ground = {
        engine: nodeEngine,
        clock: systemClock,
        random: systemRandom,
        logger,
        processName: `worker-${number}`,
      };
      serving = new Serving(assembly, ground);
      pools.follow(assembly);
      listening = serving.listen(descriptor);
      await listening;
      await send({ kind: 'listening', address: serving.address, port: serving.port });
    } catch (error) {
      if (!(error instanceof StickyError)) throw error;
      await send({ kind: 'failed', code: error.code, message: error.message });
      await leave(1);
    }
  };

  const reload = (setup: Setup): void => {
    const next = assembled(setup, assembly);
    next.commit();
    serving.apply(next);
    pools.follow(next);
    assembly = next;
  };

  /** A worker that stood still may find two words of it; both have been read when the turn ends. */
  const close = (isShared: boolean): void => {
    const isFirst = isPortShared === undefined;
    isPortShared = isShared;
    if (!isFirst) return;
    const onLeft = (): void => void send({ kind: 'left' });
    atTurnEnd(() => {
      // The last one takes what the system has connected, and closes the port in the same instant. A message
      // to the supervisor, which `node:cluster` would send just before, lets other processes run in between.
      if (!isPortShared && descriptor === undefined) disconnect();
      void serving.close({ isShared: isPortShared!, onLeft }).then(() => leave(0));
    });
  };

  const obey = (order: Order): void | Promise<void> => {
    switch (order.kind) {
      case 'start':
        ({ descriptor } = order);
        pools = new SupervisedPools(order.news, (report) => void send(report));
        systemClock.every(ALIVE_MS, () => void send({ kind: 'alive' }));
        return start(order.setup, order.number);
      case 'reload':
        return listening.then(() => reload(order.setup)).then(() => send({ kind: 'reloaded' }));
      case 'pool':
        return pools.apply(order);
      case 'permit':
        return pools.setPermit(true);
      case 'returnPermit':
        return pools.setPermit(false);
      case 'measure':
        return listening.then(() => send({ kind: 'measures', measures: serving.measures(order.withUsers) }));
      case 'reopenLog':
        return listening.then(() => serving.reopenLog());
      case 'announceClose':
        return listening.then(() => serving.announceClose());
      case 'close':
        return listening.then(() => close(order.isShared));
    }
  };

  // A promise that rejects here ends the process with its stack, and the supervisor starts another.
  onOrder((order) => void obey(order));
  void send({ kind: 'hello' });
}
