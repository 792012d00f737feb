import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

const STDIN = 0;

/**
 * Answers a question for later: has the terminal gone that this process was started at? Never, for one that
 * was started with nohup or setsid, by a service manager, or with other input than a terminal.
 */
export function ownTerminal(): () => boolean {
  const isAtTerminal = isatty(STDIN) && hasTerminal();
  return () => isAtTerminal && !hasTerminal();
}

/** After a hang-up a process has no controlling terminal any more, and this device can't be opened. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
