#!/usr/bin/env node
import { pino } from 'pino';
import { run } from './run.js';

// A reader that has gone (`| head`) is no reason to fall over, least of all for a gateway.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  signals: process,
  // Lines are gathered while a write is under way, so a slow log costs no request its time.
  openLog: () => pino.destination({ dest: 1, sync: false }),
  exit: (code) => process.exit(code),
});
