// `npm run bench:session`: sessions beside express-session and @fastify/session, over the same Redis, in one
// run. Rounds take turns, so that a noisy neighbour hits all alike. What to steer by: CPU a request, and
// commands a request, which no neighbour changes.
//   node bench/session.mjs [--rounds 5] [--seconds 2] [--only 'Fastify|@fastify.*redis$']
// `--only`: the contenders whose names it fits; nothing is written then.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClient } from '@redis/client';
import { cpuMicros, median, run } from './gateway/measure.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
const CONNECTIONS = 32;
const COUNTED = 200;

const RIVALS = ['express-session + connect-redis', '@fastify/session + connect-redis'];
const FLOORS = ['node:http, no session', 'Express, no session', 'Fastify, no session'];
const ALL = [
  ...FLOORS,
  ...RIVALS,
  ...RIVALS.map((name) => `${name} (defaults)`),
  'stickyroute, Express, Redis',
  'stickyroute, Fastify, Redis',
  'stickyroute, node:http, Redis',
  'stickyroute, Express, LMDB',
  'stickyroute, Fastify, LMDB',
];
const KINDS = ALL.filter((kind) => values.only === undefined || new RegExp(values.only).test(kind));
const CASES = [
  { id: 'a', name: 'anonymous', path: '/', hasCookie: false },
  { id: 'b', name: 'read-only, with a session', path: '/read', hasCookie: true },
  { id: 'c', name: 'one field changed', path: '/write', hasCookie: true },
];

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-bench-'));
const children = [];

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const redisPort = await startRedis();
  const watcher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  await watcher.connect();
  const commands = await monitor(redisPort);
  const apps = [];
  for (const [at, kind] of KINDS.entries()) {
    const child = spawn(
      'taskset',
      [
        '-c',
        '0',
        process.execPath,
        '--no-deprecation',
        path('session/app.mjs'),
        kind,
        String(redisPort),
        join(folder, `lmdb-${at}`),
      ],
      { env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    const port = await firstLine(child);
    const cookie = FLOORS.includes(kind)
      ? 'sid=A0123456789abcdef0123456789abcdef'
      : await cookieOf(Number(port));
    apps.push({
      kind,
      pid: child.pid,
      port: Number(port),
      cookie,
      results: Object.fromEntries(CASES.map(({ id }) => [id, { rates: [], cpu: [] }])),
    });
  }
  for (const app of apps) {
    for (const each of CASES) {
      const before = commands();
      for (let at = 0; at < COUNTED; at++) await get(app.port, each, app.cookie);
      await watcher.ping();
      await new Promise((resolve) => setTimeout(resolve, 50));
      app.results[each.id].commands = Math.round(((commands() - before - 1) / COUNTED) * 100) / 100;
    }
  }
  commands.stop();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const each of CASES) {
      for (const app of apps) {
        const measured = await measure(app, each);
        // The first round warms up.
        if (round === 0) continue;
        app.results[each.id].rates.push(measured.rate);
        app.results[each.id].cpu.push(measured.cpu);
      }
    }
  }
  report(apps);
  await watcher.close();
}

async function measure(app, each) {
  const headers = each.hasCookie ? ['-H', `Cookie: ${app.cookie}`] : [];
  const before = cpuMicros(app.pid);
  const text = await run('taskset', [
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${CONNECTIONS}`,
    `-d${SECONDS}s`,
    ...headers,
    `http://127.0.0.1:${app.port}${each.path}`,
  ]);
  const cpu = cpuMicros(app.pid) - before;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  if (!(requests > 0) || /Non-2xx/.test(text)) throw new Error(`${app.kind}: ${text}`);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), cpu: cpu / requests };
}

/**
 * wrk's own time is on the other core; the app's, and that of Redis, which shares the other core with it, are
 * what limit.
 */
function report(apps) {
  console.log(
    `\n${cpus()[0].model}, Node ${process.version}, ${CONNECTIONS} connections, app on one core, Redis and wrk on the other. Medians of ${ROUNDS} rounds of ${SECONDS} s.`,
  );
  const results = [];
  for (const each of CASES) {
    console.log(`\n(${each.id}) ${each.name}\n`);
    const best = Math.max(
      ...apps.filter(({ kind }) => RIVALS.includes(kind)).map(({ results: of }) => median(of[each.id].rates)),
    );
    const bestCpu = Math.min(
      ...apps.filter(({ kind }) => RIVALS.includes(kind)).map(({ results: of }) => median(of[each.id].cpu)),
    );
    const floors = new Map(
      apps
        .filter(({ kind }) => FLOORS.includes(kind))
        .map(({ kind, results: of }) => [kind, median(of[each.id].cpu)]),
    );
    console.log(
      '| | requests/s | × best tuned rival | CPU µs a request | × best tuned rival by CPU | above the framework, µs | Redis commands a request |',
    );
    console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
    for (const { kind, results: of } of apps) {
      const { rates, cpu, commands } = of[each.id];
      const rate = median(rates);
      const cpuMedian = median(cpu);
      const added = cpuMedian - (floors.get(floorOf(kind)) ?? NaN);
      console.log(
        `| ${kind} | ${Math.round(rate)} | ${(rate / best).toFixed(2)} | ${cpuMedian.toFixed(0)} (${Math.min(...cpu).toFixed(0)}-${Math.max(...cpu).toFixed(0)}) | ${(bestCpu / cpuMedian).toFixed(2)} | ${added.toFixed(0)} | ${commands} |`,
      );
      results.push({
        case: each.id,
        kind,
        rate,
        ratio: rate / best,
        cpuMicros: cpuMedian,
        cpuMicrosLeast: Math.min(...cpu),
        cpuRatio: bestCpu / cpuMedian,
        addedMicros: added,
        commands,
      });
    }
  }
  if (values.only !== undefined) return;
  const file = path(`results/session-${new Date().toISOString().slice(0, 10)}.json`);
  const report = {
    node: process.version,
    cpu: cpus()[0].model,
    rounds: ROUNDS,
    seconds: SECONDS,
    results,
  };
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
  console.log(`\nWritten to ${file.slice(file.indexOf('bench/'))}`);
}

/** What the same framework takes without a session. */
function floorOf(kind) {
  return FLOORS.find((floor) => kind.toLowerCase().includes(floor.split(',')[0].toLowerCase()));
}

async function startRedis() {
  const port = 20_000 + (process.pid % 10_000);
  const child = spawn(
    'taskset',
    [
      '-c',
      '1',
      'redis-server',
      '--port',
      String(port),
      '--save',
      '',
      '--appendonly',
      'no',
      '--bind',
      '127.0.0.1',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  await new Promise((resolve, reject) => {
    child.on('exit', () => reject(new Error('redis-server did not start; is it installed?')));
    createInterface({ input: child.stdout }).on(
      'line',
      (line) => line.includes('Ready to accept connections') && resolve(),
    );
  });
  return port;
}

/** Counts what clients ask, as MONITOR shows it; what a script does inside is not a command. */
async function monitor(port) {
  const child = spawn('redis-cli', ['-p', String(port), 'MONITOR'], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  let count = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^\d+\.\d+ \[\d+ (?!lua)/.test(line)) count++;
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const counter = () => count;
  counter.stop = () => child.kill();
  return counter;
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`An app ended with code ${code} before it listened.`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
}

async function cookieOf(port) {
  const response = await get(port, { path: '/write', hasCookie: false });
  const cookie = response.headers['set-cookie']?.[0]?.split(';')[0];
  if (cookie === undefined) throw new Error('An app set no cookie.');
  return cookie;
}

function get(port, { path: target, hasCookie }, cookie) {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: target, headers: hasCookie ? { cookie } : {} }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(response)
          : reject(new Error(`${target}: ${response.statusCode}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}
