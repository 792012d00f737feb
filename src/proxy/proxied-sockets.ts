import type net from 'node:net';
import { systemClock } from '../base/clock.js';
import { readProxyHeader } from './proxy-header.js';

/** How a listener meets connections in front of which a load balancer says whose they are. */
export interface ProxiedConnections {
  /** Whether this peer's headers are believed. One that isn't trusted has none: it speaks for itself. */
  isTrusted(address: string): boolean;
  /** A trusted peer sent no header, or one that can't be read; its connection is closed. */
  headerMissing(address: string): void;
}

/**
 * Takes the header off a new connection, then hands it on, with what came behind the header put back.
 * `address` is the client's; undefined when the peer speaks for itself. The socket is handed on paused: TLS
 * takes over what was put back by itself, and everybody else resumes it.
 */
export function withoutHeader(
  socket: net.Socket,
  { isTrusted, headerMissing }: ProxiedConnections,
  timeMs: number,
  then: (address: string | undefined) => void,
): void {
  const peer = socket.remoteAddress ?? '';
  if (!isTrusted(peer)) {
    socket.pause();
    then(undefined);
    return;
  }
  let held: Buffer = Buffer.alloc(0);
  const ignore = (): void => {};
  const refuse = (): void => {
    stop();
    headerMissing(peer);
    socket.destroy();
  };
  const late = systemClock.after(timeMs, refuse);
  // A health check may well connect, say nothing and go.
  const gone = (): void => {
    stop();
    socket.destroy();
  };
  const read = (bytes: Buffer): void => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const header = readProxyHeader(held);
    if (header === 'more') return;
    if (header === 'none') {
      refuse();
      return;
    }
    stop();
    socket.pause();
    if (header.end < held.length) socket.unshift(held.subarray(header.end));
    then(header.address);
  };
  const stop = (): void => {
    late.stop();
    socket.off('data', read).off('end', gone).off('close', gone).off('error', ignore);
  };
  socket.on('data', read).on('end', gone).on('close', gone).on('error', ignore);
}
