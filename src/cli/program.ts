import { isatty } from 'node:tty';
import { systemClock } from '../base/clock.js';
import { openOutputs, type Outputs } from '../control/log-destination.js';
import { watchAncestors, type Ancestor } from './ancestors.js';
import { ownTerminal } from './own-terminal.js';
import { run } from './run.js';
import type { InheritedPort } from '../control/inherited-port.js';
import { inheritedPort } from './inherited-port.js';
import { openNotices } from './notices.js';
import { successorStart } from './successor.js';
import { EXIT } from './surroundings.js';
import { openTerminal } from './terminal.js';

/** The command line in this process. `ancestors`: who was between npm and it when it started. */
export async function main(ancestors: readonly Ancestor[]): Promise<void> {
  let outputs: Outputs | undefined;
  let hasLostOutput = false;

  // A reader that has gone (`| head`) is no reason to fall over. A full disk under what was asked for is one,
  // but not for a gateway, which serves on.
  process.stderr.on('error', () => {});
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE' || outputs !== undefined || hasLostOutput) return;
    hasLostOutput = true;
    process.stderr.write(
      `stickyroute: the output can't be written (${code}). What is there is not whole; write it elsewhere.\n`,
    );
    process.exitCode = EXIT.failed;
  });

  const isTerminalGone = ownTerminal();
  const { env, pid } = process;
  let inherited: InheritedPort | undefined;
  const warn = (text: string): void => void process.stderr.write(`stickyroute: ${text}\n`);
  const exitCode = await run(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    ...(process.stdout.isTTY && { columns: () => process.stdout.columns }),
    env: process.env,
    cwd: process.cwd(),
    signals: process,
    openOutputs: (isShared) => (outputs = openOutputs(isShared)),
    isTerminalGone,
    inheritPort: () => (inherited = inheritedPort(env, pid, warn)),
    openNotices: () => openNotices(env, pid, inherited?.isSuccession === true, warn),
    // A terminal sends SIGWINCH when its window changes.
    startSuccessor: [0, 1, 2].some(isatty) ? undefined : successorStart(pid, ancestors),
    onOrphaned: (then) => watchAncestors(ancestors, systemClock, then),
    ...(process.stdin.isTTY && process.stderr.isTTY && { openTerminal }),
    exit: (code) => process.exit(code),
  });
  // Said explicitly: bytes for a reader that stands still would keep the process.
  if (outputs !== undefined) process.exit(exitCode);
  process.exitCode = hasLostOutput ? EXIT.failed : exitCode;
}
