import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { StickyError } from '../../base/errors.js';
import type { AdminListen } from '../config/config.js';

/** Only the user who runs the gateway may connect. */
const SOCKET_MODE = 0o600;
const OTHERS_MASK = 0o177;

/** Opens the admin listener; answers its address as one may type it. Rejects with STICKY_LISTEN_FAILED. */
export async function listenAdmin(server: Server, listen: AdminListen): Promise<string> {
  if (listen.kind === 'unix') await removeStale(listen.path);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(adminListenError(error, listen)));
    if (listen.kind === 'tcp') {
      // Without a worker's share in it: `exclusive`.
      server.listen({ host: listen.host, port: listen.port, exclusive: true }, () => {
        const { address, port } = server.address() as AddressInfo;
        resolve(`http://${address.includes(':') ? `[${address}]` : address}:${port}`);
      });
      return;
    }
    // The file is made in this call, so that nobody else can connect in the time before its mode is set.
    const before = process.umask(OTHERS_MASK);
    try {
      server.listen({ path: listen.path, exclusive: true }, () => resolve(`unix:${listen.path}`));
    } finally {
      process.umask(before);
    }
    server.once('listening', () => chmodSync(listen.path, SOCKET_MODE));
  });
}

/** As one may type it, before it is open. */
export function adminAddress(listen: AdminListen): string {
  if (listen.kind === 'unix') return `unix:${listen.path}`;
  return `http://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
}

/** A gateway that was killed leaves its socket file behind. Anything else there is not ours to remove. */
async function removeStale(path: string): Promise<void> {
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw adminListenError(error as NodeJS.ErrnoException, { kind: 'unix', path });
  }
  if (!isSocket)
    throw new StickyError(
      'STICKY_LISTEN_FAILED',
      `admin.listen: ${path} is there, and is no socket. Remove it, or name another path.`,
    );
  if (await answers(path))
    throw new StickyError(
      'STICKY_LISTEN_FAILED',
      `admin.listen: another process listens at ${path}. Stop it, or name another path.`,
    );
  unlinkSync(path);
}

/** Whether a process listens there; yes also where that can't be known. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function adminListenError(error: NodeJS.ErrnoException, listen: AdminListen): StickyError {
  const where = listen.kind === 'unix' ? listen.path : `${listen.host}:${listen.port}`;
  const what =
    error.code === 'EADDRINUSE'
      ? 'is in use. Stop what listens there, or choose another address'
      : error.code === 'EACCES' || error.code === 'EPERM'
        ? 'is not open to this user. Choose another place, or give this user the right to it'
        : error.code === 'EADDRNOTAVAIL'
          ? 'is not an address of this machine. Write one that is'
          : error.code === 'ENOENT' || error.code === 'ENOTDIR'
            ? 'has no folder to stand in. Make the folder first'
            : `can't be opened (${error.code ?? error.message})`;
  return new StickyError('STICKY_LISTEN_FAILED', `admin.listen: ${where} ${what}.`, { cause: error });
}
