import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll } from 'vitest';
import { findProgram } from './programs.js';
import { accepts } from './ports.js';
import { until, within } from './until.js';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  readonly cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

export interface RunningProcess {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  /**
   * The first match in what it has printed or will print, on either stream. Fails at once when it exits
   * without.
   */
  waitForLine(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Until something accepts connections at the port. Fails at once when the process exits before. */
  waitForPort(port: number, deadlineMs?: number): Promise<void>;
  waitForExit(deadlineMs?: number): Promise<Exit>;
  /** Sends a signal to this one process. */
  kill(signal?: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that does not end it by the deadline. */
  stop(deadlineMs?: number): Promise<Exit>;
}

const OUTPUT_CHARS_MAX = 1_000_000;

const running = new Set<ChildProcess>();

// Nothing is left behind: not after a failed test, not when this process is ended from outside.
afterAll(killAll);
process.on('exit', killAll);

// Where the system has it, the kernel itself ends the child when this process dies, even by SIGKILL.
const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;

/** Starts a program. It is killed at the end of the test file at the latest. */
export function start(
  command: string,
  args: readonly string[] = [],
  options: StartOptions = {},
): RunningProcess {
  const [file, rest] =
    setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
  });
  running.add(child);
  const title = [command, ...args].join(' ');
  let stdout = '';
  let stderr = '';
  let exit: Exit | undefined;
  child.stdout
    .setEncoding('utf8')
    .on('data', (text: string) => (stdout = (stdout + text).slice(-OUTPUT_CHARS_MAX)));
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (stderr = (stderr + text).slice(-OUTPUT_CHARS_MAX)));
  child.stdin.on('error', () => {}); // it may exit without reading
  child.stdin.end(options.input ?? '');
  const ended = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      stderr += `could not start ${title}: ${error.message}`;
      done({ code: 127, signal: null });
    });
    // `close`, not `exit`: all of its output has been read then.
    child.once('close', (code, signal) => done({ code, signal }));
    function done(how: Exit): void {
      running.delete(child);
      exit ??= how;
      resolve(exit);
    }
  });
  const story = (): string =>
    `${title}\n${exit === undefined ? 'still running' : `exited with ${exit.signal ?? exit.code}`}\n${stdout}${stderr}`;

  const self: RunningProcess = {
    pid: child.pid ?? -1,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    get exit() {
      return exit;
    },
    async waitForLine(pattern, deadlineMs = 10_000) {
      return await until(
        `a line ${pattern}`,
        () => {
          const match = pattern.exec(stdout) ?? pattern.exec(stderr);
          if (match === null && exit !== undefined) throw new Error(`No line ${pattern} from ${story()}`);
          return match ?? undefined;
        },
        deadlineMs,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${story()}`);
      });
    },
    async waitForPort(port, deadlineMs = 10_000) {
      await until(
        `port ${port} of ${title}`,
        async () => {
          if (exit !== undefined) throw new Error(`Nothing listens on port ${port}: ${story()}`);
          return await accepts(port);
        },
        deadlineMs,
      );
    },
    waitForExit: (deadlineMs = 10_000) => within(() => `the end of ${story()}`, ended, deadlineMs),
    kill(signal = 'SIGKILL') {
      child.kill(signal);
    },
    async stop(deadlineMs = 5000) {
      child.kill('SIGTERM');
      try {
        return await within(`the end of ${title}`, ended, deadlineMs);
      } catch {
        child.kill('SIGKILL');
        return await ended;
      }
    },
  };
  return self;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[] = [],
  options: StartOptions & { readonly deadlineMs?: number } = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const child = start(command, args, options);
  try {
    const exit = await child.waitForExit(options.deadlineMs ?? 30_000);
    return { ...exit, stdout: child.stdout, stderr: child.stderr };
  } finally {
    child.kill();
  }
}

/** True while a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
