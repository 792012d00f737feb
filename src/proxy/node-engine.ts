import { constants } from 'node:crypto';
import dns from 'node:dns';
import net from 'node:net';
import tls from 'node:tls';
import { openListener } from './node-listener.js';
import { follow, NodeWire, READ_BYTES } from './node-wire.js';
import type { ConnectHandler, ConnectTarget, Engine, Wire } from './wire.js';

/** The engine on Node's own sockets: `node:net` and `node:tls`, public API only. */
export const nodeEngine: Engine = { listen: openListener, connect };

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
      ALPNProtocols: [target.http2 ? 'h2' : 'http/1.1'],
      // Types lag behind the documentation here and below.
      ...({ highWaterMark: READ_BYTES } as object),
    });
    socket.setNoDelay(true);
    socket.on('secureConnect', () =>
      handler.onConnect(socket.remoteAddress ?? '', socket.alpnProtocol === 'h2'),
    );
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
