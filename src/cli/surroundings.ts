import type { Timer } from '../base/clock.js';
import type { Outputs } from '../control/log-destination.js';
import type { InheritedPort } from '../control/inherited-port.js';
import type { Notices } from './notices.js';
import type { Successor } from './successor.js';
import type { Terminal } from './terminal.js';

/** All that a command touches of the process it runs in; tests bring their own. */
export interface Surroundings {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** How wide the terminal is that standard output goes to; absent where it goes elsewhere. */
  columns?(): number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signals: SignalSource;
  /** Where `up` writes from when it serves. `isShared`: its workers write there too. */
  openOutputs(isShared: boolean): Outputs;
  /** Whether the terminal that this process was started at has gone. */
  isTerminalGone?(): boolean;
  /** Calls `then` when this process was started by npm, and npm or the shell between them has ended. */
  onOrphaned?(then: () => void): Timer;
  /** Asks whoever sits at the terminal; absent where there is none. */
  openTerminal?(): Terminal;
  /** The port that this process was started with, by systemd or by the process that it succeeds. */
  inheritPort?(): InheritedPort | undefined;
  openNotices?(): Notices;
  /** Starts a process that takes over the port. Absent where none can: at a terminal, for one. */
  readonly startSuccessor?: ((port: number) => Successor) | undefined;
  /** Ends the process at once, with requests in progress. */
  exit(code: number): void;
}

export interface TextSink {
  write(text: string): unknown;
}

export type Signal = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGWINCH' | 'SIGUSR2';

export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/**
 * Done; failed while running; the configuration or the command line was wrong; done, but with `--strict` too
 * little of it.
 */
export const EXIT = { ok: 0, failed: 1, misused: 2, incomplete: 3 } as const;
