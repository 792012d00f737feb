// How each proxy is started for one job: one worker, on one core, upstreams chosen by the hash of the cookie
// field.
import { spawn, spawnSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export function isOnPath(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until the port takes connections. */
export async function listening(port, deadline = Date.now() + 10_000) {
  for (;;) {
    const isOpen = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isOpen) return;
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process pinned to a core where the system can do that. */
export function startPinned(core, command, args, env = {}, stdout = 'ignore') {
  const isPinned = isOnPath('taskset');
  const child = spawn(
    isPinned ? 'taskset' : command,
    isPinned ? ['-c', String(core), command, ...args] : args,
    {
      stdio: ['ignore', stdout, 'pipe'],
      env: { ...process.env, ...env },
    },
  );
  let errors = '';
  child.stderr.on('data', (piece) => (errors = (errors + piece).slice(-4000)));
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) console.error(`${command} ended with ${code}: ${errors}`);
  });
  return child;
}

function nginxGround(folder, name) {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, `${name}-${kind}`)};`,
  );
  return {
    main: `daemon off; worker_processes 1; pid ${join(folder, `${name}.pid`)}; error_log ${join(folder, `${name}.log`)} crit; worker_rlimit_nofile 16384; events { worker_connections 8192; }`,
    http: `access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 16m; ${paths.join(' ')}`,
  };
}

/** The upstreams: one nginx on three ports, answering from memory. */
export async function startUpstreams(folder, core, http2 = false) {
  const ports = [await freePort(), await freePort(), await freePort()];
  const name = http2 ? 'upstreams-h2' : 'upstreams';
  const { main, http } = nginxGround(folder, name);
  const large = 'x'.repeat(1024);
  const config = `${main} http { ${http} client_body_buffer_size 2m;
${ports.map((port) => `server { listen 127.0.0.1:${port} backlog=4096${http2 ? ' http2' : ''}; location = /small { return 200 "hello from an upstream, a small answer"; } location = /large { alias ${join(folder, 'large.bin')}; sendfile on; } location = /upload { client_body_in_single_buffer on; proxy_pass http://127.0.0.1:${port}/taken; } location = /taken { return 200 "taken"; } location /healthz { return 200 "ok"; } }`).join('\n')} }`;
  writeFileSync(join(folder, 'large.bin'), large.repeat(64));
  writeFileSync(join(folder, `${name}.conf`), config);
  const child = startPinned(core, 'nginx', ['-c', join(folder, `${name}.conf`)]);
  await Promise.all(ports.map((port) => listening(port)));
  return { child, ports };
}

/** Upstreams that answer calls of gRPC. */
export async function startCallUpstreams(core) {
  const ports = [await freePort(), await freePort(), await freePort()];
  const child = startPinned(core, process.execPath, [here('grpc-upstream.mjs'), ...ports.map(String)]);
  await Promise.all(ports.map((port) => listening(port)));
  return { child, ports };
}

/** Each entry: is it here, and start it. `tls` holds PEM file paths; only the TLS case sets it. */
export const PROXIES = {
  stickyroute: {
    isHere: () => true,
    start({
      folder,
      port,
      ports,
      core,
      tls,
      http2 = false,
      behind,
      affinity = [{ header: 'cookie' }],
      accessLog = false,
      entry = here('../../dist/cli/main.js'),
      runtime = [process.execPath],
    }) {
      const file = join(folder, `stickyroute-${port}.json`);
      const upstreams = Object.fromEntries(
        ports.map((each, at) => [`u${at + 1}`, `http://127.0.0.1:${each}`]),
      );
      writeFileSync(
        file,
        JSON.stringify({
          listen: `127.0.0.1:${port}`,
          ...(tls ? { tls: { cert: tls.cert, key: tls.key } } : {}),
          http2,
          keys: ['bench-'.repeat(8)],
          upstreams,
          ...(behind !== undefined && { upstreamHttp2: true }),
          affinity,
          accessLog,
          limits: { connections: 10000 },
        }),
      );
      const log = accessLog ? openSync(join(folder, `stickyroute-${port}.log`), 'a') : 'ignore';
      return startPinned(
        core,
        runtime[0],
        [...runtime.slice(1), entry, 'up', '-c', file],
        { NODE_ENV: 'production' },
        log,
      );
    },
  },
  nginx: {
    isHere: () => isOnPath('nginx'),
    start({ folder, port, ports, core, tls, http2 = false, behind }) {
      const { main, http } = nginxGround(folder, `nginx-${port}`);
      const file = join(folder, `nginx-${port}.conf`);
      const pass =
        behind === undefined
          ? 'proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_request_buffering off; proxy_buffering on;'
          : 'grpc_pass grpc://pool;';
      const set = `${behind === undefined ? 'proxy' : 'grpc'}_set_header`;
      const secure = tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : '';
      writeFileSync(
        file,
        `${main} http { ${http} map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
upstream pool { hash $http_cookie consistent; ${ports.map((each) => `server 127.0.0.1:${each} max_fails=3 fail_timeout=30s;`).join(' ')} keepalive 512; keepalive_requests 100000000; }
server { listen 127.0.0.1:${port} backlog=4096 ${tls ? 'ssl' : ''} ${http2 ? 'http2' : ''}; ${secure} location / { ${pass} ${set} Host $http_host; ${set} X-Real-IP $remote_addr; ${set} X-Forwarded-For $remote_addr; ${set} X-Forwarded-Proto $scheme; ${set} X-Forwarded-Host $http_host; ${set} X-Request-Id $request_id; } } }`,
      );
      return startPinned(core, 'nginx', ['-c', file]);
    },
  },
  haproxy: {
    isHere: () => isOnPath('haproxy'),
    start({ folder, port, ports, core, tls, http2 = false, behind }) {
      const file = join(folder, `haproxy-${port}.cfg`);
      let bind = `bind 127.0.0.1:${port} backlog 4096`;
      if (tls) {
        const pem = join(folder, 'haproxy.pem');
        writeFileSync(pem, tls.both);
        bind += ` ssl crt ${pem}${http2 ? ' alpn h2,http/1.1' : ''}`;
      } else if (http2) bind += ' proto h2';
      writeFileSync(
        file,
        `global
  nbthread 1
  maxconn 8192
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  option forwardfor
  option http-keep-alive
  http-reuse always
frontend in
  ${bind}
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto ${tls ? 'https' : 'http'}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  default_backend pool
backend pool
  balance hdr(cookie)
  hash-type consistent
${ports.map((each, at) => `  server u${at + 1} 127.0.0.1:${each}${behind === undefined ? '' : ' proto h2'}`).join('\n')}
`,
      );
      return startPinned(core, 'haproxy', ['-f', file]);
    },
  },
  caddy: {
    isHere: () => isOnPath('caddy'),
    start({ folder, port, ports, core, tls, http2 = false, behind }) {
      const file = join(folder, `Caddyfile-${port}`);
      writeFileSync(
        file,
        `{
  admin off
  auto_https off
  servers {
    protocols h1 ${http2 ? 'h2 h2c' : ''}
  }
}
${tls ? 'https' : 'http'}://127.0.0.1:${port} {
  ${tls ? `tls ${tls.cert} ${tls.key}` : ''}
  reverse_proxy ${ports.map((each) => `${behind === undefined ? '' : 'h2c://'}127.0.0.1:${each}`).join(' ')} {
    lb_policy header Cookie
  }
}
`,
      );
      return startPinned(core, 'caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
        GOMAXPROCS: '1',
        XDG_DATA_HOME: folder,
        XDG_CONFIG_HOME: folder,
      });
    },
  },
  'http-proxy-3': nodeProxy('http-proxy-3'),
  httpxy: nodeProxy('httpxy'),
  'reply-from': nodeProxy('reply-from'),
  'node:http2': nodeProxy('node:http2'),
};

function nodeProxy(name) {
  return {
    isHere: () => true,
    start: ({ port, ports, core, tls }) =>
      startPinned(
        core,
        process.execPath,
        [here('node-proxies.mjs'), name, String(port), ...ports.map((each) => `http://127.0.0.1:${each}`)],
        { NODE_ENV: 'production', ...(tls && { TLS_CERT: tls.cert, TLS_KEY: tls.key }) },
      ),
  };
}
