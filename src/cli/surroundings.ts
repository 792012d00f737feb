import type { DestinationStream } from 'pino';
import type { Terminal } from './terminal.js';

/** All that a command touches of the process it runs in; tests bring their own. */
export interface Surroundings {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signals: SignalSource;
  /** Where `up` writes its log. `isShared`: its workers write there too. */
  openLog(isShared: boolean): DestinationStream;
  /** Asks whoever sits at the terminal; absent where there is none. */
  openTerminal?(): Terminal;
  /** Ends the process at once, with requests in progress. */
  exit(code: number): void;
}

export interface TextSink {
  write(text: string): unknown;
}

export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
}

/**
 * Done; failed while running; the configuration or the command line was wrong; done, but with `--strict` too
 * little of it.
 */
export const EXIT = { ok: 0, failed: 1, misused: 2, incomplete: 3 } as const;
