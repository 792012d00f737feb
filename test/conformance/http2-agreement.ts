import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import { Duplex } from 'node:stream';
import { encodeField } from '../../src/proxy/http2/hpack-encoder.js';
import { frame } from '../../src/proxy/http2/frames.js';
import { PREFACE } from '../../src/proxy/http2/preface.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import type { Random } from '../../src/base/random.js';
import { MemoryEngine, type MemoryWire } from '../support/memory-engine.js';
import { MessageReader, namedFraming, type Fields } from '../support/http-message.js';
import { startTestGateway } from '../proxy/gateway.js';

/*
 * Ours beside node:http2 (nghttp2), on well-formed and on mutated connections. Whatever goes on to an
 * upstream, node:http2 must have read the same way. What node:http2 refuses, ours refuses too. Where ours
 * refuses and node:http2 doesn't, a mutation must be the reason: it drops bad fields and delivers the rest.
 */

export interface Message {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly fields: Fields;
  readonly body: string;
}

const [DATA, HEADERS, CONTINUATION, RST, WINDOW, PING, PRIORITY] = [0, 1, 9, 3, 8, 6, 2];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

const METHODS = ['GET', 'GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const PATHS = ['/', '/a?b=c', '/very/long/path/of/segments', '/%20', '/a;b=1', '/?', '//a'];
const FIELDS: readonly (readonly [string, string])[] = [
  ['accept', '*/*'],
  ['x-a', '1'],
  ['x-a', '2'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d'],
  ['user-agent', 'test/1.0'],
  ['content-type', 'text/plain'],
  ['x-empty', ''],
  ['x-long', 'v'.repeat(200)],
  ['te', 'trailers'],
  ['priority', 'u=1'],
];
const BODIES = ['', 'a', 'hello world', 'x'.repeat(3000)];

/** What makes a request bad, and a few things that only look so. */
const MUTATIONS: readonly ((random: Random, fields: [string, string][]) => void)[] = [
  (random, fields) => void fields.splice(random.below(fields.length), 1),
  (random, fields) => void fields.push([...pick(random, fields)]),
  (_random, fields) => void fields.unshift(['x-first', '1']),
  (random, fields) => {
    const field = pick(random, fields);
    const at = random.below(field[1].length + 1);
    const odd = String.fromCharCode(pick(random, [0, 9, 10, 13, 32, 35, 58, 127, 200, random.below(256)]));
    field[1] = field[1].slice(0, at) + odd + field[1].slice(at);
  },
  (random, fields) => {
    const field = pick(random, fields);
    const at = random.below(field[0].length + 1);
    const odd = String.fromCharCode(pick(random, [0, 10, 13, 32, 58, 65, 127, 200, random.below(256)]));
    field[0] = field[0].slice(0, at) + odd + field[0].slice(at);
  },
  (random, fields) =>
    void fields.push(
      pick<[string, string]>(random, [
        ['connection', 'close'],
        ['transfer-encoding', 'chunked'],
        ['upgrade', 'h2c'],
        ['keep-alive', '1'],
        ['proxy-connection', 'close'],
        ['te', 'gzip'],
        ['host', 'other.example'],
        ['content-length', '5'],
        ['content-length', '-1'],
        ['content-length', '0'],
        [':status', '200'],
        [':authority', 'other.example'],
        [':protocol', 'websocket'],
        ['', 'empty'],
        ['X-Upper', '1'],
      ]),
    ),
  (random, fields) => {
    const pseudo = fields.find(
      ([name]) => name === pick(random, [':path', ':scheme', ':method', ':authority']),
    );
    if (pseudo !== undefined)
      pseudo[1] = pick(random, ['', '*', '/', 'http://b/', 'ftp', 'get', 'CONNECT', 'a b', 'a,b', '[::1]']);
  },
];

function drawn(random: Random, isMutated: boolean): string {
  let sent = '';
  const streams = 1 + random.below(2);
  for (let at = 0; at < streams; at++) {
    const id = at * 2 + 1;
    const fields: [string, string][] = [
      [':method', pick(random, METHODS)],
      [':scheme', pick(random, ['http', 'https'])],
      [':path', pick(random, PATHS)],
      [':authority', pick(random, ['example.org', 'a.b:8080', '127.0.0.1'])],
    ];
    for (let count = random.below(5); count > 0; count--) fields.push([...pick(random, FIELDS)]);
    const body = pick(random, BODIES);
    if (body !== '' && random.below(2) === 0) fields.push(['content-length', String(body.length)]);
    const mutate = isMutated && random.below(streams) === 0 ? pick(random, MUTATIONS) : undefined;
    mutate?.(random, fields);
    const block = fields.map(([name, value]) => encodeField(name, value)).join('');
    const end = body === '' ? 1 : 0;
    const cut = random.below(block.length);
    sent +=
      random.below(4) === 0
        ? frame(HEADERS, end, id, block.slice(0, cut)) + frame(CONTINUATION, 4, id, block.slice(cut))
        : frame(HEADERS, end | 4, id, block);
    if (random.below(6) === 0) sent += frame(PING, 0, 0, '12345678');
    if (random.below(6) === 0) sent += frame(WINDOW, 0, id, '\0\0\x10\0');
    if (random.below(8) === 0) sent += frame(PRIORITY, 0, id + 2, '\0\0\0\0\x10');
    if (body !== '') {
      const part = random.below(body.length);
      if (random.below(2) === 0) sent += frame(DATA, 9, id, `\x02${body}\0\0`);
      else sent += frame(DATA, 0, id, body.slice(0, part)) + frame(DATA, 1, id, body.slice(part));
    }
  }
  if (isMutated && random.below(4) === 0) {
    // Any byte of any frame.
    const at = random.below(sent.length);
    sent = sent.slice(0, at) + String.fromCharCode(random.below(256)) + sent.slice(at + 1);
  }
  if (isMutated && random.below(10) === 0) sent += frame(RST, 0, streams * 2 - 1, '\0\0\0\x08');
  return PREFACE.toString('latin1') + frame(4, 0, 0, '') + sent;
}

interface NodeMessage extends Message {
  readonly isWhole: boolean;
}

/** What node:http2 delivers. */
async function readByNode(text: string): Promise<NodeMessage[]> {
  const messages: NodeMessage[] = [];
  const socket = new Duplex({
    read() {},
    write: (_bytes, _encoding, done) => done(),
    final: (done) => done(),
  });
  const session = handshake(socket);
  session.on('error', () => {});
  session.on('stream', (stream, _headers, _flags, ...more) => {
    const raw = (more as unknown as [readonly string[]])[0];
    const headers = new Map<string, string>();
    const fields: [string, string][] = [];
    for (let at = 0; at < raw.length; at += 2)
      if (raw[at]!.startsWith(':')) headers.set(raw[at]!, raw[at + 1]!);
      else fields.push([raw[at]!, raw[at + 1]!]);
    const message = {
      method: headers.get(':method') ?? '',
      target: headers.get(':path') ?? '',
      host: headers.get(':authority') ?? fields.find(([name]) => name === 'host')?.[1] ?? '',
      fields,
      body: '',
      isWhole: false,
    };
    messages.push(message);
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => (message.body += piece.toString('latin1')));
    stream.on('end', () => {
      message.isWhole = !stream.aborted;
      if (!stream.destroyed) stream.respond({ ':status': 200 }, { endStream: true });
    });
  });
  const closed = new Promise((resolve) => session.once('close', resolve));
  socket.push(Buffer.from(text, 'latin1'));
  // All of it is read and its events are told in a few turns.
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  session.destroy();
  socket.destroy();
  await closed;
  return messages;
}

function handshake(socket: Duplex): ServerHttp2Session {
  return performServerHandshake(socket, { settings: { maxConcurrentStreams: 100 } });
}

/** Nobody's business here: what each of the two adds, drops or writes anew. */
const LEFT_OUT = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'te',
  'cookie',
  'http2-settings',
  'x-request-id',
  'x-real-ip',
]);

function comparable({ method, target, host, fields, body }: Message): string {
  const kept = fields
    .filter(([name]) => !LEFT_OUT.has(name) && !name.startsWith('x-forwarded-'))
    .map(([name, value]) => `${name}: ${value}`);
  const cookie = fields.filter(([name]) => name === 'cookie').map(([, value]) => value);
  return JSON.stringify([method, target, host.toLowerCase(), kept, cookie.join('; '), body]);
}

/**
 * The same request, which node:http2 gave up when it had begun: because of a reset that stood right behind
 * it, or of a fault of the connection, it tells no end of what had ended.
 */
function isCutOf(theirs: NodeMessage, mine: Message): boolean {
  return (
    comparable({ ...theirs, body: mine.body }) === comparable(mine) &&
    mine.body.startsWith(theirs.body.slice(0, mine.body.length))
  );
}

/** The gateway on a memory engine, whose upstream answers whatever arrives whole. */
class Ours {
  readonly engine = new MemoryEngine();
  readonly #readers = new Map<MemoryWire, { reader: MessageReader; read: number }>();
  #messages: Message[] = [];
  #faults: string[] = [];

  static async start(): Promise<Ours> {
    const ours = new Ours();
    await startTestGateway({ app: 'http://127.0.0.1:1' }, {}, { engine: ours.engine });
    return ours;
  }

  /** Each text is what one client sends. */
  async read(texts: readonly string[]): Promise<{ messages: Message[]; faults: string[] }> {
    this.#messages = [];
    this.#faults = [];
    const clients = texts.map((text) => {
      const client = this.engine.client();
      client.push(text);
      return client;
    });
    for (;;) {
      await this.engine.settled();
      let hasAnswered = false;
      for (const wire of this.engine.dialled) hasAnswered = this.#serve(wire) || hasAnswered;
      if (!hasAnswered) break;
    }
    for (const client of clients) if (client.isOpen) client.destroy();
    await this.engine.settled();
    this.engine.dialled = this.engine.dialled.filter(({ isOpen }) => isOpen);
    return { messages: this.#messages, faults: this.#faults };
  }

  #serve(wire: MemoryWire): boolean {
    let state = this.#readers.get(wire);
    if (state === undefined) {
      state = { reader: this.#reader(), read: 0 };
      this.#readers.set(wire, state);
    }
    if (state.read === wire.sent.length) return false;
    const before = this.#messages.length;
    const text = wire.sent.slice(state.read);
    state.read = wire.sent.length;
    try {
      state.reader.push(Buffer.from(text, 'latin1'));
    } catch (error) {
      this.#faults.push(String(error));
    }
    if (this.#messages.length === before) return false;
    wire.push('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    return true;
  }

  #reader(): MessageReader {
    let message = { method: '', target: '', host: '', fields: [] as Fields, body: '' };
    return new MessageReader({
      head: (head) => {
        const [method, target] = head.startLine.split(' ') as [string, string];
        const fields = head.fields.map(([name, value]) => [name.toLowerCase(), value] as const);
        const host = fields.find(([name]) => name === 'host')?.[1] ?? '';
        message = { method, target, host, fields, body: '' };
        return namedFraming(head.fields) ?? { kind: 'none' };
      },
      body: (bytes) => void (message.body += bytes.toString('latin1')),
      end: () => void this.#messages.push(message),
    });
  }
}

/** Connections that run side by side: what of them arrives is compared as a whole. */
const BATCH = 20;

/** Runs so many connections; answers where the two disagree, and how many requests went on. */
export async function disagreements(
  seed: number,
  connections: number,
): Promise<{ found: string[]; delivered: number; refused: number }> {
  const random = seededRandom(seed);
  const ours = await Ours.start();
  const found: string[] = [];
  let delivered = 0;
  let refused = 0;
  for (let at = 0; at < connections && found.length < 5; at += BATCH) {
    const isMutated = random.below(3) > 0;
    const cases = Array.from({ length: BATCH }, () => drawn(random, isMutated));
    const byNode = (await Promise.all(cases.map(readByNode))).flat();
    const theirs = new Set(byNode.filter(({ isWhole }) => isWhole).map(comparable));
    const { messages, faults } = await ours.read(cases);
    const told = (what: string): void =>
      void found.push(`seed ${seed}, connections ${at} to ${at + BATCH - 1}: ${what}`);
    if (faults.length > 0) told(`the upstream got no HTTP: ${faults.join()}`);
    for (const message of messages)
      if (!theirs.has(comparable(message)) && !(isMutated && byNode.some((other) => isCutOf(other, message))))
        told(`an upstream got what node:http2 did not read so: ${JSON.stringify(message)}`);
    const whole = byNode.filter(({ isWhole }) => isWhole).length;
    if (!isMutated && messages.length !== whole)
      told(`of good requests node:http2 read ${whole}, and ${messages.length} went on`);
    delivered += messages.length;
    refused += Math.max(0, whole - messages.length);
  }
  return { found, delivered, refused };
}
