// A small load generator on raw sockets for what wrk can't do: a fixed offered rate (so that a slow answer is not forgiven by asking
// later: no coordinated omission) and WebSocket messages. Prints one line of JSON.
//   node load.mjs rate PORT PATH CONNECTIONS PER_SECOND SECONDS      node load.mjs websocket PORT CONNECTIONS SECONDS
import { connect } from 'node:net';

const [kind, port, ...rest] = process.argv.slice(2);

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function rate([path, connections, perSecond, seconds]) {
  const total = Math.floor(Number(perSecond) * Number(seconds));
  const gapMs = 1000 / Number(perSecond);
  const latencies = [];
  const waiting = [];
  const free = [];
  const startedAt = performance.now() + 200;
  let sent = 0;
  let failed = 0;
  await new Promise((finish) => {
    const settle = () => {
      if (latencies.length + failed === total) finish();
    };
    for (let at = 0; at < Number(connections); at++) {
      const request = `GET ${path} HTTP/1.1\r\nHost: bench.example\r\nCookie: user=${at}\r\n\r\n`;
      const socket = connect(Number(port), '127.0.0.1');
      socket.setNoDelay(true);
      const line = { socket, request, dueAt: 0, head: '', left: -1 };
      socket.on('data', (bytes) => {
        let text = bytes.toString('latin1');
        if (line.left === -1) {
          line.head += text;
          const stop = line.head.indexOf('\r\n\r\n');
          if (stop === -1) return;
          const length = Number(/\r\ncontent-length: *(\d+)/i.exec(line.head)?.[1] ?? 0);
          line.left = length - (line.head.length - stop - 4);
          line.head = '';
        } else line.left -= text.length;
        if (line.left > 0) return;
        line.left = -1;
        latencies.push(performance.now() - line.dueAt);
        free.push(line);
        settle();
        pump();
      });
      socket.on('error', () => {
        failed++;
        settle();
      });
      free.push(line);
    }
    function pump() {
      while (waiting.length > 0 && free.length > 0) {
        const line = free.shift();
        line.dueAt = waiting.shift();
        line.socket.write(line.request, 'latin1');
      }
    }
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / gapMs));
      for (; sent < due; sent++) waiting.push(startedAt + sent * gapMs);
      pump();
      if (sent === total) clearInterval(timer);
    }, 1);
  });
  latencies.sort((a, b) => a - b);
  return { requests: latencies.length, failed, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), maxMs: latencies.at(-1) };
}

/** Echoes of 64 bytes, one under way on each connection. */
async function websocket([connections, seconds]) {
  const frame = Buffer.concat([Buffer.from([0x82, 0x80 | 64, 1, 2, 3, 4]), Buffer.alloc(64, 7)]);
  let messages = 0;
  let open = 0;
  let refused = 0;
  const sockets = Array.from({ length: Number(connections) }, (_, at) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.setNoDelay(true);
    socket.write(`GET /ws HTTP/1.1\r\nHost: bench.example\r\nCookie: user=${at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
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

const kinds = { rate, websocket };
console.log(JSON.stringify(await kinds[kind](rest)));
process.exit(0);
