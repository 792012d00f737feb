// What is measured. Each case drives one proxy for some seconds and says how many requests (or messages) were
// answered.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './measure.mjs';

const load = fileURLToPath(new URL('load.mjs', import.meta.url));

/** wrk on the other core, as users with cookies of their own. */
function wrk({
  path = '/small',
  connections = 32,
  headers = {},
  method = 'GET',
  bodyBytes = 0,
  oneUser = false,
}) {
  return async ({ port, folder, seconds, core, tls, extraHeaders = {}, pin }) => {
    const script = join(folder, 'wrk.lua');
    const all = { ...headers, ...extraHeaders };
    const fixed = Object.entries(all).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
    writeFileSync(
      script,
      `wrk.method = "${method}"
${bodyBytes > 0 ? `wrk.body = string.rep("x", ${bodyBytes})` : ''}
${fixed.join('\n')}
local user = 0
request = function()
  ${oneUser ? '' : 'user = (user + 1) % 100\n  wrk.headers["Cookie"] = "user=" .. user'}
  return wrk.format(nil, "${path}")
end
`,
    );
    const args = [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--latency',
      '-s',
      script,
      `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    ];
    const out = pin ? await run('taskset', ['-c', String(core), 'wrk', ...args]) : await run('wrk', args);
    const requests = Number(/(\d+) requests in/.exec(out)?.[1] ?? 0);
    if (requests === 0) throw new Error(`wrk had no answer:\n${out}`);
    const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0);
    return {
      requests,
      failed,
      p50Ms: ms(/50%\s+([\d.]+)(us|ms|s)/.exec(out)),
      p99Ms: ms(/99%\s+([\d.]+)(us|ms|s)/.exec(out)),
      seconds: Number(/requests in ([\d.]+)s/.exec(out)?.[1] ?? seconds),
    };
  };
}

/**
 * h2load on the other core: so many connections with so many requests in flight on each. It speaks HTTP/2,
 * and HTTP/1.1 where a case says so.
 */
function h2load({
  path = '/small',
  connections = 1,
  streams = 32,
  bodyBytes = 0,
  isHttp1 = false,
  isCall = false,
}) {
  return async ({ port, folder, seconds, core, tls, pin }) => {
    const args = ['-t1', `-c${connections}`, `-m${streams}`, `-D${seconds}`, '-H', 'cookie: user=1'];
    if (isHttp1) args.push('--h1');
    if (isCall)
      args.push('-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', ':method: POST');
    if (bodyBytes > 0) {
      const body = join(folder, 'upload.bin');
      // One message of gRPC: a flag, its length, its bytes.
      const head = isCall ? String.fromCharCode(0, 0, 0, 0, bodyBytes - 5) : '';
      writeFileSync(body, head + 'x'.repeat(bodyBytes - head.length));
      args.push('-d', body);
    }
    args.push(`${tls ? 'https' : 'http'}://127.0.0.1:${port}${path}`);
    const out = await (pin ? run('taskset', ['-c', String(core), 'h2load', ...args]) : run('h2load', args));
    const count = (name) => Number(new RegExp(`(\\d+) ${name}`).exec(out)?.[1] ?? 0);
    const requests = count('2xx');
    if (requests === 0) throw new Error(`h2load had no answer:\n${out}`);
    return { requests, failed: count('3xx') + count('4xx') + count('5xx'), seconds };
  };
}

function ms(match) {
  return match === null ? undefined : Number(match[1]) * { us: 0.001, ms: 1, s: 1000 }[match[2]];
}

async function webSockets(args, core, pin) {
  const out = pin
    ? await run('taskset', ['-c', String(core), process.execPath, load, ...args])
    : await run(process.execPath, [load, ...args]);
  return JSON.parse(out.trim().split('\n').at(-1));
}

export const CASES = {
  small: { title: 'small GET, keep-alive, cookie hash', goal: 1.25, drive: wrk({}) },
  sealed: {
    title: 'small GET, bound by a sealed cookie',
    goal: 1.35,
    affinity: [{ cookie: {} }],
    // stickyroute's client brings the cookie that it was given; the others hash it like any cookie.
    prepare: async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/small`);
      return { Cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? 'user=1' };
    },
    drive: wrk({ oneUser: true }),
  },
  jwt: {
    title: 'small GET, key from a bearer token (nginx passes it on unread)',
    only: /^(stickyroute|nginx)/,
    affinity: [{ jwt: { claim: 'sub', secret: 'bench-'.repeat(8) } }],
    prepare: async () => {
      const { SignJWT } = await import('jose');
      const token = await new SignJWT({ sub: 'user-1' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode('bench-'.repeat(8)));
      return { Authorization: `Bearer ${token}` };
    },
    drive: wrk({ oneUser: true }),
  },
  large: { title: '64 KiB answer', goal: 1.2, drive: wrk({ path: '/large' }) },
  upload: {
    title: '1 MiB POST',
    goal: 1.2,
    drive: wrk({ path: '/upload', method: 'POST', bodyBytes: 1024 * 1024, connections: 8 }),
  },
  connect: { title: 'a new connection each request', drive: wrk({ headers: { Connection: 'close' } }) },
  many: { title: 'small GET over 1 000 connections', drive: wrk({ connections: 1000 }) },
  tls: { title: 'small GET over TLS, keep-alive', isTls: true, drive: wrk({}) },
  h2: { title: 'small GET over HTTP/2, 32 in flight on one connection', isHttp2: true, drive: h2load({}) },
  'h2-tls': {
    title: 'small GET over HTTP/2 and TLS, 32 in flight on one connection',
    goal: 0.9,
    isTls: true,
    isHttp2: true,
    drive: h2load({}),
  },
  'h2-tls-8': {
    title: 'small GET over HTTP/2 and TLS, 4 in flight on each of 8 connections',
    goal: 1.1,
    isTls: true,
    isHttp2: true,
    drive: h2load({ connections: 8, streams: 4 }),
  },
  'h2-large': {
    title: '64 KiB answer over HTTP/2 and TLS',
    goal: 1,
    isTls: true,
    isHttp2: true,
    drive: h2load({ path: '/large' }),
  },
  'h2-upload': {
    title: '1 MiB POST over HTTP/2 and TLS',
    goal: 1,
    isTls: true,
    isHttp2: true,
    drive: h2load({ path: '/upload', bodyBytes: 1024 * 1024, connections: 8, streams: 1 }),
  },
  'h2-behind': {
    title: 'small GET over HTTP/2 on both sides, 32 in flight on one connection',
    goal: 0.6,
    isHttp2: true,
    behind: 'http2',
    only: /^(?!http-proxy|httpxy|reply-from|node:)/,
    drive: h2load({}),
  },
  grpc: {
    title: 'gRPC unary call, 32 in flight on one connection',
    goal: 0.5,
    isHttp2: true,
    behind: 'grpc',
    only: /^(?!http-proxy|httpxy|reply-from|node:)/,
    drive: h2load({ path: '/bench.Echo/Unary', bodyBytes: 40, isCall: true }),
  },
  'h1-tls': {
    title: 'small GET over HTTP/1.1 and TLS, 32 connections, driven as the cases of HTTP/2 are',
    isTls: true,
    drive: h2load({ connections: 32, streams: 1, isHttp1: true }),
  },
  websocket: {
    title: 'WebSocket echo of 64 bytes (a message each way)',
    needsEcho: true,
    // Caddy 2.6 answers this handshake with an error, and reply-from doesn't take it.
    only: /^(?!caddy|reply-from)/,
    drive: ({ port, seconds, core, pin }) => webSockets([String(port), '32', String(seconds)], core, pin),
  },
  log: { title: 'small GET with the access log on', accessLog: true, only: /^stickyroute/, drive: wrk({}) },
};

/**
 * At a fixed rate, the same for all: h2load on the other core, over so many connections that a slow answer on
 * one holds up few others.
 */
export function offered(perSecond) {
  return async ({ port, folder, seconds, core, pin }) => {
    const log = join(folder, 'h2load.log');
    const args = [
      '--h1',
      '-t1',
      `-c${RATE_CONNECTIONS}`,
      '-m1',
      `-D${seconds}`,
      `--rps=${perSecond / RATE_CONNECTIONS}`,
      `--log-file=${log}`,
      '-H',
      'cookie: user=1',
      `http://127.0.0.1:${port}/small`,
    ];
    await (pin ? run('taskset', ['-c', String(core), 'h2load', ...args]) : run('h2load', args));
    // Start, status, microseconds.
    const rows = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t').map(Number));
    rmSync(log);
    const micros = rows.map((row) => row[2]).sort((a, b) => a - b);
    const at = (share) => micros[Math.floor(micros.length * share)] / 1000;
    return {
      requests: rows.length,
      failed: rows.filter((row) => row[1] !== 200).length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  };
}

const RATE_CONNECTIONS = 64;

/** Opens connections, asks once on each, and keeps them; answers with what closes them. */
export async function holdIdle(port, count) {
  const sockets = [];
  for (let at = 0; at < count; at += 100) {
    await Promise.all(
      Array.from(
        { length: Math.min(100, count - at) },
        () =>
          new Promise((resolve, reject) => {
            const socket = connect(port, '127.0.0.1', () =>
              socket.write('GET /small HTTP/1.1\r\nHost: bench.example\r\n\r\n'),
            );
            socket.once('data', resolve);
            socket.once('error', reject);
            sockets.push(socket);
          }),
      ),
    );
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
