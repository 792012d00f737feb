// node grpc-upstream.mjs PORT…: answers every call of gRPC with one message, as cheaply as Node can: frames
// by hand, one write a read.
import { createServer } from 'node:net';

const PREFACE_BYTES = 24;
const [DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE] = [0, 1, 4, 6, 8];
const END_STREAM = 1;

function frame(type, flags, stream, payload) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const literal = (name, value) =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
const head = Buffer.concat([Buffer.from([0x88]), literal('content-type', 'application/grpc')]);
const message = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 36]),
  Buffer.from('hello from an upstream, a small call'),
]);
/** HEADERS, DATA, HEADERS with END_STREAM; the stream's number is filled in. */
const answer = Buffer.concat([
  frame(HEADERS, 4, 0, head),
  frame(DATA, 0, 0, message),
  frame(HEADERS, 5, 0, literal('grpc-status', '0')),
]);
const places = [5, 9 + head.length + 5, 9 + head.length + 9 + message.length + 5];

function window(bytes) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

const settings = frame(SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 128, 0, 4, 0, 1, 0, 0]));

for (const port of process.argv.slice(2)) {
  createServer({ noDelay: true }, (socket) => {
    let held = Buffer.alloc(0);
    let skip = PREFACE_BYTES;
    let taken = 0;
    socket.write(Buffer.concat([settings, window(2 ** 30)]));
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      let at = Math.min(skip, held.length);
      skip -= at;
      const out = [];
      while (held.length - at >= 9) {
        const length = held.readUIntBE(at, 3);
        if (held.length - at < 9 + length) break;
        const [type, flags] = [held[at + 3], held[at + 4]];
        if (type === SETTINGS && flags === 0) out.push(frame(SETTINGS, 1, 0, Buffer.alloc(0)));
        else if (type === PING && flags === 0) out.push(frame(PING, 1, 0, held.subarray(at + 9, at + 17)));
        else if (type === DATA || type === HEADERS) {
          if (type === DATA) taken += length;
          if ((flags & END_STREAM) !== 0) {
            const mine = Buffer.from(answer);
            for (const place of places) held.copy(mine, place, at + 5, at + 9);
            out.push(mine);
          }
        }
        at += 9 + length;
      }
      held = held.subarray(at);
      if (taken > 2 ** 28) {
        out.push(window(taken));
        taken = 0;
      }
      if (out.length > 0) socket.write(Buffer.concat(out));
    });
  }).listen(Number(port), '127.0.0.1');
}
