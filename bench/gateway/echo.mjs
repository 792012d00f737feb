// A WebSocket echo on bare sockets, light enough not to be what is measured: answers the handshake, sends
// every masked frame of up to 125 bytes back unmasked. Usage: node echo.mjs PORT...
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

for (const port of process.argv.slice(2)) {
  createServer({ noDelay: true }, (socket) => {
    let isOpen = false;
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      if (!isOpen) {
        const stop = held.indexOf('\r\n\r\n');
        if (stop === -1) return;
        const key = /sec-websocket-key: *(\S+)/i.exec(held.toString('latin1', 0, stop))?.[1] ?? '';
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        isOpen = true;
        held = held.subarray(stop + 4);
      }
      while (held.length >= 6) {
        const size = held[1] & 0x7f;
        if (held.length < 6 + size) return;
        const echo = Buffer.allocUnsafe(2 + size);
        echo[0] = held[0];
        echo[1] = size;
        for (let at = 0; at < size; at++) echo[2 + at] = held[6 + at] ^ held[2 + (at & 3)];
        socket.write(echo);
        held = held.subarray(6 + size);
      }
    });
  }).listen(Number(port), '127.0.0.1', 4096);
}
