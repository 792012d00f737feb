// `npm start`: three upstreams that share their state, and the gateway in front of them, until Ctrl-C.
//   npm start -- --port 9090                      or  PORT=9090 npm start
//   npm start -- --redis redis://127.0.0.1:6379   state in Redis, not in a file
//   npm start -- --preset small | medium | large  the gateway by the size of the service (docs/choosing.md)
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
const READY_MS = 15_000;
const STOP_MS = 8_000;
const PREFERRED_PORTS = [3001, 3002, 3003];
/** The rules of examples/sample.yaml. */
const SAMPLE_RULES = ['cookie', 'jwt', 'header', 'query', 'ip'];

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const cli = path('../dist/cli/main.js');

const values = readArguments();
const port = Number(values.port ?? process.env.PORT ?? 8080);
const redisUrl = values.redis ?? process.env.REDIS_URL ?? '';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-sample-'));
const sharedFile = join(folder, 'shared.env');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// Nobody's password is the same twice: these are made for one run and printed.
const random = () => randomBytes(32).toString('base64url');
const accounts = [
  { id: '1', username: 'alice', password: random().slice(0, 12), email: 'alice@example.org' },
  { id: '2', username: 'bob', password: random().slice(0, 12), email: 'bob@example.org' },
];

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
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(
      `--port ${values.port ?? process.env.PORT} is not a port: write a number from 1 to 65535.`,
    );
  if (!existsSync(cli))
    throw new Error('dist/cli/main.js is missing: run `npm run build` first, or `npm start`, which does.');
  if (!(await isFree(port)))
    throw new Error(
      `Port ${port} is in use: stop what listens there, or choose another with \`npm start -- --port ${port === 9090 ? 9091 : 9090}\`.`,
    );

  if (redisUrl !== '') await checkRedis();

  const ports = await upstreamPorts();
  const { file: config, rules } = await configFile(ports);
  // What the three upstreams have in common. In a file too, for one that is brought back by hand; the folder
  // is its owner's alone.
  const shared = {
    JWT_SECRET: process.env.JWT_SECRET || random(),
    SESSION_KEY: process.env.SESSION_KEY || random(),
    INTERNAL_KEY: random(),
    REDIS_URL: redisUrl,
    STATE_FOLDER: join(folder, 'state'),
    ACCOUNTS: JSON.stringify(accounts),
    UPSTREAMS: JSON.stringify(
      Object.fromEntries(
        ports.map((upstreamPort, at) => [`api-${at + 1}`, `http://127.0.0.1:${upstreamPort}`]),
      ),
    ),
  };
  writeFileSync(
    sharedFile,
    Object.entries(shared)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(''),
  );
  const env = {
    ...process.env,
    ...shared,
    PORT: String(port),
    STICKYROUTE_KEY: process.env.STICKYROUTE_KEY || random(),
    SAMPLE_PID: String(process.pid),
  };
  ports.forEach((upstreamPort, at) => (env[`API_${at + 1}_PORT`] = String(upstreamPort)));

  const upstreams = ports.map((upstreamPort, at) =>
    launch(`api-${at + 1}`, upstreamPort, env, [
      path('api/server.mjs'),
      '--name',
      `api-${at + 1}`,
      '--port',
      String(upstreamPort),
    ]),
  );
  await Promise.all(upstreams.map(ready));
  const gateway = launch('gateway', port, env, [cli, 'up', '-c', config]);
  await ready(gateway);

  console.log(`\n${table([...upstreams, gateway])}\n`);
  console.log(suggestions(await tokenOf(accounts[0], ports[0]), rules));
  for (const upstream of upstreams) upstream.ended.then(() => onUpstreamEnd(upstream));
  gateway.ended.then(() => onGatewayEnd(gateway));
}

/** Else each upstream would say the same again and again until the others gave up waiting. */
async function checkRedis() {
  if (!/^rediss?:\/\//.test(redisUrl) || !URL.canParse(redisUrl))
    throw new Error('--redis (or REDIS_URL) is not a URL of Redis: write redis://127.0.0.1:6379.');
  // A URL with a password would show it.
  const { hostname, port: redisPort } = new URL(redisUrl);
  if (!(await accepts(Number(redisPort || 6379), hostname.replace(/^\[|\]$/g, '')))) {
    throw new Error(
      `Nobody answers at ${hostname}:${redisPort || 6379}: start Redis there, or leave out --redis (or REDIS_URL), and the state is in a file.`,
    );
  }
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', short: 'p' },
        redis: { type: 'string' },
        preset: { type: 'string' },
      },
    }).values;
  } catch (error) {
    console.error(
      `${error.message} There are --port 9090, --redis redis://127.0.0.1:6379 and --preset small, as in: npm start -- --port 9090`,
    );
    process.exit(2);
  }
}

/**
 * The file with every rule; or, for a size, one as `stickyroute advise` would print it. With it the rules
 * that it asks, in order.
 */
async function configFile(ports) {
  if (values.preset === undefined) return { file: path('sample.yaml'), rules: SAMPLE_RULES };
  const { PRESETS } = await import(new URL('../dist/control/presets.js', import.meta.url));
  const preset = PRESETS.find(({ name }) => name === values.preset);
  if (preset === undefined)
    throw new Error(
      `There is no preset ${values.preset}: write --preset ${PRESETS.map(({ name }) => name).join(', or ')}.`,
    );
  console.log(`${preset.name}: ${preset.size}. ${preset.scheme}. ${preset.why}\n`);
  const upstreams = Object.fromEntries(
    ports.map((upstreamPort, at) => [`api-${at + 1}`, `http://127.0.0.1:${upstreamPort}`]),
  );
  const config = {
    listen: port,
    upstreams,
    ...preset.config,
    health: { path: '/healthz', every: '1s' },
    expose: true,
    accessLog: false,
  };
  const file = join(folder, 'stickyroute.json');
  writeFileSync(file, JSON.stringify(config));
  return { file, rules: preset.config.affinity.flatMap((rule) => Object.keys(rule)) };
}

/** An access token, by logging in at an upstream as anybody would. */
async function tokenOf({ username, password }, upstreamPort) {
  const response = await fetch(`http://127.0.0.1:${upstreamPort}/api/login`, {
    method: 'POST',
    body: new URLSearchParams({ username, password }),
  });
  return (await response.json()).access_token;
}

/**
 * Starts one process, in a group of its own: Ctrl-C reaches this process alone, which then stops the others
 * in order.
 */
function launch(name, itsPort, env, args) {
  const child = spawn(
    process.execPath,
    ['--import', new URL('follow-parent.mjs', import.meta.url).href, ...args],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: process.platform !== 'win32',
    },
  );
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
    if (part.how !== undefined)
      throw new Error(`${part.name} did not start (${part.how}); its own words are above.`);
    if (Date.now() > endsAt)
      throw new Error(`${part.name} does not listen on port ${part.port} after ${READY_MS / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** People kill an upstream to see what happens; that is no reason to stop. */
function onUpstreamEnd(upstream) {
  if (stopping !== undefined) return;
  console.log(
    `\n${upstream.name} (pid ${upstream.child.pid}) died: ${upstream.how}. Its users move to the others; nobody else's upstream changes.`,
  );
  console.log(
    `Bring it back in another terminal: node --env-file=${sharedFile} examples/api/server.mjs --name ${upstream.name} --port ${upstream.port}\n`,
  );
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

/**
 * npm hands a signal to its shell, which may die of it without a word to this process: so watch the shell.
 */
function followNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(0), 500).unref();
}

function table(parts) {
  const rows = [
    ['name', 'url', 'pid'],
    ...parts.map((part) => [part.name, part.url, String(part.child.pid)]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('   ')}`.trimEnd())
    .join('\n');
}

function suggestions(token, rules) {
  const at = `http://localhost:${port}`;
  const url = `${at}/load-balancer-test`;
  const jar = join(tmpdir(), 'stickyroute-cookies');
  const login = `-d 'username=alice&password=${accounts[0].password}'`;
  const groups = [
    [
      'Paste any line, as often as you like. `x-upstream` says who answered, `x-affinity` why.',
      // A line for each rule that this configuration asks. The users land on different upstreams.
      [
        ['ip', 'by address', `curl -si ${url}`],
        [
          'cookie',
          'by cookie (send it twice: the second time it is bound)',
          `curl -si -c ${jar} -b ${jar} ${url}`,
        ],
        ['header', 'by header', `curl -si -H 'x-user-id: frank' ${url}`],
        ['query', 'by query', `curl -si '${url}?user_id=grace'`],
        ['jwt', 'by bearer token', `curl -si -H 'authorization: Bearer ${token}' ${url}`],
        [
          'header',
          'cookie + hashing: placed by the header, remembered by the cookie',
          `curl -si -c ${jar}-dave -b ${jar}-dave -H 'x-user-id: dave' ${url}`,
        ],
        ['none', 'by turns: any upstream can serve anybody, send it three times', `curl -si ${url}`],
      ]
        .filter(([rule]) => rules.includes(rule) || (rule === 'none' && rules.length === 0))
        .map(([, what, line]) => [what, line]),
    ],
    [
      'And what holds when a user is moved all the same: the three upstreams share sessions, tokens and a cache.',
      [
        [
          'log in: a session in the jar, and a token in the answer',
          `curl -s -c ${jar} -b ${jar} ${login} ${at}/api/login`,
        ],
        [
          'put something into the session, and read it',
          `curl -s -c ${jar} -b ${jar} -d 'key=color&value=red' ${at}/api/session ; curl -s -b ${jar} ${at}/api/session`,
        ],
        [
          'who the token is, and which level of the cache knew (twice: the second time local)',
          `curl -s -H 'authorization: Bearer ${token}' ${at}/api/users/me`,
        ],
        ['a user, from the upstream that owns it', `curl -s ${at}/api/users/2`],
        [
          'one endpoint for a token, a session, and nobody',
          `curl -s -H 'authorization: Bearer ${token}' ${at}/api/data ; curl -s -b ${jar} ${at}/api/data ; curl -s ${at}/api/data`,
        ],
        [
          'log out, everywhere: the token is worth nothing either',
          `curl -s -c ${jar} -b ${jar} -X POST '${at}/api/logout?everywhere=true'`,
        ],
      ],
    ],
  ];
  return [
    ...groups.flatMap(([title, lines]) => [
      title,
      ...lines.map(([what, line]) => `\n# ${what}\n${line}`),
      '',
    ]),
    'Kill an upstream by its pid to see who moves; nobody is logged out. Ctrl-C stops everything.\n',
  ].join('\n');
}

async function upstreamPorts() {
  const ports = [];
  for (const preferred of PREFERRED_PORTS)
    ports.push(preferred !== port && (await isFree(preferred)) ? preferred : await freePort());
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

function accepts(wanted, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const socket = connect({ port: wanted, host });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
