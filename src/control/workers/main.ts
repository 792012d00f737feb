import cluster from 'node:cluster';
import type { Order } from './protocol.js';

const SUPERVISOR_CHECK_MS = 100;

// Signals are the supervisor's affair; a terminal and systemd send them to every process of the group. Before
// anything else is loaded, since SIGUSR1 would open Node's debugger.
const signals = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
for (const signal of signals) process.on(signal, () => {});
// Without a supervisor nobody would probe, reload or stop this process. The supervisor ends the channel
// itself when the worker is to close: from then on only the parent's number tells that it has gone.
let isClosing = false;
const supervisor = process.ppid;
process.on('disconnect', () => {
  if (!isClosing) process.exit(1);
  clock.systemClock.every(SUPERVISOR_CHECK_MS, () => process.ppid !== supervisor && process.exit(1));
});
// A supervisor that goes while the channel is being closed.
cluster.worker?.on('error', () => {});

const clock = await import('../../base/clock.js');
const { openOutputs } = await import('../log-destination.js');
const { runWorker } = await import('./worker.js');

const outputs = openOutputs(true, process.pid);

runWorker({
  pid: process.pid,
  send: (report) =>
    new Promise((done) => {
      if (process.send === undefined || !process.connected) done();
      else process.send(report, undefined, {}, () => done());
    }),
  onOrder: (take) =>
    process.on('message', (order: Order) => {
      isClosing ||= order.kind === 'close';
      take(order);
    }),
  disconnect: () => process.connected && process.disconnect(),
  log: outputs.log,
  finishLog: () => outputs.finish(),
  exit: (code) => process.exit(code),
});
