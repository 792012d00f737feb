// A small load generator on raw sockets for what wrk can't do: WebSocket messages. Prints one line of JSON.
//   node load.mjs PORT CONNECTIONS SECONDS
import { connect } from 'node:net';

const [port, connections, seconds] = process.argv.slice(2);

/** Echoes of 64 bytes, one under way on each connection. */
async function websocket() {
  const frame = Buffer.concat([Buffer.from([0x82, 0x80 | 64, 1, 2, 3, 4]), Buffer.alloc(64, 7)]);
  let messages = 0;
  let open = 0;
  let refused = 0;
  const sockets = Array.from({ length: Number(connections) }, (_, at) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: bench.example\r\nCookie: user=${at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    let isOpen = false;
    let bytesIn = 0;
    socket.on('data', (bytes) => {
      if (!isOpen) {
        if (!bytes.toString('latin1').startsWith('HTTP/1.1 101')) {
          refused++;
          socket.destroy();
          return;
        }
        isOpen = true;
        open++;
        socket.write(frame);
        return;
      }
      bytesIn += bytes.length;
      // The echo comes back unmasked: a head of 2 bytes.
      if (bytesIn < 66) return;
      bytesIn -= 66;
      messages++;
      socket.write(frame);
    });
    socket.on('error', () => {});
    return socket;
  });
  await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
  for (const socket of sockets) socket.destroy();
  return { requests: Math.max(1, messages), open, failed: refused };
}

console.log(JSON.stringify(await websocket()));
process.exit(0);
