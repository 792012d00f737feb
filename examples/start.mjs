// `npm start`: three upstreams and the gateway in front of them, until Ctrl-C.
//   npm start -- --port 9090        or  PORT=9090 npm start
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';

const READY_MS = 15_000;
const STOP_MS = 8_000;
const PREFERRED_PORTS = [3001, 3002, 3003];

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const cli = path('../dist/cli/main.js');

const values = readArguments();
const port = Number(values.port ?? process.env.PORT ?? 8080);

const running = [];
let stopping;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
followNpm();

try {
  await main();
} catch (error) {
  if (stopping === undefined) console.error(error.message);
  await stop(1);
}

async function main() {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`--port ${values.port ?? process.env.PORT} is not a port: write a number from 1 to 65535.`);
  if (!existsSync(cli)) throw new Error('dist/cli/main.js is missing: run `npm run build` first, or `npm start`, which does.');
  if (!(await isFree(port))) throw new Error(`Port ${port} is in use: stop what listens there, or choose another with \`npm start -- --port ${port === 9090 ? 9091 : 9090}\`.`);

  const ports = await upstreamPorts();
  const env = {
    ...process.env,
    PORT: String(port),
    STICKYROUTE_KEY: process.env.STICKYROUTE_KEY || randomBytes(32).toString('base64url'),
    JWT_SECRET: process.env.JWT_SECRET || randomBytes(32).toString('base64url'),
  };
  ports.forEach((upstreamPort, at) => (env[`API_${at + 1}_PORT`] = String(upstreamPort)));

  const upstreams = ports.map((upstreamPort, at) =>
    launch(`api-${at + 1}`, upstreamPort, env, [path('api/server.mjs'), '--name', `api-${at + 1}`, '--port', String(upstreamPort)]));
  await Promise.all(upstreams.map(ready));
  const gateway = launch('gateway', port, env, [cli, 'up', '-c', path('stickyroute.yaml')]);
  await ready(gateway);

  console.log(`\n${table([...upstreams, gateway])}\n`);
  console.log(await suggestions(env.JWT_SECRET));
  for (const upstream of upstreams) upstream.ended.then(() => onUpstreamEnd(upstream));
  gateway.ended.then(() => onGatewayEnd(gateway));
}

function readArguments() {
  try {
    return parseArgs({ options: { port: { type: 'string', short: 'p' } } }).values;
  } catch (error) {
    console.error(`${error.message} The only one is --port, as in: npm start -- --port 9090`);
    process.exit(2);
  }
}

/** Starts one process, in a group of its own: Ctrl-C reaches this process alone, which then stops the others in order. */
function launch(name, itsPort, env, args) {
  const child = spawn(process.execPath, ['--import', new URL('follow-parent.mjs', import.meta.url).href, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: process.platform !== 'win32',
  });
  const host = name === 'gateway' ? 'localhost' : '127.0.0.1';
  const part = { name, port: itsPort, url: `http://${host}:${itsPort}`, child, how: undefined };
  part.ended = new Promise((resolve) => {
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal === null ? `exit code ${code}` : signal));
    function end(how) {
      part.how ??= how;
      resolve();
    }
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => console.log(`${name.padEnd(7)} | ${line}`));
  }
  running.push(part);
  return part;
}

async function ready(part) {
  const endsAt = Date.now() + READY_MS;
  while (!(await accepts(part.port))) {
    if (part.how !== undefined) throw new Error(`${part.name} did not start (${part.how}); its own words are above.`);
    if (Date.now() > endsAt) throw new Error(`${part.name} does not listen on port ${part.port} after ${READY_MS / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** People kill an upstream to see what happens; that is no reason to stop. */
function onUpstreamEnd(upstream) {
  if (stopping !== undefined) return;
  console.log(`\n${upstream.name} (pid ${upstream.child.pid}) died: ${upstream.how}. Its users move to the others; nobody else's upstream changes.`);
  console.log(`Bring it back in another terminal: node examples/api/server.mjs --name ${upstream.name} --port ${upstream.port}\n`);
}

function onGatewayEnd(gateway) {
  if (stopping !== undefined) return;
  console.error(`\nThe gateway (pid ${gateway.child.pid}) died: ${gateway.how}. Stopping the upstreams.`);
  void stop(1);
}

/** The gateway first, so that it can finish what it has begun; then the upstreams. */
function stop(code) {
  stopping ??= (async () => {
    const gateway = running.filter((part) => part.name === 'gateway');
    const upstreams = running.filter((part) => part.name !== 'gateway');
    for (const parts of [gateway, upstreams]) {
      for (const part of parts) if (part.how === undefined) part.child.kill('SIGTERM');
      const force = setTimeout(() => parts.forEach((part) => part.child.kill('SIGKILL')), STOP_MS);
      await Promise.all(parts.map((part) => part.ended));
      clearTimeout(force);
    }
    if (running.length > 0) console.log('Stopped.');
    process.exit(code);
  })();
  return stopping;
}

/** npm hands a signal to its shell, which may die of it without a word to this process: so watch the shell. */
function followNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(0), 500).unref();
}

function table(parts) {
  const rows = [['name', 'url', 'pid'], ...parts.map((part) => [part.name, part.url, String(part.child.pid)])];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('   ')}`.trimEnd()).join('\n');
}

async function suggestions(secret) {
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject('carol').setIssuedAt().setExpirationTime('12h').sign(new TextEncoder().encode(secret));
  const url = `http://localhost:${port}/load-balancer-test`;
  const jar = join(tmpdir(), 'stickyroute-cookies');
  const lines = [
    ['by address', `curl -si ${url}`],
    ['by cookie (send it twice: the second time it is bound)', `curl -si -c ${jar} -b ${jar} ${url}`],
    ['by header', `curl -si -H 'x-user-id: alice' ${url}`],
    ['by query', `curl -si '${url}?user_id=bob'`],
    ['by bearer token', `curl -si -H 'authorization: Bearer ${token}' ${url}`],
    ['cookie + hashing: placed by the header, remembered by the cookie', `curl -si -c ${jar}-dave -b ${jar}-dave -H 'x-user-id: dave' ${url}`],
  ];
  return [
    'Paste any line, as often as you like. `x-upstream` says who answered, `x-affinity` why.',
    ...lines.map(([what, line]) => `\n# ${what}\n${line}`),
    '\nKill an upstream by its pid to see who moves. Ctrl-C stops everything.\n',
  ].join('\n');
}

async function upstreamPorts() {
  const ports = [];
  for (const preferred of PREFERRED_PORTS) ports.push(preferred !== port && (await isFree(preferred)) ? preferred : await freePort());
  return ports;
}

/** Asked of every address: a listener on one of them would take its share of the connections. */
function isFree(wanted) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(wanted, () => probe.close(() => resolve(true)));
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
}

function accepts(wanted) {
  return new Promise((resolve) => {
    const socket = connect({ port: wanted, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
