import { constants } from 'node:crypto';
import dns from 'node:dns';
import net from 'node:net';
import tls from 'node:tls';
import { atTurnEnd, systemClock } from '../base/clock.js';
import { heldBySystem } from './system-queues.js';
import { connectionTaken } from './turn.js';
import type {
  ConnectHandler,
  ConnectTarget,
  Engine,
  Listener,
  ListenTarget,
  Wire,
  WireHandler,
} from './wire.js';

/** Read at once from an upstream, and buffered towards a slow peer before it is felt as pressure. */
const READ_BYTES = 64 * 1024;

/** The engine on Node's own sockets: `node:net` and `node:tls`, public API only. */
export const nodeEngine: Engine = { listen, connect };

class NodeWire implements Wire {
  readonly remoteAddress: string;
  readonly #socket: net.Socket;
  #isDeaf = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
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

/** Ties a socket's events to a handler: five closures a connection, none a request. */
function follow(socket: net.Socket, handler: WireHandler): void {
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

function connect(target: ConnectTarget, handler: ConnectHandler): Wire {
  const { host, port, preferredAddress } = target;
  const lookup = preferredAddress === undefined ? undefined : lookupPreferring(preferredAddress);
  if (target.tls !== undefined) {
    const socket = tls.connect({
      host,
      port,
      ...(lookup !== undefined && { lookup }),
      servername: net.isIP(target.tls.serverName) === 0 ? target.tls.serverName : '',
      ...(target.tls.ca === undefined ? {} : { ca: target.tls.ca }),
      rejectUnauthorized: !target.tls.insecure,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ALPNProtocols: ['http/1.1'],
      // Types lag behind the documentation here and below.
      ...({ highWaterMark: READ_BYTES } as object),
    });
    socket.setNoDelay(true);
    socket.on('secureConnect', () => handler.onConnect(socket.remoteAddress ?? ''));
    socket.on('data', (bytes: Buffer) => handler.onBytes(bytes, 0, bytes.length));
    return followed(socket, handler);
  }
  // One buffer a connection, read into again and again; a new one only when bytes in it wait for a slow
  // client.
  let buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let isLent = false;
  const socket = net.connect({
    host,
    port,
    ...(lookup !== undefined && { lookup }),
    noDelay: true,
    allowHalfOpen: true,
    ...({ highWaterMark: READ_BYTES } as object),
    onread: {
      buffer: () => {
        if (isLent) buffer = Buffer.allocUnsafeSlow(READ_BYTES);
        isLent = false;
        return buffer;
      },
      callback: (bytesRead, bytes) => {
        isLent = handler.onBytes(bytes as Buffer, 0, bytesRead);
        return true;
      },
    },
  });
  socket.on('connect', () => handler.onConnect(socket.remoteAddress ?? ''));
  return followed(socket, handler);
}

function followed(socket: net.Socket, handler: ConnectHandler): Wire {
  follow(socket, handler);
  const wire = new NodeWire(socket);
  wire.readOnAfterFailedWrite();
  return wire;
}

/** The system's look-up, with this address first where it is still one of the name's. */
function lookupPreferring(preferred: string): net.LookupFunction {
  return (name, options, answer) => {
    dns.lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error?.code === 'ENOTFOUND') {
        answer(error, '');
        return;
      }
      // While the resolver is away, it is where it was.
      const known = { address: preferred, family: net.isIP(preferred) };
      const sorted =
        error !== null
          ? [known]
          : [
              ...addresses.filter(({ address }) => address === preferred),
              ...addresses.filter(({ address }) => address !== preferred),
            ];
      if (options.all === true) answer(null, sorted);
      else answer(null, sorted[0]!.address, sorted[0]!.family);
    });
  };
}

function listen(
  target: ListenTarget,
  accept: (wire: Wire, isSecure: boolean, isHttp2?: boolean) => WireHandler,
): Promise<Listener> {
  const take = (socket: net.Socket, isSecure: boolean): void => {
    const isHttp2 = isSecure && (socket as tls.TLSSocket).alpnProtocol === 'h2';
    const handler = accept(new NodeWire(socket), isSecure, isHttp2);
    socket.on('data', (bytes: Buffer) => handler.onBytes(bytes, 0, bytes.length));
    follow(socket, handler);
  };
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: READ_BYTES };
  let server: net.Server;
  if (target.tls === undefined) {
    server = net.createServer(options, (socket) => take(socket, false));
  } else {
    const secure = tls.createServer({
      ...options,
      ...target.tls,
      // HTTP/1.1 is spoken here by either name.
      ALPNProtocols: [...(target.http2 ? ['h2'] : []), 'http/1.1', 'http/1.0'],
      handshakeTimeout: target.handshakeTimeMs,
    });
    secure.on('secureConnection', (socket) => {
      socket.setNoDelay(true);
      // A client of TLS 1.2 could ask for one handshake after the other. The attempt is an error, which ends
      // the connection.
      socket.disableRenegotiation();
      take(socket, true);
    });
    // A handshake that fails is the client's affair; without a listener its error would be thrown.
    secure.on('tlsClientError', (_error, socket) => socket.destroy());
    server = secure;
  }
  server.on('connection', connectionTaken);
  server.maxConnections = target.connectionsMax;
  server.on('drop', () => target.onTurnedAway(undefined));
  const closeNow = server.close.bind(server);
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => (ended ??= drained(server).then(() => void closeNow()));
  // `node:cluster` calls it in a worker, when the supervisor lets go of the port.
  server.close = (done) => {
    if (done !== undefined) server.once('close', done);
    void end();
    return server;
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: target.host, port: target.port, backlog: 1024 }, () => {
      server.off('error', reject);
      // Running out of file descriptors must not end the process; the listener goes on when some are free.
      server.on('error', ({ code }: NodeJS.ErrnoException) => target.onTurnedAway(code ?? 'EMFILE'));
      const bound = server.address() as net.AddressInfo;
      resolve({
        host: bound.address,
        port: bound.port,
        setConnectionsMax: (connectionsMax) => (server.maxConnections = connectionsMax),
        setTls: (next) => (server as tls.Server).setSecureContext(next),
        close: (done) => void end().then(done),
      });
    });
  });
}

/**
 * This long without a new connection, and the last turns of the event loop are short: then none is waiting.
 */
const QUIET_MS = 5;
const QUIET_TURNS = 2;
/** In a turn that lasts longer, because of other work or other processes, connections may come unseen. */
const QUIET_TURN_MS = 0.05;
/** Where new connections never stop coming, the port is closed in the first short turn after this. */
const DRAIN_MS_MAX = 1000;
/** On a machine that is so busy that no turn is short. */
const TURNS_MAX = 20_000;

/**
 * Resolves when the connections that the system has made for us are taken: libuv takes one a turn, and
 * closing resets the rest, together with the requests that came over them.
 */
function drained(server: net.Server): Promise<void> {
  const startedAt = systemClock.monotonic();
  let takenAt = startedAt;
  let turnAt = startedAt;
  let turnsLeft = TURNS_MAX;
  let quietTurns = 0;
  server.on('connection', () => {
    takenAt = systemClock.monotonic();
    quietTurns = 0;
  });
  return new Promise((resolve) => {
    const turn = (): void => {
      const now = systemClock.monotonic();
      quietTurns = now - turnAt > QUIET_TURN_MS ? 0 : quietTurns + 1;
      turnAt = now;
      const isQuiet = now - takenAt >= QUIET_MS || now - startedAt >= DRAIN_MS_MAX;
      if ((isQuiet && quietTurns > QUIET_TURNS) || --turnsLeft === 0) resolve();
      else atTurnEnd(turn);
    };
    atTurnEnd(turn);
  });
}
