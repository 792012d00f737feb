import type {
  ConnectHandler,
  ConnectTarget,
  Engine,
  Listener,
  ListenTarget,
  Wire,
  WireHandler,
} from '../../src/proxy/wire.js';

/** Turns of the event loop in which nothing was written before what was begun counts as done. */
const QUIET_TURNS = 3;
const TURNS_MAX = 10_000;

/**
 * An engine without a network: a test says what each read brings, byte for byte, and sees what is written. A
 * test that cuts a message at each of its places runs on it in milliseconds, and always alike.
 */
export class MemoryEngine implements Engine {
  /** Connections to upstreams, in the order in which they were opened. */
  dialled: MemoryWire[] = [];
  #accept!: (wire: Wire, isSecure: boolean) => WireHandler;
  /** Counts what happens, so that `settled` sees when nothing more does. */
  #events = 0;
  readonly #happened = (): void => void this.#events++;

  listen(target: ListenTarget, accept: (wire: Wire, isSecure: boolean) => WireHandler): Promise<Listener> {
    this.#accept = accept;
    return Promise.resolve({
      host: target.host ?? '127.0.0.1',
      port: target.port,
      setTls() {},
      setConnectionsMax() {},
      close: (done) => setImmediate(done),
    });
  }

  connect(_target: ConnectTarget, handler: ConnectHandler): Wire {
    const wire = new MemoryWire('127.0.0.1', this.#happened);
    wire.handler = handler;
    this.dialled.push(wire);
    setImmediate(() => {
      this.#happened();
      if (wire.isOpen) handler.onConnect();
    });
    return wire;
  }

  /** A client connects. */
  client(address = '127.0.0.1', isSecure = false): MemoryWire {
    const wire = new MemoryWire(address, this.#happened);
    wire.handler = this.#accept(wire, isSecure);
    return wire;
  }

  /** Until nothing happens any more by itself. */
  async settled(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; turn < TURNS_MAX && quiet < QUIET_TURNS; turn++) {
      const before = this.#events;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#events === before ? quiet + 1 : 0;
    }
  }
}

/** One connection as the gateway sees it, with its peer's part for the test to play. */
export class MemoryWire implements Wire {
  readonly remoteAddress: string;
  handler!: WireHandler;
  isOpen = true;
  readonly bufferedBytes = 0;
  /** What the gateway wrote, as a byte string. */
  sent = '';
  /** How the gateway ended it. */
  ending: 'end' | 'destroy' | 'reset' | undefined;
  #held: string[] = [];
  #isPaused = false;
  #hasEnded = false;
  readonly #happened: () => void;

  constructor(remoteAddress: string, happened: () => void) {
    this.remoteAddress = remoteAddress;
    this.#happened = happened;
  }

  /** The peer sends; one call is one read of the gateway's. */
  push(text: string): void {
    this.#held.push(text);
    this.#deliver();
  }

  /** The peer sends no more. */
  finish(): void {
    if (!this.isOpen || this.#hasEnded) return;
    this.#hasEnded = true;
    this.handler.onEnd();
    if (this.ending === 'end') this.#close();
  }

  writeText(text: string): void {
    this.#happened();
    this.sent += text;
  }
  write(bytes: Buffer): void {
    this.writeText(bytes.toString('latin1'));
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {
    this.#isPaused = true;
  }
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    setImmediate(() => this.#deliver());
    this.#happened();
  }
  end(): void {
    this.#happened();
    this.ending ??= 'end';
    if (this.#hasEnded) this.#close();
  }
  destroy(): void {
    this.ending ??= 'destroy';
    this.#close();
  }
  reset(): void {
    this.ending ??= 'reset';
    this.#close();
  }

  #deliver(): void {
    while (!this.#isPaused && this.isOpen) {
      const text = this.#held.shift();
      if (text === undefined) return;
      this.#happened();
      // In the middle of a larger buffer, and overwritten afterwards unless the gateway kept it: as a read
      // from a socket is.
      const bytes = Buffer.from(`0\r\n\r\n${text}\r\n\r\n5\r\n`, 'latin1');
      if (!this.handler.onBytes(bytes, 5, 5 + text.length)) bytes.fill('!');
    }
  }

  #close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#happened();
    setImmediate(() => this.handler.onClose(undefined));
  }
}
