import net from 'node:net';
import tls from 'node:tls';
import { toByteString } from '../base/framed-key.js';
import { heldBySystem } from './system-queues.js';
import type { Wire, WireHandler } from './wire.js';

/** Read at once from an upstream, and buffered towards a slow peer before it is felt as pressure. */
export const READ_BYTES = 64 * 1024;

/** A socket of Node's as a wire. */
export class NodeWire implements Wire {
  readonly remoteAddress: string;
  readonly #socket: net.Socket;
  #isDeaf = false;

  /** `client`: whom the connection is for, where a load balancer in front has said so. */
  constructor(socket: net.Socket, client?: string) {
    this.#socket = socket;
    this.remoteAddress = client ?? socket.remoteAddress ?? '';
  }

  get clientSubject(): string | undefined {
    const socket = this.#socket;
    if (!(socket instanceof tls.TLSSocket) || !socket.authorized) return undefined;
    const subject = socket.getPeerX509Certificate()?.subject;
    return subject === undefined ? undefined : subjectText(subject);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }
  heldBySystem(nowMs: number, ageMsMax: number): number | undefined {
    const { localPort, remotePort } = this.#socket;
    if (localPort === undefined || remotePort === undefined) return undefined;
    return heldBySystem(localPort, remotePort, nowMs, ageMsMax);
  }
  isMeantFor(host: string): boolean {
    const socket = this.#socket;
    if (!(socket instanceof tls.TLSSocket)) return true;
    const { servername } = socket as tls.TLSSocket & { readonly servername?: string | false | null };
    if (typeof servername !== 'string' || servername.toLowerCase() === host) return true;
    const certificate = socket.getX509Certificate();
    if (certificate === undefined) return true;
    const bare = host.startsWith('[') ? host.slice(1, -1) : host;
    const covering = net.isIP(bare) === 0 ? certificate.checkHost(bare) : certificate.checkIP(bare);
    return covering !== undefined;
  }
  /**
   * A write that fails must not take along what the peer had sent before it closed: an early answer to an
   * upload, and then a reset. The socket stays open until that is read; what is written is thrown away.
   */
  readOnAfterFailedWrite(): void {
    const socket = this.#socket;
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error?: Error): net.Socket => {
      if (this.#isDeaf || (error as NodeJS.ErrnoException | undefined)?.syscall !== 'write')
        return destroy(error);
      this.#isDeaf = true;
      return socket;
    };
    socket.on('end', () => {
      if (this.#isDeaf) socket.destroy();
    });
  }
  writeText(text: string): void {
    if (!this.#isDeaf) this.#socket.write(text, 'latin1');
  }
  write(bytes: Buffer): void {
    if (!this.#isDeaf) this.#socket.write(bytes);
  }
  cork(): void {
    this.#socket.cork();
  }
  uncork(): void {
    this.#socket.uncork();
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    if (this.#isDeaf) this.#socket.destroy();
    else this.#socket.end();
  }
  destroy(): void {
    this.#socket.destroy();
  }
  reset(): void {
    if (this.#socket instanceof tls.TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

/**
 * `O=Example\nCN=alice` as one line, the most specific part first (RFC 4514 §2.1), as a field may hold it.
 */
function subjectText(subject: string): string {
  const parts = subject
    .split('\n')
    .reverse()
    .map((part) => part.replaceAll(/(?<!\\)[,;]/g, '\\$&'));
  return toByteString(parts.join(',')).replaceAll(/[\x00-\x1f\x7f]/g, '?');
}

/** Ties a socket's events to a handler: five closures a connection, none a request. */
export function follow(socket: net.Socket, handler: WireHandler): void {
  let failure: Error | undefined;
  socket.on('drain', () => handler.onDrain());
  socket.on('end', () => handler.onEnd());
  socket.on('error', (error) => {
    failure = error;
    // One of TLS leaves the socket open.
    socket.destroy();
  });
  socket.on('close', () => handler.onClose(failure));
}
