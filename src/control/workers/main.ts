import { openLog } from '../log-destination.js';
import { runWorker } from './worker.js';

// Signals are the supervisor's affair; a terminal and systemd send them to every process of the group.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without a supervisor nobody would probe, reload or stop this process.
process.on('disconnect', () => process.exit(1));

const log = openLog(true);

runWorker({
  pid: process.pid,
  send: (report) =>
    new Promise((done) => {
      if (process.send === undefined || !process.connected) done();
      else process.send(report, undefined, {}, () => done());
    }),
  onOrder: (take) => process.on('message', take),
  log,
  finishLog: () => log.finish(),
  exit: (code) => process.exit(code),
});
