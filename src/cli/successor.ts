import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemClock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Ancestor } from './ancestors.js';
import { SUCCESSION } from './inherited-port.js';

/** A successor that does not serve after this long is ended. */
const SERVES_MS = 60_000;
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const LISTENS = '0A';

/** A process that is to take over the port. */
export interface Successor {
  readonly pid: number;
  /** Resolves when it serves; rejects with the reason why it never will. */
  readonly serves: Promise<void>;
  end(): void;
}

/** How a successor is started; in some places there can be none, and that is said then. */
export function successorStart(pid: number, ancestors: readonly Ancestor[]): (port: number) => Successor {
  const why =
    pid === 1
      ? 'this is process 1 of a container, which ends with it: start another container'
      : ancestors.length > 0
        ? 'npm started this process, and would take its end for the end: start node itself'
        : undefined;
  if (why === undefined) return startSuccessor;
  return () => {
    throw new Error(why);
  };
}

/**
 * Starts this program anew from the disk, with the same arguments and the socket that listens at `port`.
 * Both processes accept from that socket, so no connection is lost on the way from one to the other.
 */
function startSuccessor(port: number): Successor {
  const descriptor = descriptorOf(port);
  if (descriptor === undefined)
    throw new StickyError(
      'STICKY_LISTEN_FAILED',
      `The socket of port ${port} can't be found (/proc/self/net/tcp). A port is handed over on Linux alone; elsewhere stop this process and start another.`,
    );
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', descriptor, 'pipe'],
    env: { ...process.env, ...SUCCESSION },
  });
  const word = child.stdio[4] as Readable;
  word.on('error', () => {});
  const serves = new Promise<void>((resolve, reject) => {
    const late = systemClock.after(SERVES_MS, () => {
      child.kill('SIGKILL');
      fail(`it did not serve within ${SERVES_MS / 1000} s`);
    });
    const fail = (why: string): void => {
      late.stop();
      reject(new Error(why));
    };
    child.on('error', ({ message }) => fail(message));
    child.on('exit', (code, signal) => fail(signal ?? `exit code ${code}`));
    word.on('data', () => {
      late.stop();
      word.destroy();
      child.unref();
      resolve();
    });
  });
  return { pid: child.pid ?? 0, serves, end: () => child.kill('SIGTERM') };
}

/** This process's descriptor of the socket that listens at a port, as Linux lists them. */
function descriptorOf(port: number): number | undefined {
  const at = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set<string>();
  for (const table of TABLES)
    for (const line of linesOf(table)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTENS && local?.endsWith(at) === true) sockets.add(`socket:[${inode}]`);
    }
  if (sockets.size === 0) return undefined;
  const found = readdirSync('/proc/self/fd').find((name) => sockets.has(targetOf(`/proc/self/fd/${name}`)));
  return found === undefined ? undefined : Number(found);
}

function linesOf(table: string): string[] {
  try {
    return readFileSync(table, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ''; // closed meanwhile: the one that lists the folder
  }
}
