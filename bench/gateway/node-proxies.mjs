// The Node rivals, each as its own documentation sets it up for speed, with the same affinity job: hash the
// cookie field, pick one of the upstreams. Started by bench/gateway.mjs as: node node-proxies.mjs NAME PORT
// UPSTREAM_URL...
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { pipeline } from 'node:stream';

const [name, port, ...upstreams] = process.argv.slice(2);

/** FNV-1a over the cookie field. */
function choose(request) {
  const cookie = request.headers.cookie ?? '';
  let hash = 0x811c9dc5;
  for (let at = 0; at < cookie.length; at++) hash = Math.imul(hash ^ cookie.charCodeAt(at), 0x01000193);
  return upstreams[(hash >>> 0) % upstreams.length];
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1024 });

const start = {
  async 'http-proxy-3'() {
    const { createProxyServer } = await import('http-proxy-3');
    const proxy = createProxyServer({ agent, xfwd: true });
    proxy.on('error', (_error, _request, response) => response.destroy?.());
    const server = http.createServer((request, response) =>
      proxy.web(request, response, { target: choose(request) }),
    );
    server.on('upgrade', (request, socket, head) =>
      proxy.ws(request, socket, head, { target: choose(request) }),
    );
    server.listen(Number(port), '127.0.0.1');
  },
  async httpxy() {
    const { createProxyServer } = await import('httpxy');
    const proxy = createProxyServer({ agent, xfwd: true });
    const server = http.createServer((request, response) => {
      proxy.web(request, response, { target: choose(request) }).catch(() => response.destroy());
    });
    server.on(
      'upgrade',
      (request, socket, head) =>
        void proxy.ws(request, socket, { target: choose(request) }, head)?.catch?.(() => {}),
    );
    server.listen(Number(port), '127.0.0.1');
  },
  async 'reply-from'() {
    const { default: fastify } = await import('fastify');
    const { default: replyFrom } = await import('@fastify/reply-from');
    const app = fastify({ bodyLimit: 16 * 1024 * 1024 });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    await app.register(replyFrom, { undici: { connections: 1024, pipelining: 1 } });
    app.all('/*', (request, reply) => reply.from(choose(request.raw) + request.raw.url));
    await app.listen({ port: Number(port), host: '127.0.0.1' });
  },
  /** What a proxy on node:http2 costs at the least: its own server, and node:http towards the upstreams. */
  'node:http2'() {
    const { TLS_CERT: cert, TLS_KEY: key } = process.env;
    const server =
      cert === undefined
        ? http2.createServer()
        : http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.on('stream', (stream, headers) => {
      const url = new URL(headers[':path'], choose({ headers }));
      const forwarded = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
      const address = stream.session.socket.remoteAddress;
      Object.assign(forwarded, { host: headers[':authority'], 'x-forwarded-for': address });
      const request = http.request(url, { agent, method: headers[':method'], headers: forwarded });
      request.on('response', (answer) => {
        if (stream.destroyed) {
          answer.resume();
          return;
        }
        const { connection, 'keep-alive': keepAlive, 'transfer-encoding': coding, ...rest } = answer.headers;
        stream.respond({ ':status': answer.statusCode, ...rest });
        pipeline(answer, stream, () => {});
      });
      request.on('error', () => stream.destroy(new Error('upstream')));
      stream.on('error', () => request.destroy());
      stream.pipe(request);
    });
    server.listen(Number(port), '127.0.0.1');
  },
};

await start[name]();
