import { PoliteEnd } from './polite-end.js';
import type { RequestRecord } from './request-record.js';
import type { AnswerHead, ClientSide } from './sides.js';
import type { Site } from './site.js';
import type { Stay, Stays } from './stays.js';

/** A shorter body is over before it matters. */
const LONG_BODY_BYTES = 64 * 1024;

const EVENT_STREAM = /^content-type:[ \t]*text\/event-stream/im;

export function isLongBody({ bodyBytes }: { readonly bodyBytes: number }): boolean {
  return bodyBytes < 0 || bodyBytes > LONG_BODY_BYTES;
}

/** Of unknown length, and with events: it may last for hours. */
export function isEventStream({ bodyBytes, fields }: AnswerHead): boolean {
  return bodyBytes < 0 && EVENT_STREAM.test(fields);
}

/** A request that lasts. When its user leaves the upstream, a WebSocket is closed, and a stream is cut. */
export class Lasting implements Stay {
  readonly upstreamId: string;
  readonly user: string;
  readonly isUpload: boolean;
  /** Its user has left the upstream, and so it is ended. */
  hasLeft = false;
  readonly #stays: Stays;
  readonly #client: ClientSide;
  readonly #polite: PoliteEnd | undefined;
  readonly #cut: () => void;

  constructor(
    { route, decision, upstreamId, clientAddress, head }: RequestRecord,
    kind: 'upload' | 'events' | 'tunnel',
    client: ClientSide,
    { clock }: Site,
    cut: () => void,
  ) {
    this.upstreamId = upstreamId!;
    this.user = decision?.user ?? clientAddress;
    this.isUpload = kind === 'upload';
    this.#stays = route!.pool!.stays;
    this.#client = client;
    if (kind === 'tunnel' && head.upgrade === 'websocket') this.#polite = new PoliteEnd(client, clock);
    this.#cut = cut;
    this.#stays.add(this);
  }

  /** What the upstream sends. */
  data(bytes: Buffer, start: number, end: number): void {
    if (this.#polite === undefined) this.#client.data(bytes, start, end);
    else this.#polite.data(bytes, start, end);
  }

  leave(): void {
    this.hasLeft = true;
    if (this.#polite === undefined) this.#cut();
    else this.#polite.leave(this.#cut);
  }

  end(): void {
    this.#stays.delete(this);
    this.#polite?.over();
  }
}
