import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { encodeField } from '../../src/proxy/http2/hpack-encoder.js';
import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { disagreements } from '../conformance/http2-agreement.js';
import { startTestGateway, type TestGateway } from '../proxy/gateway.js';
import { BrowserPage } from '../support/browser.js';
import { freePort } from '../support/ports.js';
import { run } from '../support/processes.js';
import { program, PYTHON, skipUnless, skipUnlessPython } from '../support/programs.js';

/** HTTP/2 as others speak it: curl, nghttp2's tools, python3-h2 and a browser. */
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const TLS = { cert: file('../config/tls/cert.pem'), key: file('../config/tls/key.pem') };
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-http2-'));
const SEED = Number(process.env.SEED ?? Math.floor(performance.now() * 1000) % 2 ** 31);

const apps: Server[] = [];
let plain: TestGateway;
let secure: TestGateway;

/** An app that says who it is, and takes uploads, event streams and WebSockets. */
async function startApp(id: string): Promise<string> {
  const app = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
    response.setHeader('x-served-by', id);
    if (request.url === '/page') {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>');
    } else if (request.url === '/events') {
      response.setHeader('content-type', 'text/event-stream');
      let count = 0;
      const timer = setInterval(() => {
        response.write(`data: ${id} ${++count}\n\n`);
        if (count === 3) clearInterval(timer);
      }, 10);
      response.on('close', () => clearInterval(timer));
    } else {
      let bytes = 0;
      request.on('data', (piece: Buffer) => (bytes += piece.length));
      request.on('end', () => response.end(`${id} ${request.method} ${bytes}`));
    }
  });
  new WebSocketServer({ server: app }).on('connection', (socket) => {
    socket.send(id);
    socket.on('message', (text: Buffer) => socket.send(`echo ${text.toString()}`));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => app.listen(port, '127.0.0.1', resolve));
  apps.push(app);
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  const upstreams = {
    one: await startApp('one'),
    two: await startApp('two'),
    three: await startApp('three'),
  };
  // nghttp's test of CONTINUATION has a head of more than 16 KiB.
  const settings = { http2: true, affinity: ['cookie'], limits: { headBytes: '128KiB' } };
  plain = await startTestGateway(upstreams, settings);
  secure = await startTestGateway(upstreams, { ...settings, tls: TLS });
  writeFileSync(join(folder, 'upload.bin'), 'x'.repeat(3_000_000));
});
afterAll(() => {
  for (const app of apps) app.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

async function printed(command: string, args: readonly string[], input?: string): Promise<string> {
  const ran = await run(command, args, { deadlineMs: 60_000, ...(input !== undefined && { input }) });
  expect(ran.stderr + String(ran.code)).toMatch(/0$/);
  return ran.stdout;
}

skipUnless('curl')('curl', () => {
  it.each([
    ['by ALPN', () => ['--http2', '--cacert', TLS.cert, `https://localhost:${secure.port}/`]],
    ['with prior knowledge', () => ['--http2-prior-knowledge', `http://127.0.0.1:${plain.port}/`]],
  ])('comes %s, and uploads', async (_, args) => {
    const show = ['-sS', '-w', ' %{http_version} %{http_code}'];
    expect(await printed(program('curl'), [...show, ...args()])).toMatch(/^\w+ GET 0 2 200$/);
    const upload = ['--data-binary', `@${join(folder, 'upload.bin')}`];
    expect(await printed(program('curl'), [...show, ...upload, ...args()])).toMatch(
      /^\w+ POST 3000000 2 200$/,
    );
    expect(await printed(program('curl'), [...show, '-d', '', ...args()])).toMatch(/^\w+ POST 0 2 200$/);
  });

  it('that asks for an upgrade to h2c is answered over HTTP/1.1', async () => {
    const args = ['-sS', '-w', ' %{http_version}', '--http2', `http://127.0.0.1:${plain.port}/`];
    expect(await printed(program('curl'), args)).toMatch(/^\w+ GET 0 1\.1$/);
  });
});

skipUnless('nghttp', 'h2load')('nghttp2’s tools', () => {
  it('nghttp asks, uploads, and has padding and continuations in its requests', async () => {
    const url = `https://localhost:${secure.port}/`;
    const show = await printed(program('nghttp'), ['-nv', '-y', '--no-dep', '-m', '2', url]);
    expect(show.match(/:status: 200/g)).toHaveLength(2);
    const upload = ['-d', join(folder, 'upload.bin'), '-b', '255', '--continuation', '-y', url];
    expect(await printed(program('nghttp'), upload)).toMatch(/^\w+ POST 3000000$/);
  });

  it('h2load has 2 000 answers, 50 at once on each of 4 connections', async () => {
    for (const url of [`https://localhost:${secure.port}/`, `http://127.0.0.1:${plain.port}/`]) {
      const show = await printed(program('h2load'), ['-n', '2000', '-c', '4', '-m', '50', url]);
      expect(show).toMatch(/2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    }
  });
});

skipUnlessPython('h2', 'hpack')('python3-h2', () => {
  const CLIENT = `
import socket, sys, h2.connection, h2.config, h2.events
sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
conn.initiate_connection()
head = [(':method', 'POST'), (':scheme', 'http'), (':path', '/'), (':authority', 'localhost')]
ids = []
for at in range(50):
    stream = conn.get_next_available_stream_id()
    ids.append(stream)
    conn.send_headers(stream, head + [('cookie', 'a=%d' % at), ('cookie', 'b=c')])
    conn.send_data(stream, b'x' * 1000)
    conn.send_headers(stream, [('x-sum', '1')], end_stream=True)
conn.ping(b'12345678')
sock.sendall(conn.data_to_send())
bodies = {}
ended = set()
pings = 0
while len(ended) < len(ids) or pings == 0:
    for event in conn.receive_data(sock.recv(65536)):
        if isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] = bodies.get(event.stream_id, b'') + event.data
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded): ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset): raise Exception('reset')
        elif isinstance(event, h2.events.PingAckReceived): pings += 1
    sock.sendall(conn.data_to_send())
print(sorted(set(body.decode() for body in bodies.values())))
`;
  it('posts fifty times over one connection, and is bound to one upstream', async () => {
    expect(await printed(PYTHON, ['-c', CLIENT, String(plain.port)])).toMatch(/^\['\w+ POST 1000'\]$/m);
  });

  it('HPACK: it reads what we encode, and we read what it does, table and Huffman included', async () => {
    const random = seededRandom(SEED);
    const names = [':path', 'cookie', 'x-a', 'user-agent', 'set-cookie', 'accept', 'x-long', 'etag'];
    const text = (): string =>
      Array.from({ length: random.below(60) }, () => String.fromCharCode(33 + random.below(94))).join('');
    const blocks = Array.from({ length: 300 }, () =>
      Array.from({ length: 1 + random.below(8) }, (): [string, string] => {
        const name = names[random.below(names.length)]!;
        return [name, random.below(3) === 0 ? 'again' : text()];
      }),
    );
    const input = JSON.stringify(
      blocks.map((fields) => ({
        fields,
        ours: Buffer.from(
          fields.map(([name, value]) => encodeField(name, value)).join(''),
          'latin1',
        ).toString('hex'),
      })),
    );
    const script = `
import sys, json, hpack
decoder, encoder = hpack.Decoder(), hpack.Encoder()
out = []
for at, block in enumerate(json.load(sys.stdin)):
    fields = [tuple(field) for field in block['fields']]
    read = [(name, value) for name, value in decoder.decode(bytes.fromhex(block['ours']))]
    assert read == fields, (read, fields)
    if at % 50 == 49: encoder.header_table_size = 4096 if at % 100 == 99 else 1000
    out.append(encoder.encode(fields, huffman=at % 3 != 0).hex())
print(json.dumps(out))
`;
    const theirs = JSON.parse(await printed(PYTHON, ['-c', script], input)) as string[];
    const decoder = new HpackDecoder(4096, 65_536);
    theirs.forEach((hex, at) => {
      const read: [string, string][] = [];
      const bytes = Buffer.from(hex, 'hex');
      const isGood = decoder.decode(bytes, 0, bytes.length, {
        hpackField: (name, value) => void read.push([name, value]),
      });
      expect({ seed: SEED, isGood, read }).toEqual({ seed: SEED, isGood: true, read: blocks[at] });
    });
  });
});

skipUnless('chromium')('a browser', () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await BrowserPage.open();
    await page.goTo(`https://localhost:${secure.port}/page`);
  }, 60_000);
  afterAll(() => page.close());

  it('is served its first fifty requests, an upload and an event stream by HTTP/2 and one upstream', async () => {
    const seen = (await page.evaluate(`(async () => {
      document.cookie.length;
      const who = (answer) => answer.headers.get('x-served-by');
      const fifty = await Promise.all(Array.from({ length: 50 }, (_, at) => fetch('/item/' + at).then(who)));
      const upload = await fetch('/upload', { method: 'POST', body: 'x'.repeat(2_000_000) });
      const events = new EventSource('/events');
      const event = await new Promise((done, failed) => {
        events.onmessage = ({ data }) => data.endsWith(' 3') && done(data);
        events.onerror = failed;
      });
      events.close();
      return {
        fifty: [...new Set(fifty)],
        upload: await upload.text(),
        event,
        protocols: [...new Set(performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol))],
        page: performance.getEntriesByType('navigation')[0].nextHopProtocol,
      };
    })()`)) as { fifty: string[]; upload: string; event: string; protocols: string[]; page: string };
    const [id] = seen.fifty;
    expect(seen).toEqual({
      fifty: [id],
      upload: `${id} POST 2000000`,
      event: `${id} 3`,
      protocols: ['h2'],
      page: 'h2',
    });
  });

  it('that has no cookie yet is bound to one upstream by fifty requests side by side', async () => {
    const seen = (await page.evaluate(`(async () => {
      const asked = Array.from({ length: 50 }, (_, at) => fetch('/fresh/' + at, { credentials: 'omit' }));
      return [...new Set((await Promise.all(asked)).map((answer) => answer.headers.get('x-served-by')))];
    })()`)) as string[];
    expect(seen).toHaveLength(1);
  });

  it('has its WebSocket where its requests are', async () => {
    const seen = (await page.evaluate(`(async () => {
      const answer = await fetch('/where');
      const socket = new WebSocket('wss://' + location.host + '/socket');
      const messages = [];
      await new Promise((done, failed) => {
        socket.onmessage = ({ data }) => (messages.push(data) === 1 ? socket.send('hello') : done());
        socket.onerror = () => failed(new Error('WebSocket'));
      });
      socket.close();
      return { where: answer.headers.get('x-served-by'), messages };
    })()`)) as { where: string; messages: string[] };
    expect(seen.messages).toEqual([seen.where, 'echo hello']);
  });
});

describe('node:http2', () => {
  it(`reads 10 000 drawn connections as we do (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const { found, delivered } = await disagreements(SEED, 10_000);
    expect(found).toEqual([]);
    expect(delivered).toBeGreaterThan(3000);
  });
});
