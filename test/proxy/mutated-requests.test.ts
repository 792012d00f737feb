import { createServer, METHODS } from 'node:http';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { freePort } from '../support/ports.js';
import { connect } from '../support/raw-client.js';
import { pieces, shownCut } from '../support/cuts.js';
import { draws } from '../support/draws.js';
import { startTestGateway } from './gateway.js';
import { MemoryGateway } from './memory-gateway.js';

const SEED = Number(process.env.SEED ?? Math.floor(performance.now() * 1000) % 2 ** 31);
const ROUNDS = draws(500);
/** In memory, each with five cuts. */
const ROUNDS_CUT = draws(150);
/** Connections at once. */
const WIDTH = 25;

const BASES: readonly string[] = [
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-User-Id: u1\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
  'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n',
  'PUT /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 47\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\nX-Inside: body\r\n\r\n',
  'GET http://a/a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA\r\n\r\n',
  'HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\n',
];
const SPICES: readonly string[] = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  '1',
  '-',
  '+',
  'x',
  '\xff',
  '\r\n\r\n',
  '0\r\n\r\n',
  '_',
  'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n',
];
const LINES: readonly string[] = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length : 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Host: b',
  ' folded',
  'Connection: Content-Length',
  'Connection: Transfer-Encoding',
  'Expect: 100-continue',
];

interface Arrival {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

const random = seededRandom(SEED);
const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;

/** One to three changes at random places of one or two good requests. */
function mutated(): string {
  let text = pick(BASES) + (random.below(3) === 0 ? pick(BASES) : '');
  for (let turns = 1 + random.below(3); turns > 0; turns--) {
    const at = random.below(text.length + 1);
    const lines = text.split('\r\n');
    const line = random.below(lines.length);
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + pick(SPICES) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + pick(SPICES) + text.slice(at + 1);
        break;
      case 3:
        text = [...lines.slice(0, line), lines[line]!, ...lines.slice(line)].join('\r\n');
        break;
      case 4:
        text = [...lines.slice(0, line + 1), pick(LINES), ...lines.slice(line + 1)].join('\r\n');
        break;
      default:
        text = text
          .replace('\r\n', '\n')
          .replace(/\d/, (digit) => String((Number(digit) + 1 + random.below(9)) % 10));
    }
  }
  return text;
}

const arrivals: Arrival[] = [];
const complaints: string[] = [];
const server = createServer({ keepAliveTimeout: 30_000 }, (incoming, answer) => {
  arrivals.push({
    id: String(incoming.headers['x-request-id']),
    method: incoming.method!,
    path: incoming.url!.split('?')[0]!,
  });
  incoming.resume();
  incoming.on('end', () => answer.end('ok'));
  incoming.on('error', () => {});
});
server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
  // A request cut by its client is cut here too, and Node takes registered methods only; everything else
  // means that the gateway let something through.
  const match = /^([A-Z_-]+) ([^ ?]+)[^ ]* HTTP\/1\.1\r\n[^]*?^X-Request-Id: (.*?)\r$/m.exec(
    error.rawPacket?.toString('latin1') ?? '',
  );
  if (match !== null && error.code === 'HPE_INVALID_METHOD' && !METHODS.includes(match[1]!))
    arrivals.push({ id: match[3]!, method: match[1]!, path: match[2]! });
  else if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE')
    complaints.push(`${error.code}: ${error.message}`);
  socket.destroy();
});
const port = await freePort();
await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe(`attack: requests with something wrong, cut by the network (SEED=${SEED})`, () => {
  it('the same arrives, and the same is refused, wherever they are cut', { timeout: 60_000 }, async () => {
    const memory = await MemoryGateway.start();
    let arrived = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS_CUT; round++) {
      const text = mutated();
      const whole = await memory.converse([text]);
      arrived += whole.requests.length;
      if (/^HTTP\/1\.1 [45]/m.test(whole.client)) refused++;
      expect(whole.faults, JSON.stringify(text)).toEqual([]);
      const places = [1, 2, 3].map(() => 1 + random.below(text.length - 1)).sort((a, b) => a - b);
      const bytewise = Array.from({ length: text.length - 1 }, (_, at) => at + 1);
      for (const cuts of [...places.map((at) => [at]), places, bytewise]) {
        const { requests, faults, client } = await memory.converse(pieces(text, cuts));
        const cut = shownCut(text, cuts);
        expect({ text, cut, requests, faults, client }).toEqual({
          text,
          cut,
          requests: whole.requests,
          faults: [],
          client: whole.client,
        });
      }
    }
    expect(arrived).toBeGreaterThan(ROUNDS_CUT / 10);
    expect(refused).toBeGreaterThan(ROUNDS_CUT / 10);
  });
});

describe(`attack: ${ROUNDS} requests with something wrong (SEED=${SEED})`, () => {
  it('every request that arrives is one that the gateway read, once and the same', async () => {
    const gateway = await startTestGateway({ node: `http://127.0.0.1:${port}` });
    for (let round = 0; round < ROUNDS; round += WIDTH) {
      await Promise.all(
        Array.from({ length: WIDTH }, async () => {
          const client = await connect(gateway.port);
          client.write(mutated());
          client.end();
          await client.closed();
          client.destroy();
        }),
      );
    }
    const lines = gateway.log.filter((line) => line.requestId !== undefined);
    const refusals = gateway.log.filter((line) => line.refused !== undefined);
    const read = new Map(
      lines.map((line) => [
        line.requestId as string,
        { id: line.requestId, method: line.method, path: line.path },
      ]),
    );
    expect(complaints).toEqual([]);
    expect(
      arrivals.filter((arrival) => JSON.stringify(read.get(arrival.id)) !== JSON.stringify(arrival)),
    ).toEqual([]);
    expect(new Set(arrivals.map((arrival) => arrival.id)).size).toBe(arrivals.length);
    // It would prove nothing if nearly all were refused, or none.
    expect(arrivals.length).toBeGreaterThan(ROUNDS / 10);
    expect(refusals.length).toBeGreaterThan(ROUNDS / 10);
  });
});
