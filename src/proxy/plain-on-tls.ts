import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../base/clock.js';

/** For the client to read the answer, before the connection is closed with what it may have sent since. */
const LINGER_MS = 1000;
const TEXT = 'This port speaks HTTPS: write https:// in front of the address.\n';

/**
 * A request in the clear at a port of TLS is answered with 400, as nginx does it. Otherwise a browser or curl
 * would show an empty answer, and nobody would know why. OpenSSL knows the first words of HTTP.
 */
export function answerPlainRequests(server: Server): void {
  /** Sockets whose handshake is under way, by the client's end: Node tells only of the layer above. */
  const shaking = new Map<string, Socket>();
  const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const end = endOf(socket);
    shaking.set(end, socket);
    socket.once('close', () => {
      if (shaking.get(end) === socket) shaking.delete(end);
    });
  });
  server.on('secureConnection', (secure: TLSSocket) => shaking.delete(endOf(secure)));
  server.on('tlsClientError', ({ code }: NodeJS.ErrnoException, secure: TLSSocket) => {
    const socket = shaking.get(endOf(secure));
    if (code !== 'ERR_SSL_HTTP_REQUEST' || socket === undefined || !socket.writable) {
      secure.destroy();
      return;
    }
    socket.on('error', () => {});
    socket.end(answer(), 'latin1');
    const late = systemClock.after(LINGER_MS, () => secure.destroy());
    socket.once('close', () => {
      late.stop();
      secure.destroy();
    });
  });
}

function answer(): string {
  const date = new Date(systemClock.now()).toUTCString();
  return `HTTP/1.1 400 Bad Request\r\nDate: ${date}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT}`;
}
