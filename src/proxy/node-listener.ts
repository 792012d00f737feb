import net from 'node:net';
import tls from 'node:tls';
import { atTurnEnd, systemClock } from '../base/clock.js';
import { follow, NodeWire, READ_BYTES } from './node-wire.js';
import { answerPlainRequests } from './plain-on-tls.js';
import { connectionTaken } from './turn.js';
import { withoutHeader } from './proxied-sockets.js';
import { contextOptions, TlsContexts } from './tls-contexts.js';
import type { Listener, ListenerTls, ListenTarget, Wire, WireHandler } from './wire.js';

/** Opens a port on Node's own sockets, in the clear or with TLS. */
export function openListener(
  target: ListenTarget,
  accept: (wire: Wire, isSecure: boolean, isHttp2?: boolean) => WireHandler,
): Promise<Listener> {
  /** Came while the port is being closed; nothing of theirs is read before it is. */
  let held: (() => void)[] | undefined;
  const take = (socket: net.Socket, isSecure: boolean, client?: string): void => {
    if (held !== undefined) {
      const ignore = (): void => {};
      socket.on('error', ignore);
      held.push(() => {
        socket.off('error', ignore);
        if (!socket.destroyed) take(socket, isSecure, client);
      });
      return;
    }
    const isHttp2 = isSecure && (socket as tls.TLSSocket).alpnProtocol === 'h2';
    const handler = accept(new NodeWire(socket, client), isSecure, isHttp2);
    socket.on('data', (bytes: Buffer) => handler.onBytes(bytes, 0, bytes.length));
    follow(socket, handler);
    // A header was taken off it first.
    if (socket.isPaused()) socket.resume();
  };
  const options = { allowHalfOpen: true, noDelay: true, highWaterMark: READ_BYTES };
  const secure = target.tls === undefined ? undefined : secureServer(target, target.tls, options);
  /** Clients behind a load balancer, by the end of the connection that both its sockets show. */
  const clients = new Map<string, string>();
  secure?.server.on('secureConnection', (socket) => take(socket, true, clients.get(farEnd(socket))));
  const { proxied, handshakeTimeMs } = target;
  const server =
    proxied === undefined
      ? (secure?.server ?? net.createServer(options, (socket) => take(socket, false)))
      : net.createServer(options, (socket) =>
          withoutHeader(socket, proxied, handshakeTimeMs, (client) => {
            if (secure === undefined) {
              take(socket, false, client);
              return;
            }
            if (client !== undefined) {
              const end = farEnd(socket);
              clients.set(end, client);
              socket.once('close', () => clients.delete(end));
            }
            secure.server.emit('connection', socket);
          }),
        );
  server.on('connection', connectionTaken);
  server.maxConnections = target.connectionsMax;
  server.on('drop', () => target.onTurnedAway(undefined));
  const closeNow = server.close.bind(server);
  let isEnding = false;
  const closed: (() => void)[] = [];
  const end = (isShared: boolean): void => {
    if (isEnding) return;
    isEnding = true;
    held = [];
    const close = (): void => {
      closeNow();
      const late = held!;
      held = undefined;
      for (const begin of late) begin();
      for (const done of closed) done();
    };
    if (isShared) close();
    else whenDrained(server, close);
  };
  // `node:cluster` calls it in a worker, just before the supervisor lets go of the port. The port is closed
  // when that has happened, and the supervisor has said so.
  server.close = (done) => {
    if (done !== undefined) server.once('close', done);
    return server;
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const onListening = (): void => {
      server.off('error', reject);
      // Running out of file descriptors must not end the process; the listener goes on when some are free.
      server.on('error', ({ code }: NodeJS.ErrnoException) => target.onTurnedAway(code ?? 'EMFILE'));
      const bound = server.address() as net.AddressInfo;
      resolve({
        host: bound.address,
        port: bound.port,
        setConnectionsMax: (connectionsMax) => (server.maxConnections = connectionsMax),
        setTls: (next) => secure?.set(next),
        close: (done, isShared = false) => {
          if (isEnding && held === undefined) done();
          else closed.push(done);
          end(isShared);
        },
      });
    };
    if (target.descriptor === undefined)
      server.listen({ host: target.host, port: target.port, backlog: BACKLOG }, onListening);
    // By a socket, since a worker would take `fd` for a descriptor of its supervisor.
    else server.listen(handed(target.descriptor), BACKLOG, onListening);
  });
}

const BACKLOG = 1024;

/** Throws when it is no socket of TCP. */
function handed(descriptor: number): net.Socket {
  return new net.Socket({ fd: descriptor, readable: false, writable: false });
}

interface SecureServer {
  readonly server: tls.Server;
  set(tls: ListenerTls): void;
}

function secureServer(target: ListenTarget, first: ListenerTls, options: net.ServerOpts): SecureServer {
  let contexts = new TlsContexts(first);
  const server = tls.createServer({
    ...options,
    ...defaultContext(first),
    requestCert: first.clientCa !== undefined,
    rejectUnauthorized: first.isClientCertRequired,
    SNICallback: (name, answer) => answer(null, contexts.for(name)),
    // HTTP/1.1 is spoken here by either name.
    ALPNProtocols: [...(target.http2 ? ['h2'] : []), 'http/1.1', 'http/1.0'],
    handshakeTimeout: target.handshakeTimeMs,
  });
  server.on('secureConnection', (socket) => {
    socket.setNoDelay(true);
    // A client of TLS 1.2 could ask for one handshake after the other. The attempt is an error, which ends
    // the connection.
    socket.disableRenegotiation();
  });
  // A handshake that fails is the client's affair; without a listener its error would be thrown.
  answerPlainRequests(server);
  return {
    server,
    set: (next) => {
      contexts = new TlsContexts(next);
      server.setSecureContext(defaultContext(next));
    },
  };
}

function defaultContext({ certificates: [first], ...offers }: ListenerTls): tls.SecureContextOptions {
  return contextOptions(first, offers);
}

/** The same for a socket and for TLS over it, and for no other as long as it is open. */
function farEnd({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * This long without a new connection, and the last turns of the event loop are short: then none is waiting.
 */
const QUIET_MS = 5;
const QUIET_TURNS = 2;
/** In a turn that lasts longer, because of other work or other processes, connections may come unseen. */
const QUIET_TURN_MS = 0.05;
/**
 * Where new connections never stop coming, the port is closed in the first short turn after this. Those that
 * came meanwhile have waited as long.
 */
const DRAIN_MS_MAX = 500;
/** On a machine that is so busy that no turn is short. */
const TURNS_MAX = 20_000;

/**
 * Calls `then` when the connections that the system has made for us are taken: libuv takes one a turn, and
 * closing resets the rest, together with the requests that came over them. `then` has to close at once, in
 * this turn.
 */
function whenDrained(server: net.Server, then: () => void): void {
  const startedAt = systemClock.monotonic();
  let takenAt = startedAt;
  let turnAt = startedAt;
  let turnsLeft = TURNS_MAX;
  let quietTurns = 0;
  server.on('connection', () => {
    takenAt = systemClock.monotonic();
    quietTurns = 0;
  });
  const turn = (): void => {
    const now = systemClock.monotonic();
    quietTurns = now - turnAt > QUIET_TURN_MS ? 0 : quietTurns + 1;
    turnAt = now;
    const isQuiet = now - takenAt >= QUIET_MS || now - startedAt >= DRAIN_MS_MAX;
    if ((isQuiet && quietTurns > QUIET_TURNS) || --turnsLeft === 0) then();
    else atTurnEnd(turn);
  };
  atTurnEnd(turn);
}
