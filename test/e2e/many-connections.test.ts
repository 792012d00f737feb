import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { connect } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startGatewayProcess, type GatewayProcess } from './gateway.js';
import { hasProc, mebibytes, memoryOf } from './memory.js';

const IDLE = 5000;
const SLOW = 200;
const HEAD_TIME_MS = 1500;
/** A limit is met at most 0.1 s late by design; the rest is for a busy machine. */
const LATE_MS_MAX = 1500;
const FILES_NEEDED = IDLE + SLOW + 500;

let upstreams: FakeUpstream[];
let gateway: GatewayProcess;
const sockets: Socket[] = [];
beforeEach(async () => {
  upstreams = await startUpstreams(3);
  gateway = await startGatewayProcess({
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    affinity: [{ header: 'x-user-id' }],
    limits: { headTime: `${HEAD_TIME_MS}ms`, idleTime: '5m' },
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.process.stop();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});

/** Node raises its own limit to the hard one as it starts, and so does the gateway. */
function skipWithoutFiles(context: TestContext): void {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft: string } };
  };
  const files = Number(userLimits?.open_files?.soft ?? Infinity);
  if (files < FILES_NEEDED)
    context.skip(`this user may open ${files} files; the test needs ${FILES_NEEDED} (ulimit -n)`);
}

/** A connection as lean as it can be, thousands of times over: raw-client's keeps what it receives. */
function open(onData: (text: string) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ port: gateway.port, host: '127.0.0.1' });
    sockets.push(socket);
    socket.on('data', (bytes) => onData(bytes.toString('latin1')));
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/** Opens a keep-alive connection, has one request answered on it, and leaves it be. */
async function openIdle(): Promise<Socket> {
  let answered: () => void;
  const answer = new Promise<void>((resolve) => (answered = resolve));
  const socket = await open(() => answered());
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nx-user-id: u\r\n\r\n');
  await answer;
  return socket;
}

async function openAll<T>(count: number, one: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (all.length < count) {
        const at = all.push(undefined as T) - 1;
        all[at] = await one();
      }
    }),
  );
  return all;
}

/** How long 100 requests on new connections take, each; the longest. */
async function longestMs(): Promise<number> {
  let longest = 0;
  for (let at = 0; at < 100; at++) {
    const before = performance.now();
    const client = await connect(gateway.port);
    expect((await client.request({ headers: { 'x-user-id': `user-${at}` } })).status).toBe(200);
    client.destroy();
    longest = Math.max(longest, performance.now() - before);
  }
  return longest;
}

interface Slow {
  readonly openedAt: number;
  closedAt: number;
  text: string;
}

/** Sends a head a few bytes at a time and never ends it, or (`isMute`) nothing at all. */
async function openSlow(isMute: boolean): Promise<Slow> {
  const slow: Slow = { openedAt: performance.now(), closedAt: 0, text: '' };
  const socket = await open((text) => (slow.text += text));
  socket.on('error', () => {});
  const drip = setInterval(() => socket.write('x-a: b\r\n'), 100);
  if (isMute) clearInterval(drip);
  else socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  // The gateway's end, which is what counts; a reset says the same.
  const end = (): void => {
    clearInterval(drip);
    if (slow.closedAt === 0) slow.closedAt = performance.now();
  };
  socket.once('end', end).once('close', end);
  return slow;
}

describe(`${IDLE} idle keep-alive connections and ${SLOW} that never finish a head`, () => {
  it('new requests are served promptly; the slow ones are cut at headTime, the idle ones are not', async (context) => {
    skipWithoutFiles(context);
    // So that what every process needs once is not counted as the connections'.
    await longestMs();
    const aloneMs = await longestMs();
    const before = hasProc ? memoryOf(gateway.process.pid) : undefined;

    const idle = await openAll(IDLE, openIdle);
    if (before !== undefined) {
      const { now, most } = memoryOf(gateway.process.pid);
      console.log(
        `${IDLE} idle connections: ${Math.round((now - before.now) / IDLE)} bytes resident each (${mebibytes(before.now)} → ${mebibytes(now)}, at most ${mebibytes(most)})`,
      );
      expect((now - before.now) / IDLE).toBeLessThan(40 * 1024);
    }
    const idleMs = await longestMs();

    const slow = await openAll(SLOW, () => openSlow(false));
    slow.push(...(await openAll(20, () => openSlow(true))));
    const besiegedMs = await longestMs();
    console.log(
      `the longest of 100 requests on new connections: alone ${aloneMs.toFixed(0)} ms, with ${IDLE} idle ${idleMs.toFixed(0)} ms, with ${SLOW} slow ones too ${besiegedMs.toFixed(0)} ms`,
    );
    expect(Math.max(idleMs, besiegedMs)).toBeLessThan(1000);

    await until(
      'the slow ones to be cut',
      () => slow.every(({ closedAt }) => closedAt > 0),
      HEAD_TIME_MS + 5000,
    );
    const lives = slow.map(({ openedAt, closedAt }) => closedAt - openedAt);
    console.log(
      `slow ones were cut after ${Math.min(...lives).toFixed(0)} to ${Math.max(...lives).toFixed(0)} ms; headTime is ${HEAD_TIME_MS} ms`,
    );
    expect(Math.min(...lives)).toBeGreaterThan(HEAD_TIME_MS - 50);
    expect(Math.max(...lives)).toBeLessThan(HEAD_TIME_MS + LATE_MS_MAX);
    expect(slow.slice(0, SLOW).filter(({ text }) => !text.startsWith('HTTP/1.1 408 '))).toEqual([]);
    expect(slow.slice(SLOW).filter(({ text }) => text !== '')).toEqual([]);
    if (!hasProc) context.skip('the rest holds; there is no /proc that tells the size of a process');

    expect(idle.filter((socket) => socket.destroyed || socket.readableEnded)).toEqual([]);
    const seen = upstreams.reduce((sum, { requests }) => sum + requests, 0);
    idle.forEach(
      (socket, at) => at % 50 === 0 && socket.write('GET / HTTP/1.1\r\nHost: a\r\nx-user-id: u\r\n\r\n'),
    );
    await until(
      'idle ones to be served again',
      () => upstreams.reduce((sum, { requests }) => sum + requests, 0) === seen + IDLE / 50,
    );
  }, 40_000);
});
