import { readFileSync } from 'node:fs';
import http2, { type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { frame, setting, uint32 } from '../../src/proxy/http2/frames.js';
import { PREFACE } from '../../src/proxy/http2/preface.js';
import { block, GET, POST } from '../support/http2-frames.js';
import { freePort } from '../support/ports.js';
import { skipWhere } from '../support/programs.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until, within } from '../support/until.js';
import { startGatewayProcess, type GatewayProcess } from './gateway.js';
import { hasProc, mebibytes, memoryOf } from './memory.js';

/** HTTP/2 under load: what it takes of memory and of time, and that nobody else feels it. */
const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const RESIDENT_MAX = (Number.parseInt(process.versions.node, 10) < 24 ? 150 : 220) * MiB;
const [DATA, HEADERS, SETTINGS, WINDOW] = [0, 1, 4, 8];
const HELLO = PREFACE.toString('latin1') + frame(SETTINGS, 0, 0, setting(4, 2 ** 31 - 1));

let upstream: FakeUpstream;
let gateway: GatewayProcess;
const sockets = new Set<Socket>();
const sessions = new Set<ClientHttp2Session>();
beforeEach(async () => {
  upstream = await startUpstream();
  gateway = await startGatewayProcess({ upstreams: { 'api-1': upstream.url }, http2: true });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const session of sessions) session.destroy();
  await gateway.process.stop();
  await upstream.stop();
});

/** Writes frames, and is told of each that comes; its payload is thrown away unless it is short. */
function frames(
  taken: (type: number, flags: number, stream: number, length: number, payload: Buffer) => void,
): Socket {
  const socket = connectTcp({ port: gateway.port, host: '127.0.0.1', noDelay: true });
  sockets.add(socket);
  let held: Buffer = Buffer.alloc(0);
  let left = 0;
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    if (left >= bytes.length) {
      left -= bytes.length;
      return;
    }
    held = held.length === 0 ? bytes.subarray(left) : Buffer.concat([held, bytes]);
    left = 0;
    while (held.length >= 9) {
      const length = held.readUIntBE(0, 3);
      const isData = held[3] === DATA;
      if (!isData && held.length < 9 + length) return;
      taken(held[3]!, held[4]!, held.readUInt32BE(5), length, held.subarray(9, 9 + length));
      if (held.length < 9 + length) left = 9 + length - held.length;
      held = held.subarray(Math.min(held.length, 9 + length));
    }
  });
  return socket;
}

function expectSmall(what: string): void {
  if (!hasProc) return;
  const { most } = memoryOf(gateway.process.pid);
  console.log(`${what}: the gateway was never larger than ${mebibytes(most)}`);
  expect(most).toBeLessThan(RESIDENT_MAX);
}

describe(`1 GiB by HTTP/2 stays under ${mebibytes(RESIDENT_MAX)} resident`, () => {
  it('down', { timeout: 60_000 }, async () => {
    upstream.behaviour = { kind: 'flood', bodyBytes: GiB };
    let bytes = 0;
    let uncredited = 0;
    const ended = new Promise<void>((resolve) => {
      const socket = frames((type, flags, stream, length) => {
        if (type !== DATA) return;
        bytes += length;
        uncredited += length;
        if (uncredited > 500_000) {
          socket.write(frame(WINDOW, 0, 0, uint32(uncredited)), 'latin1');
          uncredited = 0;
        }
        if ((flags & 1) !== 0 && stream === 1) resolve();
      });
      const window = frame(WINDOW, 0, 0, uint32(1_000_000));
      socket.write(HELLO + window + frame(HEADERS, 5, 1, block(...GET)), 'latin1');
    });
    await within(() => `the whole answer, after ${mebibytes(bytes)}`, ended, 50_000);
    expect(bytes).toBe(GiB);
    expectSmall('1 GiB down by HTTP/2');
  });

  it('up', { timeout: 60_000 }, async () => {
    const piece = Buffer.from(frame(DATA, 0, 1, 'x'.repeat(16_384)), 'latin1');
    let left = GiB;
    let window = 65_535;
    let connection = 65_535;
    let status = '';
    const socket = frames((type, _flags, stream, _length, payload) => {
      if (type === WINDOW) {
        if (stream === 0) connection += payload.readUInt32BE(0);
        else window += payload.readUInt32BE(0);
      } else if (type === SETTINGS) {
        for (let at = 0; at < payload.length; at += 6)
          if (payload.readUInt16BE(at) === 4) window += payload.readUInt32BE(at + 2) - 65_535;
      } else if (type === HEADERS) status = payload.toString('latin1');
      while (left > 0 && Math.min(window, connection) >= 16_384) {
        socket.write(piece);
        window -= 16_384;
        connection -= 16_384;
        left -= 16_384;
        if (left === 0) socket.write(frame(DATA, 1, 1, ''), 'latin1');
      }
    });
    socket.write(HELLO + frame(HEADERS, 4, 1, block(...POST)), 'latin1');
    await until('the answer', () => status !== '', 50_000);
    expect(upstream.seen[0]!.bodyBytes).toBe(GiB);
    expect(upstream.faults).toEqual([]);
    expectSmall('1 GiB up by HTTP/2');
  });
});

/** The whole: CONNECTIONS=1000 npx vitest run test/e2e/http2-load.test.ts */
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 200);

describe(`${CONNECTIONS} connections with 100 requests each`, () => {
  it('at once are all answered', { timeout: 90_000 }, async () => {
    // An upstream that costs little: each read is a request.
    const quick = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => quick.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve));
    onTestFinished(() => void quick.close());
    await gateway.process.stop();
    gateway = await startGatewayProcess({
      upstreams: { 'api-1': `http://127.0.0.1:${port}` },
      http2: true,
      accessLog: false,
      // Thousands of connections are made at once, on a machine that may be busy.
      limits: { connectTime: '30s' },
    });
    let answered = 0;
    let wrong = 0;
    const get = block(...GET);
    const requests = Array.from({ length: 100 }, (_, at) => frame(HEADERS, 5, at * 2 + 1, get)).join('');
    for (let at = 0; at < CONNECTIONS; at++) {
      const socket = frames((type, flags, _stream, _length, payload) => {
        if (type === HEADERS && payload[0] !== 0x88) wrong++;
        if (type === DATA && (flags & 1) !== 0) answered++;
      });
      socket.write(HELLO + requests, 'latin1');
    }
    await until('all the answers', () => answered === CONNECTIONS * 100, 80_000).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${answered} answered, ${wrong} wrong`);
    });
    expect(wrong).toBe(0);
    if (hasProc) {
      const { most } = memoryOf(gateway.process.pid);
      console.log(
        `${CONNECTIONS} × 100 requests by HTTP/2: the gateway was never larger than ${mebibytes(most)}`,
      );
      expect(most).toBeLessThan(600 * MiB);
    }
  });
});

const noProc = hasProc ? undefined : 'there is no /proc that tells what a process costs';

skipWhere(noProc)('a flood costs its own connection, and nobody else', () => {
  /** User and system time of the gateway, in ms. */
  function cpuMs(): number {
    const fields = readFileSync(`/proc/${gateway.process.pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
  const get = block(...GET);
  it.each([
    ['PING', frame(6, 0, 0, '12345678').repeat(5000)],
    ['SETTINGS', frame(SETTINGS, 0, 0, '').repeat(5000)],
    ['PRIORITY', frame(2, 0, 1, `${uint32(0)}\x10`).repeat(5000)],
    ['frames of no known type', frame(0x42, 0, 0, '').repeat(5000)],
    ['windows that grow by a byte', frame(WINDOW, 0, 0, uint32(1)).repeat(5000)],
    ['empty DATA', frame(HEADERS, 4, 1, block(...POST)) + frame(DATA, 0, 1, '').repeat(5000)],
    ['empty CONTINUATIONs', frame(HEADERS, 1, 1, get) + frame(9, 0, 1, '').repeat(5000)],
    [
      'requests that are taken back',
      Array.from(
        { length: 5000 },
        (_, at) => frame(HEADERS, 5, at * 2 + 1, get) + frame(3, 0, at * 2 + 1, uint32(8)),
      ).join(''),
    ],
    [
      'a bomb of HPACK',
      frame(HEADERS, 5, 1, `${get}\x40\x01a\x7f\x81\x1f${'v'.repeat(4096)}${'\xbe'.repeat(12_000)}`),
    ],
  ])('of %s', async (_, flood) => {
    // One that has been running: compilers and caches need a while.
    const other = http2.connect(`http://127.0.0.1:${gateway.port}`);
    sessions.add(other);
    const ask = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = other.request({ ':path': '/other' });
        stream.on('response', (headers) => resolve(headers[':status']!));
        stream.on('error', reject);
        stream.resume();
      });
    expect(await ask()).toBe(200);
    const before = cpuMs();
    const floods = Array.from({ length: 20 }, () => {
      const socket = frames(() => {});
      socket.write(HELLO + flood, 'latin1');
      return new Promise((resolve) => socket.once('close', resolve));
    });
    for (let at = 0; at < 10; at++) expect(await ask()).toBe(200);
    if (!flood.includes('vvvv')) await within('the floods to be cut off', Promise.all(floods), 10_000);
    // At 20 × 5 000 frames: less than 10 µs each, though none is worth anything.
    expect(cpuMs() - before).toBeLessThan(1000);
    expect(memoryOf(gateway.process.pid).most).toBeLessThan(RESIDENT_MAX);
  });
});
