import { expect, it } from 'vitest';
import { startTestGateway } from '../proxy/gateway.js';
import { freePort } from '../support/ports.js';
import { start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';

/**
 * A server on Python's own http.server, with chunks read as its users write it: `int(size, 16)` takes `0x5`,
 * `+5`, `5_0` and blanks. It prints each request that it carries out.
 */
const LENIENT = `
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        print('>', self.command, self.path, self.headers.get('host'), self.headers.get('x-forwarded-for'), flush=True)
        if self.headers.get('transfer-encoding') == 'chunked':
            while True:
                size = int(self.rfile.readline().split(b';')[0], 16)
                self.rfile.read(size)
                if size == 0:
                    while self.rfile.readline() not in (b'\\r\\n', b'\\n', b''): pass
                    break
                self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get('content-length') or 0))
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    do_POST = do_GET
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
`;

/** Read as `size` by us and as 80 by Python, this hides a request behind the 80th byte. */
function hidden(size: string): string {
  const inner =
    '\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n';
  const data = 'a'.repeat(80 - 'hello\r\n'.length - '99\r\n'.length) + inner;
  return `${size}\r\nhello\r\n${data.length.toString(16)}\r\n${data}\r\n0\r\n\r\n`;
}

skipUnless('python3')('attack: an upstream that reads numbers more leniently than the gateway', () => {
  it.each([
    ['5;', '5_0'],
    ['5;', '0x50'],
    ['5;', ' +50'],
    ['5;a=', '50'],
    ['5', ';50'],
    ['0000005;', '5_0'],
    ['5;', '5_0;'],
  ])('a size line that is cut, %s | %s: no request of the client’s own making arrives', async (one, two) => {
    const port = await freePort();
    const python = start(program('python3'), ['-c', LENIENT, String(port)]);
    await python.waitForPort(port);
    const gateway = await startTestGateway({ lenient: `http://127.0.0.1:${port}` });
    const client = await connect(gateway.port);
    client.write(`POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${one}`);
    // The head has arrived: what stood behind it was read with it.
    await python.waitForLine(/> POST \/first/);
    client.write(hidden(two));
    expect((await client.response()).status).toBe(200);
    client.destroy();
    expect((await request(gateway.port, { target: '/canary' })).status).toBe(200);
    await python.waitForLine(/> GET \/canary/);
    expect(python.stdout.match(/^> .*$/gm)).toEqual([
      '> POST /first a 127.0.0.1',
      '> GET /canary test.example 127.0.0.1',
    ]);
    await python.stop();
  });
});
