import { connect as connectTcp } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { connect } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until, within } from '../support/until.js';
import { startGatewayProcess, type GatewayProcess } from './gateway.js';
import { hasProc, mebibytes, memoryOf } from './memory.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
/**
 * Since Node 24, V8 lets more of what was read pile up before it collects: its own 15 MiB more, and 50 MiB of
 * buffers.
 */
const RESIDENT_MAX = (Number.parseInt(process.versions.node, 10) < 24 ? 150 : 220) * MiB;
/**
 * What the system may hold of one body in the sockets on the way: two connections, each with a sending and a
 * receiving side.
 */
const IN_SOCKETS_MAX = 48 * MiB;
const PIECE = Buffer.alloc(256 * 1024, 'stickyroute ');

let upstream: FakeUpstream;
let gateway: GatewayProcess;
beforeEach(async () => {
  upstream = await startUpstream();
  gateway = await startGatewayProcess({ upstreams: { 'api-1': upstream.url } });
});
afterEach(async () => {
  await gateway.process.stop();
  await upstream.stop();
});

/** A GET whose answer is counted and thrown away as it comes. */
function download(port: number): {
  readonly bytes: () => number;
  readonly end: Promise<void>;
  pause(): void;
  resume(): void;
} {
  let bytes = 0;
  const socket = connectTcp({
    port,
    host: '127.0.0.1',
    onread: { buffer: Buffer.alloc(256 * 1024), callback: (count) => ((bytes += count), true) },
  });
  const end = new Promise<void>((resolve, reject) => {
    socket.once('close', () => resolve());
    socket.once('error', reject);
  });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  return { bytes: () => bytes, end, pause: () => void socket.pause(), resume: () => void socket.resume() };
}

/** Writes a body as fast as it is taken; answers how much has been handed to the system. */
function upload(
  port: number,
  bodyBytes: number,
  isChunked = false,
): { readonly written: () => number; readonly answer: Promise<string> } {
  let written = 0;
  const socket = connectTcp({ port, host: '127.0.0.1' });
  const answer = new Promise<string>((resolve, reject) => {
    let text = '';
    socket
      .setEncoding('latin1')
      .on('data', (more: string) => (text += more))
      .once('close', () => resolve(text))
      .once('error', reject);
  });
  socket.write(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bodyBytes}`}\r\n\r\n`,
  );
  const more = (): void => {
    while (written < bodyBytes) {
      const piece = PIECE.subarray(0, Math.min(PIECE.length, bodyBytes - written));
      written += piece.length;
      if (isChunked) socket.write(`${piece.length.toString(16)}\r\n`);
      let isFree = socket.write(piece);
      if (isChunked) isFree = socket.write('\r\n');
      if (!isFree) {
        socket.once('drain', more);
        return;
      }
    }
    if (isChunked) socket.write('0\r\n\r\n');
  };
  more();
  return { written: () => written, answer };
}

/** Waits until a count has not moved for a while, and returns it. */
async function standstill(what: string, count: () => number): Promise<number> {
  let last = -1;
  let since = performance.now();
  return await until(
    `${what} to stand still`,
    () => {
      if (count() !== last) {
        last = count();
        since = performance.now();
        return undefined;
      }
      return last > 0 && performance.now() - since > 300 ? last : undefined;
    },
    15_000,
  );
}

/** Where nothing can be measured, the rest of the test has been run, and the skip says what wasn't. */
function expectSmall(context: TestContext, what: string): void {
  if (!hasProc) context.skip('there is no /proc that tells the size of a process');
  const { most } = memoryOf(gateway.process.pid);
  console.log(`${what}: the gateway was never larger than ${mebibytes(most)}`);
  expect(most).toBeLessThan(RESIDENT_MAX);
}

describe(`1 GiB through the gateway stays under ${mebibytes(RESIDENT_MAX)} resident`, () => {
  it.for(['length', 'chunked'] as const)(
    'down, framed by %s',
    { timeout: 40_000 },
    async (framing, context) => {
      upstream.behaviour = { kind: 'flood', bodyBytes: GiB, framing };
      const answer = download(gateway.port);
      await within(() => `the whole answer, after ${mebibytes(answer.bytes())}`, answer.end, 30_000);
      expect(answer.bytes()).toBeGreaterThan(GiB);
      expect(answer.bytes()).toBeLessThan(GiB * 1.01);
      expectSmall(context, `1 GiB down, framed by ${framing}`);
    },
  );

  it.for(['length', 'chunked'] as const)(
    'up, framed by %s',
    { timeout: 40_000 },
    async (framing, context) => {
      const sent = upload(gateway.port, GiB, framing === 'chunked');
      const text = await within(
        () => `the answer, after ${mebibytes(upstream.seen[0]?.bodyBytes ?? 0)}`,
        sent.answer,
        30_000,
      );
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      expect(upstream.seen[0]!.bodyBytes).toBe(GiB);
      expect(upstream.faults).toEqual([]);
      expectSmall(context, `1 GiB up, framed by ${framing}`);
    },
  );
});

describe('whoever is slow stops whoever sends', () => {
  it('a client that stops reading stops the upstream, and gets everything when it reads on', async (context) => {
    const bodyBytes = 256 * MiB;
    upstream.behaviour = { kind: 'flood', bodyBytes };
    const answer = download(gateway.port);
    await until('the beginning', () => answer.bytes() > MiB);
    answer.pause();
    const sent = await standstill('the upstream', () => upstream.sentBytes);
    console.log(
      `a client that stopped at ${mebibytes(answer.bytes())} stopped the upstream at ${mebibytes(sent)}`,
    );
    expect(sent - answer.bytes()).toBeLessThan(IN_SOCKETS_MAX);
    answer.resume();
    await within('the rest', answer.end, 15_000);
    expect(answer.bytes()).toBeGreaterThan(bodyBytes);
    expectSmall(context, 'with a client that does not read');
  });

  it('an upstream that stops reading stops the client, and gets everything when it reads on', async (context) => {
    const bodyBytes = 128 * MiB;
    upstream.behaviour = { kind: 'deaf' };
    const sent = upload(gateway.port, bodyBytes);
    const written = await standstill('the client', sent.written);
    console.log(`an upstream that reads no body stopped the client at ${mebibytes(written)}`);
    expect(written).toBeLessThan(IN_SOCKETS_MAX);
    upstream.listenAgain();
    await until('the upstream to have it all', () => upstream.seen[0]!.bodyBytes === bodyBytes, 15_000);
    // It answers nothing, then or ever.
    upstream.dropConnections();
    expect(await sent.answer).toMatch(/^HTTP\/1\.1 502 /);
    expectSmall(context, 'with an upstream that does not read');
  });

  it('others are served meanwhile', async () => {
    upstream.behaviour = ({ target }) =>
      target === '/flood' ? { kind: 'flood', bodyBytes: GiB } : { kind: 'answer' };
    const slow = await connect(gateway.port);
    slow.socket.pause();
    slow.send({ target: '/flood' });
    await standstill('the upstream', () => upstream.sentBytes);
    const client = await connect(gateway.port);
    for (let at = 0; at < 20; at++) expect((await client.request()).status).toBe(200);
    for (const each of [slow, client]) each.destroy();
  });
});
