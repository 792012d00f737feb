import { nodeEngine } from './node-engine.js';
import type { ConnectHandler, ConnectTarget, Engine, Listener, ListenTarget, Wire, WireHandler } from './wire.js';

/** What this file needs of Bun's socket API (bun.sh/docs/api/tcp). */
interface BunSocket {
  data: BunWire;
  readonly remoteAddress: string;
  /** Takes what the system takes now; answers how much, or -1 when the socket is closed. */
  write(bytes: Uint8Array): number;
  /** Says that no more will come. */
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): void;
}

interface BunHandlers {
  readonly binaryType: 'buffer';
  open(socket: BunSocket): void;
  data(socket: BunSocket, bytes: Buffer): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  close(socket: BunSocket, error?: Error): void;
  error(socket: BunSocket, error: Error): void;
  connectError?(socket: BunSocket, error: Error): void;
}

interface BunApi {
  listen(options: { hostname: string; port: number; allowHalfOpen: boolean; socket: BunHandlers }): { readonly hostname: string; readonly port: number; stop(force: boolean): void };
  connect(options: { hostname: string; port: number; allowHalfOpen: boolean; data: BunWire; socket: BunHandlers }): Promise<BunSocket>;
}

/** Present when the program runs on Bun. */
const bun = (globalThis as { Bun?: BunApi }).Bun;

/** The engine on Bun's own sockets: fewer layers than its `node:net`. TLS goes through `node:tls`, which can change its certificate. */
export const bunEngine: Engine | undefined =
  bun === undefined
    ? undefined
    : {
        listen: (target, accept) => (target.tls === undefined ? listen(bun, target, accept) : nodeEngine.listen(target, accept)),
        connect: (target, handler) => (target.tls === undefined ? connect(bun, target, handler) : nodeEngine.connect(target, handler)),
      };

class BunWire implements Wire {
  remoteAddress = '';
  bufferedBytes = 0;
  handler!: WireHandler;
  #socket: BunSocket | undefined;
  #waiting: Uint8Array[] = [];
  #isCorked = false;
  #isEnding = false;
  #isClosed = false;
  #closesOnOpen = false;

  opened(socket: BunSocket): void {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
    socket.setNoDelay(true);
    if (this.#closesOnOpen) socket.terminate();
  }

  writeText(text: string): void {
    this.write(Buffer.from(text, 'latin1'));
  }

  write(bytes: Buffer): void {
    if (this.#isClosed) return;
    if (this.#isCorked || this.bufferedBytes > 0) {
      this.#wait(bytes);
      return;
    }
    const taken = this.#socket!.write(bytes);
    if (taken < bytes.length) this.#wait(taken > 0 ? bytes.subarray(taken) : bytes);
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#send();
  }

  /** The system has room again. */
  drained(): void {
    const hadToWait = this.bufferedBytes > 0;
    this.#send();
    if (hadToWait && this.bufferedBytes === 0) this.handler.onDrain();
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  pause(): void {
    if (!this.#isClosed) this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#socket?.resume();
  }

  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    if (this.bufferedBytes === 0) this.#socket?.shutdown();
  }

  destroy(): void {
    if (this.#isClosed) return;
    if (this.#socket === undefined) this.#closesOnOpen = true;
    else this.#socket.terminate();
  }

  reset(): void {
    this.destroy();
  }

  closed(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.bufferedBytes = 0;
    this.handler.onClose(error);
  }

  #wait(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.bufferedBytes += bytes.length;
  }

  #send(): void {
    if (this.#isClosed) return;
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
      const taken = Math.max(0, this.#socket!.write(bytes));
      this.bufferedBytes -= taken;
      this.#waiting = taken === bytes.length ? [] : [bytes.subarray(taken)];
      if (taken < bytes.length) return;
    }
    if (this.#isEnding) this.#socket!.shutdown();
  }
}

const shared = {
  binaryType: 'buffer',
  data: (socket: BunSocket, bytes: Buffer) => void socket.data.handler.onBytes(bytes, 0, bytes.length),
  drain: (socket: BunSocket) => socket.data.drained(),
  end: (socket: BunSocket) => socket.data.handler.onEnd(),
  close: (socket: BunSocket, error?: Error) => socket.data?.closed(error),
  error: (socket: BunSocket, error: Error) => socket.data?.closed(error),
} as const;

function connect(api: BunApi, target: ConnectTarget, handler: ConnectHandler): Wire {
  const wire = new BunWire();
  wire.handler = handler;
  const socket: BunHandlers = {
    ...shared,
    open(opened) {
      wire.opened(opened);
      handler.onConnect();
    },
    connectError: (_socket, error) => wire.closed(error),
  };
  api.connect({ hostname: target.host, port: target.port, allowHalfOpen: true, data: wire, socket }).catch((error: Error) => wire.closed(error));
  return wire;
}

function listen(api: BunApi, target: ListenTarget, accept: (wire: Wire, isSecure: boolean) => WireHandler): Promise<Listener> {
  let open = 0;
  const socket: BunHandlers = {
    ...shared,
    open(accepted) {
      if (open >= target.connectionsMax) {
        accepted.terminate();
        return;
      }
      open++;
      const wire = new BunWire();
      accepted.data = wire;
      wire.opened(accepted);
      wire.handler = accept(wire, false);
    },
    close(closed, error) {
      if (closed.data === undefined) return;
      open--;
      closed.data.closed(error);
    },
  };
  try {
    const server = api.listen({ hostname: target.host ?? '::', port: target.port, allowHalfOpen: true, socket });
    return Promise.resolve({ host: target.host ?? '::', port: server.port, setTls: () => {}, close: (done) => (server.stop(false), done()) });
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
