import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../base/clock.js';
import type { EventLog, OperatorEvent } from '../event-log.js';

const STREAMS_MAX = 64;
const SNAPSHOT_EVERY_MS = 1000;
/** What may wait for a reader, beside one snapshot. */
const WAITING_BYTES_MAX = 512 * 1024;
/** A reader that has taken nothing for so long is cut off. */
const STUCK_MS = 10_000;
/** How long a reader waits before it comes back. */
const RETRY_MS = 2000;

interface Reader {
  readonly response: ServerResponse;
  /** Since when bytes wait for it; undefined: none do. */
  waitingSinceMs: number | undefined;
}

/**
 * Server-sent events: each change as it happens, and once a second a snapshot of everything. A snapshot is
 * made once for all readers, and only while there is one. A reader that is too slow for snapshots gets fewer;
 * one that is too slow for changes is cut off, and finds what it missed by Last-Event-ID.
 */
export class EventStreams {
  readonly #events: EventLog;
  readonly #clock: Clock;
  readonly #snapshot: () => Promise<unknown>;
  readonly #readers = new Set<Reader>();
  readonly #following: Timer;
  #ticking: Timer | undefined;
  #isMaking = false;
  #snapshotBytes = 0;

  constructor(events: EventLog, clock: Clock, snapshot: () => Promise<unknown>) {
    this.#events = events;
    this.#clock = clock;
    this.#snapshot = snapshot;
    this.#following = events.follow((event) => this.#tell(changeText(event)));
  }

  get isFull(): boolean {
    return this.#readers.size >= STREAMS_MAX;
  }

  /** Writes to this reader from now on. `lastEventId`: the last event that it has seen. */
  open(response: ServerResponse, lastEventId: string | undefined): void {
    const reader: Reader = { response, waitingSinceMs: undefined };
    response.on('close', () => this.#leave(reader));
    response.on('drain', () => (reader.waitingSinceMs = undefined));
    this.#readers.add(reader);
    const missed = lastEventId === undefined ? [] : this.#events.after(lastEventId);
    const gap = missed === undefined ? 'event: gap\ndata: {}\n\n' : '';
    const changes = (missed ?? []).map(changeText).join('');
    // Its id says where a reader that breaks off before the first change takes up again.
    const hello = `id: ${this.#events.lastId}\nevent: hello\ndata: {}\n\n`;
    this.#write(reader, Buffer.from(`retry: ${RETRY_MS}\n\n${gap}${changes}${hello}`));
    this.#ticking ??= this.#clock.every(SNAPSHOT_EVERY_MS, () => this.#tick());
    this.#tick();
  }

  close(): void {
    this.#following.stop();
    for (const { response } of this.#readers) response.end();
  }

  #leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#ticking?.stop();
    this.#ticking = undefined;
  }

  #tell(text: string): void {
    if (this.#readers.size === 0) return;
    const bytes = Buffer.from(text);
    for (const reader of this.#readers) this.#write(reader, bytes);
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic();
    for (const { response, waitingSinceMs } of this.#readers)
      if (waitingSinceMs !== undefined && nowMs - waitingSinceMs > STUCK_MS) response.destroy();
    if (this.#isMaking) return;
    this.#isMaking = true;
    void this.#snapshot()
      .then((snapshot) => {
        const bytes = Buffer.from(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
        this.#snapshotBytes = bytes.length;
        for (const reader of this.#readers)
          if (reader.waitingSinceMs === undefined) this.#write(reader, bytes);
      })
      .finally(() => (this.#isMaking = false));
  }

  #write(reader: Reader, bytes: Buffer): void {
    const { response } = reader;
    if (response.writableLength > WAITING_BYTES_MAX + this.#snapshotBytes) response.destroy();
    else if (!response.write(bytes)) reader.waitingSinceMs ??= this.#clock.monotonic();
  }
}

function changeText(event: OperatorEvent): string {
  return `id: ${event.id}\nevent: change\ndata: ${JSON.stringify(event)}\n\n`;
}
