import { StickyError } from '../base/errors.js';
import type { Listen } from './config/config.js';

/** Why the port can't be had, and what to do about it. `setting`: where another can be chosen. */
export function listenError(
  error: NodeJS.ErrnoException,
  listen: Listen,
  setting = 'listen (--listen)',
): StickyError {
  const where = listen.host === undefined ? `port ${listen.port}` : `${listen.host}:${listen.port}`;
  const message =
    error.code === 'EADDRINUSE'
      ? `${where} is in use. Stop what listens there, or choose another port with ${setting}.`
      : error.code === 'EACCES'
        ? `${where} is not open to this user. Ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one with ${setting}.`
        : error.code === 'EADDRNOTAVAIL'
          ? `${where} is not an address of this machine. Write one that is, or leave the host out.`
          : error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN'
            ? `${where} can't be opened: ${listen.host} names no address here. Write an address of this machine, or leave the host out.`
            : `${where} can't be opened (${error.code ?? error.message}).`;
  return new StickyError('STICKY_LISTEN_FAILED', message, { cause: error });
}

/** Why a socket that was handed over can't be used. */
export function handedError(error: NodeJS.ErrnoException, descriptor: number): StickyError {
  return new StickyError(
    'STICKY_LISTEN_FAILED',
    `Descriptor ${descriptor}, which was handed to this process, is no TCP socket that listens (${error.code ?? error.message}). In the socket unit write ListenStream= with a port, and leave out Accept=yes.`,
    { cause: error },
  );
}
