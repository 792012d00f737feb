#!/usr/bin/env node
import { openLog } from '../control/log-destination.js';
import { run } from './run.js';
import { openTerminal } from './terminal.js';

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
  openLog,
  ...(process.stdin.isTTY && process.stderr.isTTY && { openTerminal }),
  exit: (code) => process.exit(code),
});
