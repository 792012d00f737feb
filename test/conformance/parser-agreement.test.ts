import { createServer, METHODS, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BodyReader } from '../../src/proxy/http1/body-reader.js';
import { parseRequestHead } from '../../src/proxy/http1/request-head.js';
import { requestText } from '../../src/proxy/http1/request-text.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { draws } from '../support/draws.js';

/**
 * Request smuggling lives where two parsers disagree about the end of a message. Here ours stands beside
 * Node's (llhttp) on well-formed and on mutated requests: whatever ours accepts, Node must read the same way,
 * both as it came and as it is sent on.
 */
const SEED = Number(process.env.SEED ?? Math.floor(performance.now() * 1000) % 2 ** 31);
const ROUNDS = draws(10_000);

interface Message {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** What the gateway's codec makes of a connection's bytes: whole messages, and what each is sent on as. */
function ours(text: string): { messages: Message[]; sent: string[] } {
  const bytes = Buffer.from(text, 'latin1');
  const messages: Message[] = [];
  const sent: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const stop = bytes.indexOf('\r\n\r\n', at);
    if (stop === -1) break;
    const head = parseRequestHead(bytes, at, stop + 4, 100, false);
    if (typeof head === 'string') break;
    let out = requestText(head, head.fields, 'a', 'X-Forwarded-For: 127.0.0.1\r\n');
    let body = '';
    const plain = {
      chunkBytes: (piece: Buffer, start: number, end: number) =>
        void (out += piece.toString('latin1', start, end)),
      chunkEnd: (trailers: string) => void (out += head.inChunks ? `0\r\n${trailers}\r\n` : ''),
    };
    const reader = new BodyReader(head, plain);
    const before = out.length;
    const end = reader.isWhole ? stop + 4 : reader.read(bytes, stop + 4, bytes.length);
    if (reader.fault !== undefined || !reader.isWhole) break;
    body = head.bodyBytes < 0 ? dechunk(out.slice(before)) : out.slice(before);
    messages.push({ method: head.method, target: head.target, body });
    sent.push(out);
    at = end;
  }
  return { messages, sent };
}

/** Plain reading of what our reader let through. */
function dechunk(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

/** What Node's server makes of them. */
class NodeParser {
  readonly #server: Server;
  #messages: Message[] = [];
  #isRefused = false;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece: Buffer) => void (body += piece.toString('latin1')));
      request.on('end', () => {
        this.#messages.push({ method: request.method!, target: request.url!, body });
        response.end();
      });
    });
    this.#server.on('clientError', (_error, socket) => {
      this.#isRefused = true;
      socket.destroy();
    });
    this.#server.on('upgrade', (_request, socket) => socket.destroy());
    this.#server.on('connect', (_request, socket) => socket.destroy());
  }

  async read(text: string): Promise<{ messages: Message[]; isRefused: boolean }> {
    this.#messages = [];
    this.#isRefused = false;
    const socket = new Duplex({
      read() {},
      write: (_piece, _encoding, done) => done(),
      final: (done) => done(),
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    this.#server.emit('connection', socket);
    socket.push(Buffer.from(text, 'latin1'));
    socket.push(null);
    await closed;
    return { messages: this.#messages, isRefused: this.#isRefused };
  }
}

function pick<T>(random: { below(n: number): number }, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

const FIELDS = [
  'X-A: 1',
  'Accept: */*',
  'Cookie: a=1',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 11',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Content-Length:\t5',
  'Content-Length: 5 ',
  'Content-Length : 5',
  'Content_Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding\t: chunked',
  ' Transfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: content-length',
  'Expect: 100-continue',
  'Trailer: X-Sum',
  'TE: trailers',
  'X-\xe9: 1',
  'X-Name: \xe9',
  'Host: b',
] as const;
const BODIES = [
  '',
  'hello',
  'hello world',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;ext\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  '05\r\nhello\r\n0\r\n\r\n',
  '5\nhello\n0\n\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '-5\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello0\r\n\r\n',
  'ffffffffffffffff5\r\nhello\r\n0\r\n\r\n',
  '0\r\nContent-Length: 5\r\n\r\n',
  '5;a=\nb\r\nhello\r\n0\r\n\r\n',
] as const;
const NOISE = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  '\x0b',
  '\x7f',
  '\xff',
  '0',
  '5',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
] as const;

type Random = ReturnType<typeof seededRandom>;

function wellFormed(random: Random): string {
  const body = pick(random, ['', 'hello', 'x'.repeat(random.below(300))]);
  const lines = Array.from({ length: random.below(4) }, () =>
    pick(random, ['X-A: 1', 'Accept: */*', 'Cookie: a=1; b=2', 'X-Name: \xe9']),
  );
  const isChunked = random.below(2) === 1;
  const framing =
    body === '' && random.below(2) === 1
      ? []
      : [isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`];
  const cut = random.below(body.length + 1);
  const chunks = [body.slice(0, cut), body.slice(cut)]
    .filter((chunk) => chunk !== '')
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  const sent = framing.length === 0 ? '' : isChunked ? `${chunks.join('')}0\r\n\r\n` : body;
  return `POST /p${random.below(100)} HTTP/1.1\r\n${['Host: a', ...lines, ...framing].join('\r\n')}\r\n\r\n${sent}`;
}

function dubious(random: Random): string {
  const lines = ['Host: a', ...Array.from({ length: 1 + random.below(3) }, () => pick(random, FIELDS))];
  return `${pick(random, ['GET', 'POST', 'PUT'])} /d${random.below(100)} HTTP/1.${pick(random, ['1', '1', '1', '0'])}\r\n${lines.join('\r\n')}\r\n\r\n${pick(random, BODIES)}`;
}

function mutate(random: Random, text: string): string {
  for (let times = random.below(3); times > 0; times--) {
    const at = random.below(text.length + 1);
    const kind = random.below(3);
    if (kind === 0) text = text.slice(0, at) + pick(random, NOISE) + text.slice(at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1);
    else text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
  }
  return text;
}

describe(`our codec beside Node's (SEED=${SEED})`, () => {
  it(`agrees on where a message ends, in ${ROUNDS} random connections`, { timeout: 120_000 }, async () => {
    const random = seededRandom(SEED);
    const node = new NodeParser();
    let accepted = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const requests = Array.from({ length: 1 + random.below(3) }, () =>
        random.below(2) === 0 ? wellFormed(random) : dubious(random),
      );
      const isMutated = random.below(3) > 0;
      const text = isMutated ? mutate(random, requests.join('')) : requests.join('');
      const { messages, sent } = ours(text);
      accepted += messages.length;
      if (messages.length < requests.length) refused++;
      const raw = await node.read(text);
      const context = { seed: SEED, round, text };
      // Node may refuse sooner; it may not read another message where ours read one.
      const shared = raw.isRefused ? Math.min(messages.length, raw.messages.length) : messages.length;
      if (messages.length > 0 && !/HTTP\/1\.0|Connection: close/i.test(text))
        expect(raw.messages.slice(0, shared), JSON.stringify(context)).toEqual(messages.slice(0, shared));
      // Node knows a list of methods; the standard doesn't end there.
      if (sent.length > 0 && messages.every(({ method }) => METHODS.includes(method))) {
        const again = await node.read(sent.join(''));
        expect({ ...context, again }, JSON.stringify(context)).toEqual({
          ...context,
          again: { messages, isRefused: false },
        });
      }
    }
    // The test means something only while much is accepted and much is refused.
    expect(accepted).toBeGreaterThan(ROUNDS / 2);
    expect(refused).toBeGreaterThan(ROUNDS / 5);
  });
});
