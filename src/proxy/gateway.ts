import type { Clock, Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import { Deadlines } from './deadlines.js';
import { FirstBytes } from './first-bytes.js';
import { Http1Client } from './http1/client.js';
import { HeldBytes } from './http2/held-bytes.js';
import { Turnstile } from './http2/turnstile.js';
import { Http2Client } from './http2/client.js';
import { DateField } from './date-field.js';
import { RequestIds } from './request-ids.js';
import { countOpen, type OpenConnections } from './open-connections.js';
import type { RequestObserver, SiteSettings, Guest, Site, StreamCounts } from './site.js';
import { sendLater } from './turn.js';
import type { Engine, Listener, ListenTarget, ListenerTls } from './wire.js';

/** What a gateway stands on. */
export interface GatewayGround {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
}

/**
 * After SIGTERM idle connections stay open this long: a request that was on its way when the signal came is
 * still answered, with `Connection: close`. A connection that is accepted later has as long from then on: its
 * first request is on its way too.
 */
const QUIET_MS = 500;
const CLOSE_CHECK_MS = 20;
/** How often connections of HTTP/2 that came after the word are told that the gateway goes. */
const ANNOUNCE_MS = 500;

/** How a gateway leaves its port. */
export interface PortLeave {
  /** Another process goes on accepting at the same socket. */
  readonly isShared?: boolean;
  /** It accepts no more from now on. */
  readonly onLeft?: () => void;
}

/**
 * Listens, and gives every connection a reader. The way of a request starts here: accept → Http1Client →
 * Exchange.
 */
export class Gateway implements Site {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly requestIds: RequestIds;
  readonly date: DateField;
  settings: SiteSettings;
  readonly observer: RequestObserver;
  readonly streamCounts: StreamCounts = { streams: 0, connections: 0 };
  /** Connections that were taken so far. */
  acceptedCount = 0;
  readonly heldBytes = new HeldBytes(() => this.settings.limits.heldBodyBytesMax);
  readonly turnstile = new Turnstile(() => this.settings.limits.sharedStreamsMax);
  isClosing = false;
  readonly #engine: Engine;
  readonly #connections = new Set<Guest>();
  /** When connections were accepted that came after the gateway began to close. */
  readonly #lateAt = new WeakMap<Guest, number>();
  #listener: Listener | undefined;
  #onEmpty: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #announcing: Timer | undefined;

  constructor(ground: GatewayGround, settings: SiteSettings, observer: RequestObserver) {
    this.clock = ground.clock;
    this.random = ground.random;
    this.deadlines = ground.deadlines;
    this.requestIds = new RequestIds(ground.random);
    this.date = new DateField(ground.clock);
    this.#engine = ground.engine;
    this.settings = settings;
    this.observer = observer;
  }

  get openConnections(): readonly OpenConnections[] {
    return countOpen(this.#connections, this.streamCounts.connections);
  }

  /** Opens the port; rejects when it can't be had. */
  async listen(target: ListenTarget): Promise<Listener> {
    this.#listener = await this.#engine.listen(target, (wire, isSecure, isHttp2) => {
      const connection = isHttp2
        ? new Http2Client(this, wire, isSecure)
        : target.http2 && !isSecure
          ? new FirstBytes(this, wire)
          : new Http1Client(this, wire, isSecure);
      this.#connections.add(connection);
      this.acceptedCount++;
      if (this.isClosing) this.#lateAt.set(connection, this.clock.monotonic());
      return connection;
    });
    return this.#listener;
  }

  /** From the next request on; requests under way keep what they began with. */
  apply(settings: SiteSettings): void {
    this.settings = settings;
    this.#listener?.setConnectionsMax(settings.limits.connectionsMax);
  }

  setTls(tls: ListenerTls): void {
    this.#listener?.setTls(tls);
  }

  /**
   * Says to clients that the gateway goes: with `Connection: close` in each answer, and with GOAWAY. It takes
   * connections and requests as before, until `close`.
   */
  announceClose(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.#announce();
    this.#announcing = this.clock.every(ANNOUNCE_MS, () => this.#announce());
  }

  #announce(): void {
    const since = this.clock.monotonic() - ANNOUNCE_MS;
    for (const guest of this.#connections) {
      const client = guest instanceof FirstBytes ? guest.client : guest;
      // What it asks for before it has read the GOAWAY is served, on this connection too.
      if (client instanceof Http2Client && (this.#lateAt.get(guest) ?? -Infinity) <= since)
        client.closeIfIdle();
    }
  }

  /**
   * Accepts no more, finishes what runs, and gives up on the rest after `graceMs`. Resolves when every
   * connection is closed.
   */
  close(graceMs: number, leave: PortLeave = {}): Promise<void> {
    return (this.#closing ??= this.#close(graceMs, leave));
  }

  #close(graceMs: number, { isShared, onLeft }: PortLeave): Promise<void> {
    this.isClosing = true;
    this.#announcing?.stop();
    const startedAt = this.clock.monotonic();
    const quietMs = Math.min(QUIET_MS, graceMs);
    const idles = { send: () => this.#closeIdle(this.clock.monotonic() - quietMs) };
    return new Promise((resolve) => {
      let isListening = this.#listener !== undefined;
      const check = (): void => {
        const elapsed = this.clock.monotonic() - startedAt;
        // At the end of the turn: a request that has arrived by then has been read.
        if (elapsed >= quietMs) sendLater(idles);
        if (elapsed >= graceMs) for (const connection of this.#connections) connection.destroy();
        if (isListening || this.#connections.size > 0) return;
        this.#onEmpty = undefined;
        timer.stop();
        this.deadlines.stop();
        resolve();
      };
      const timer = this.clock.every(CLOSE_CHECK_MS, check);
      // Not left to the timer: it doesn't keep the process alive, and without a connection nothing else may.
      this.#onEmpty = check;
      this.#listener?.close(() => {
        isListening = false;
        onLeft?.();
        check();
      }, isShared);
      if (!isListening) check();
    });
  }

  /** Those that have been here since then. */
  #closeIdle(sinceMs: number): void {
    for (const connection of this.#connections)
      if ((this.#lateAt.get(connection) ?? -Infinity) <= sinceMs) connection.closeIfIdle();
  }

  closed(guest: Guest): void {
    this.#connections.delete(guest);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }
}
