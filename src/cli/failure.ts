import { CommanderError } from 'commander';
import { StickyError } from '../base/errors.js';
import { ConfigError, problemLine } from '../control/config/problem.js';
import { EXIT, type TextSink } from './surroundings.js';

const LISTS =
  'stickyroute --help lists the commands, and stickyroute COMMAND --help what each of them takes.';
/** What to do about commander's own complaints, which don't say it. */
const HINTS: Readonly<Record<string, string>> = {
  'commander.unknownCommand': LISTS,
  'commander.unknownOption': LISTS,
  'commander.missingArgument': LISTS,
  'commander.excessArguments': `A configuration is named by -c FILE. ${LISTS}`,
};

/**
 * Tells a person what went wrong, and returns the exit code for it. A stack is printed only for faults of our
 * own.
 */
export function reportFailure(error: unknown, stderr: TextSink): number {
  if (error instanceof CommanderError) {
    const hint = HINTS[error.code];
    if (hint !== undefined && !error.message.includes('Did you mean')) stderr.write(`${hint}\n`);
    return error.exitCode === 0 ? EXIT.ok : EXIT.misused;
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) stderr.write(`${problemLine(problem, error.source)}\n`);
    if (error.untold > 0) stderr.write(`and ${error.untold} more problems\n`);
    stderr.write(`${problemCount(error)}\n`);
    return EXIT.misused;
  }
  if (error instanceof StickyError) {
    stderr.write(`stickyroute: ${error.message}\n`);
    return error.code === 'STICKY_CONFIG_UNREADABLE' || error.code === 'STICKY_CONFIG_INVALID'
      ? EXIT.misused
      : EXIT.failed;
  }
  stderr.write(
    `stickyroute: unexpected error; this is a fault in stickyroute, please report it.\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return EXIT.failed;
}

/** `stickyroute.yaml: 3 problems` */
export function problemCount(error: ConfigError): string {
  const count = error.problems.length + error.untold;
  return `${error.source === undefined ? '' : `${error.source}: `}${count} problem${count === 1 ? '' : 's'}`;
}
