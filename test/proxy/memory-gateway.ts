import { createManualClock } from '../../src/testing/manual-clock.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { MessageReader, namedFraming } from '../support/http-message.js';
import { MemoryEngine, type MemoryWire } from '../support/memory-engine.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/** What the upstream answers: what each read of the gateway's brings, and whether it closes then. */
export interface Answer {
  readonly pieces: readonly string[];
  readonly closes?: boolean;
}

/** What became of what a client sent. */
export interface Conversation {
  /** Every byte that upstreams got, but for the ids of requests. */
  readonly upstream: string;
  /** The requests that arrived whole: head and body, without framing. */
  readonly requests: readonly string[];
  /** What arrived that was not HTTP: always a fault of the gateway. */
  readonly faults: readonly string[];
  /** Every byte that the client got, but for the ids of requests. */
  readonly client: string;
  readonly ending: MemoryWire['ending'];
}

export const OK: Answer = { pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'] };

/** A gateway on a `MemoryEngine`, with one upstream that answers whatever arrives whole. */
export class MemoryGateway {
  readonly engine = new MemoryEngine();
  readonly clock = createManualClock();
  gateway!: TestGateway;
  answer: Answer = OK;
  readonly #readers = new Map<MemoryWire, { reader: MessageReader; read: number }>();
  #requests: string[] = [];
  #faults: string[] = [];

  static async start(settings: object = {}): Promise<MemoryGateway> {
    const memory = new MemoryGateway();
    const { engine, clock } = memory;
    const options = { engine, clock, random: seededRandom(1) };
    memory.gateway = await startTestGateway({ app: 'http://127.0.0.1:1' }, settings, options);
    return memory;
  }

  /** One client sends these pieces, each of them a read, then ends its half. */
  async converse(pieces: readonly string[], answer = OK, address = '127.0.0.1'): Promise<Conversation> {
    this.engine.dialled = this.engine.dialled.filter(({ isOpen }) => isOpen);
    const before = new Map(this.engine.dialled.map((wire) => [wire, wire.sent.length]));
    this.#requests = [];
    this.#faults = [];
    this.answer = answer;
    const client = this.engine.client(address);
    for (const piece of pieces) {
      client.push(piece);
      await this.#settled();
    }
    client.finish();
    await this.#settled();
    const conversation = {
      upstream: withoutIds(
        this.engine.dialled.map((wire) => wire.sent.slice(before.get(wire) ?? 0)).join(''),
      ),
      requests: this.#requests,
      faults: this.#faults,
      client: withoutIds(client.sent),
      ending: client.ending,
    };
    if (client.isOpen) client.destroy();
    await this.#settled();
    return conversation;
  }

  async #settled(): Promise<void> {
    await this.engine.settled();
    for (const wire of this.engine.dialled) if (await this.#serve(wire)) return this.#settled();
  }

  /** True when the upstream answered something. */
  async #serve(wire: MemoryWire): Promise<boolean> {
    let state = this.#readers.get(wire);
    if (state === undefined) {
      state = { reader: this.#reader(), read: 0 };
      this.#readers.set(wire, state);
    }
    if (state.read === wire.sent.length) return false;
    const arrived = this.#requests.length;
    try {
      state.reader.push(Buffer.from(wire.sent.slice(state.read), 'latin1'));
    } catch (error) {
      this.#faults.push(String(error));
    }
    state.read = wire.sent.length;
    if (this.#requests.length === arrived) return false;
    const { pieces, closes } = this.answer;
    for (const piece of pieces) {
      wire.push(piece);
      await this.engine.settled();
    }
    if (closes === true) wire.finish();
    return true;
  }

  #reader(): MessageReader {
    let text = '';
    return new MessageReader({
      head: (head) => {
        text = withoutIds(head.bytes).replace(/^(?:content-length|transfer-encoding):.*\r\n/gim, '');
        return namedFraming(head.fields) ?? { kind: 'none' };
      },
      body: (bytes) => void (text += bytes.toString('latin1')),
      end: (trailers) => void this.#requests.push(text + JSON.stringify(trailers)),
    });
  }
}

function withoutIds(text: string): string {
  return text.replace(/^(X-Request-Id: )[0-9a-f]{32}\r$/gm, '$1id\r');
}
