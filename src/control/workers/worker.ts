import { pino, type DestinationStream } from 'pino';
import { StickyError } from '../../base/errors.js';
import { startGateway, type RunningGateway } from '../gateway.js';
import type { Order, Report, Setup } from './protocol.js';
import { SupervisedPools } from './supervised-pools.js';

/** All that a worker touches of its process. */
export interface WorkerSurroundings {
  readonly pid: number;
  /** Resolves when the supervisor's end of the channel has it, or is gone. */
  send(report: Report): Promise<void>;
  onOrder(take: (order: Order) => void): void;
  readonly log: DestinationStream;
  finishLog(): Promise<void>;
  exit(code: number): void;
}

/** Serves as a worker: asks for its setup, and does as it is told until told to close. */
export function runWorker({ pid, send, onOrder, log, finishLog, exit }: WorkerSurroundings): void {
  let setup: Setup;
  let pools: SupervisedPools;
  let gateway: Promise<RunningGateway>;
  const leave = (code: number): Promise<void> => finishLog().then(() => exit(code));

  const start = async (): Promise<void> => {
    try {
      // Up to its first wait this runs in one go, so the pools are there when the next order comes.
      gateway = startGateway(setup.config, {
        logger: pino({ base: { worker: pid } }, log),
        keeper: pools,
        readCertificates: () => setup.certificates,
      });
      const { address, port } = await gateway;
      await send({ kind: 'listening', address, port });
    } catch (error) {
      if (!(error instanceof StickyError)) throw error;
      await send({ kind: 'failed', code: error.code, message: error.message });
      await leave(1);
    }
  };

  const obey = (order: Order): void | Promise<void> => {
    switch (order.kind) {
      case 'start':
        setup = order.setup;
        pools = new SupervisedPools(order.news, (report) => void send(report));
        return start();
      case 'reload':
        setup = order.setup;
        return gateway
          .then((running) => running.reload(order.setup.config))
          .then(() => send({ kind: 'reloaded' }));
      case 'pool':
        return pools.apply(order);
      case 'turn':
        return pools.setTurn(true);
      case 'endTurn':
        return pools.setTurn(false);
      case 'count':
        return gateway
          .then((running) => running.counters())
          .then((counters) => send({ kind: 'counters', counters }));
      case 'close':
        return gateway.then((running) => running.close()).then(() => leave(0));
    }
  };

  // A promise that rejects here ends the process with its stack, and the supervisor starts another.
  onOrder((order) => void obey(order));
  void send({ kind: 'hello' });
}
