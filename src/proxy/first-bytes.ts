import type { Timed } from './deadlines.js';
import { Http1Client } from './http1/client.js';
import { Http2Client } from './http2/client.js';
import type { Guest, Site } from './site.js';
import type { Wire, WireHandler } from './wire.js';

/** How a connection of HTTP/2 begins, as far as no request of HTTP/1.1 does (RFC 9113 §3.4). */
const BEGINNING = Buffer.from('PRI *', 'latin1');

/**
 * A connection without TLS, on which the client may speak HTTP/2 because it knows that we do (RFC 9113 §3.3):
 * the first bytes say which version it is. From then on it only hands on.
 */
export class FirstBytes implements WireHandler, Guest, Timed {
  deadlineAt: number;
  readonly #site: Site;
  readonly #wire: Wire;
  #client: (WireHandler & Guest) | undefined;
  #held: Buffer | undefined;

  constructor(site: Site, wire: Wire) {
    this.#site = site;
    this.#wire = wire;
    this.deadlineAt = site.deadlines.after(site.settings.limits.headTimeMs);
    site.deadlines.add(this);
  }

  /** Whose bytes they turned out to be. */
  get client(): Guest | undefined {
    return this.#client;
  }

  onBytes(bytes: Buffer, start: number, end: number): boolean {
    const client = this.#client;
    if (client !== undefined) return client.onBytes(bytes, start, end);
    if (this.#held !== undefined) {
      bytes = Buffer.concat([this.#held, bytes.subarray(start, end)]);
      start = 0;
      end = bytes.length;
    }
    const count = Math.min(end - start, BEGINNING.length);
    const isBeginning = bytes.compare(BEGINNING, 0, count, start, start + count) === 0;
    if (isBeginning && count < BEGINNING.length) {
      this.#held = Buffer.from(bytes.subarray(start, end));
      return false;
    }
    this.#stopWaiting();
    this.#client = isBeginning
      ? new Http2Client(this.#site, this.#wire, false)
      : new Http1Client(this.#site, this.#wire, false);
    return this.#client.onBytes(bytes, start, end);
  }

  onDrain(): void {
    this.#client?.onDrain();
  }

  onEnd(): void {
    if (this.#client === undefined) this.#wire.destroy();
    else this.#client.onEnd();
  }

  onClose(error: Error | undefined): void {
    this.#stopWaiting();
    this.#client?.onClose(error);
    this.#site.closed(this);
  }

  closeIfIdle(): void {
    if (this.#client === undefined) this.#wire.destroy();
    else this.#client.closeIfIdle();
  }

  destroy(): void {
    if (this.#client === undefined) this.#wire.destroy();
    else this.#client.destroy();
  }

  onDeadline(): void {
    this.#wire.destroy();
  }

  #stopWaiting(): void {
    this.#held = undefined;
    this.deadlineAt = Infinity;
    this.#site.deadlines.remove(this);
  }
}
