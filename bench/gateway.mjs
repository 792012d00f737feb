// npm run bench:gateway [-- --cases small,sealed --proxies stickyroute,nginx --rounds 5 --seconds 2]
//
// Every proxy does the same job beside the others in one run: one worker on one core, load and upstreams on
// the other, rounds interleaved, a warm-up first. The figure to trust is CPU per request (user and system
// time of the whole process tree): it survives a noisy machine. Ratios are to nginx.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { countingCosts } from './gateway/counting.mjs';
import { CASES, holdIdle, offered } from './gateway/cases.mjs';
import { cpuMicros, median, residentKib } from './gateway/measure.mjs';
import {
  PROXIES,
  freePort,
  isOnPath,
  listening,
  startCallUpstreams,
  startPinned,
  startUpstreams,
} from './gateway/proxies.mjs';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
    proxies: { type: 'string', default: Object.keys(PROXIES).join(',') },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    entry: { type: 'string', multiple: true, default: [] },
    runtime: { type: 'string' },
    save: { type: 'boolean', default: false },
    latency: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (!isOnPath('wrk') || !isOnPath('nginx')) {
  console.error(
    'This bench needs wrk and nginx: on Debian or Ubuntu, apt-get install wrk nginx-light haproxy caddy.',
  );
  process.exit(1);
}
// --entry NAME=dist/cli/main.js adds another build of stickyroute to the line-up (bench/compare.sh).
for (const entry of values.entry) {
  const [name, path] = entry.split('=');
  PROXIES[name] = {
    isHere: () => true,
    start: (options) => PROXIES.stickyroute.start({ ...options, entry: path }),
  };
}
if (values.runtime !== undefined) {
  PROXIES[`stickyroute on ${values.runtime.split('/').at(-1)}`] = {
    isHere: () => true,
    start: (options) => PROXIES.stickyroute.start({ ...options, runtime: [values.runtime] }),
  };
}
const names = [
  ...values.proxies.split(','),
  ...values.entry.map((entry) => entry.split('=')[0]),
  ...Object.keys(PROXIES).filter((name) => name.startsWith('stickyroute on')),
];
const proxies = names.filter((name) => PROXIES[name]?.isHere() ?? console.log(`${name}: not known`));
const missing = names.filter((name) => !proxies.includes(name));
const pin = isOnPath('taskset') && cpus().length > 1;
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-bench-'));
// nginx serves the large answer from here as another user.
chmodSync(folder, 0o755);
const running = new Set();
const results = [];

function stopAll() {
  for (const child of running) child.kill('SIGTERM');
  running.clear();
}
process.on('exit', () => {
  stopAll();
  rmSync(folder, { recursive: true, force: true });
});
process.on('SIGINT', () => process.exit(130));

function makeTls() {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  return { cert, key, both: readFileSync(cert, 'utf8') + readFileSync(key, 'utf8') };
}

/** Every proxy's answer is looked at before it is timed. */
async function check(port, isTls, isWebSocket) {
  if (isTls || isWebSocket) return;
  const answer = await fetch(`http://127.0.0.1:${port}/small`, { headers: { cookie: 'user=1' } });
  const text = await answer.text();
  if (answer.status !== 200 || !text.startsWith('hello from an upstream'))
    throw new Error(`wrong answer: ${answer.status} ${text.slice(0, 200)}`);
}

async function measureCase(name, upstreams, tls) {
  const {
    title,
    goal,
    drive,
    affinity,
    prepare,
    isTls = false,
    isHttp2 = false,
    behind,
    needsEcho = false,
    accessLog = false,
    only,
  } = CASES[name];
  const lineUp = [];
  const spoken =
    behind === 'http2'
      ? await startUpstreams(folder, 1, true)
      : behind === 'grpc'
        ? await startCallUpstreams(1)
        : undefined;
  if (spoken !== undefined) running.add(spoken.child);
  const ports = needsEcho
    ? [await freePort(), await freePort(), await freePort()]
    : (spoken?.ports ?? upstreams);
  let echo = spoken?.child;
  if (needsEcho) {
    echo = startPinned(1, process.execPath, [
      fileURLToPath(new URL('gateway/echo.mjs', import.meta.url)),
      ...ports.map(String),
    ]);
    running.add(echo);
    await Promise.all(ports.map((port) => listening(port)));
  }
  for (const proxy of proxies) {
    if ((isTls || isHttp2) && ['http-proxy-3', 'httpxy', 'reply-from'].includes(proxy)) continue;
    if (!isHttp2 && proxy === 'node:http2') continue;
    if (only !== undefined && !only.test(proxy) && !values.entry.some((entry) => entry.startsWith(proxy)))
      continue;
    const port = await freePort();
    const own = { folder, ports, core: 0, tls: isTls ? tls : undefined, http2: isHttp2, behind, affinity };
    const child = PROXIES[proxy].start({ ...own, port, accessLog });
    running.add(child);
    await listening(port);
    await check(port, isTls || isHttp2, needsEcho);
    lineUp.push({
      proxy,
      port,
      child,
      samples: [],
      extraHeaders: prepare === undefined ? {} : await prepare(port),
    });
    if (!accessLog) continue;
    // The same without its log, in turns: what the log costs.
    const silentPort = await freePort();
    const silent = PROXIES[proxy].start({ ...own, port: silentPort });
    running.add(silent);
    await listening(silentPort);
    lineUp.push({
      proxy: `${proxy}, no log`,
      port: silentPort,
      child: silent,
      samples: [],
      extraHeaders: {},
    });
  }
  const base = { folder, core: 1, tls: isTls, pin };
  // Compilers and caches need a while: what counts is a proxy that has been running.
  for (const each of lineUp)
    await drive({ ...base, port: each.port, seconds: Math.max(3, seconds), extraHeaders: each.extraHeaders });
  for (let round = 0; round < rounds; round++) {
    for (const each of lineUp) {
      const before = cpuMicros(each.child.pid);
      const sample = await drive({ ...base, port: each.port, seconds, extraHeaders: each.extraHeaders });
      const cpu = cpuMicros(each.child.pid) - before;
      each.samples.push({
        ...sample,
        cpu: cpu / sample.requests,
        perSecond: sample.requests / (sample.seconds ?? seconds),
        rssKib: residentKib(each.child.pid),
      });
    }
  }
  const nginx = lineUp.find(({ proxy }) => proxy === 'nginx');
  console.log(`\n${title}`);
  const rows = lineUp.map(({ proxy, samples }) => {
    const cpu = samples.map((sample) => sample.cpu);
    const ratio =
      nginx === undefined ? undefined : median(cpu.map((value, at) => value / nginx.samples[at].cpu));
    const row = {
      case: name,
      proxy,
      cpuMicros: median(cpu),
      cpuMin: Math.min(...cpu),
      cpuMax: Math.max(...cpu),
      ratio,
      perSecond: median(samples.map((sample) => sample.perSecond)),
      p50Ms: samples[0].p50Ms === undefined ? undefined : median(samples.map((sample) => sample.p50Ms)),
      p99Ms: samples[0].p99Ms === undefined ? undefined : median(samples.map((sample) => sample.p99Ms)),
      rssMib: median(samples.map((sample) => sample.rssKib)) / 1024,
      failed: samples.reduce((sum, sample) => sum + (sample.failed ?? 0), 0),
    };
    results.push(row);
    return row;
  });
  console.log(
    'proxy            CPU µs/request (min–max)    to nginx    requests/s   p50 ms   p99 ms   RSS MiB   failed',
  );
  for (const row of rows) {
    console.log(
      `${row.proxy.padEnd(16)} ${row.cpuMicros.toFixed(1).padStart(8)} (${row.cpuMin.toFixed(1)}–${row.cpuMax.toFixed(1)})`.padEnd(
        46,
      ),
      `${row.ratio === undefined ? '' : row.ratio.toFixed(2)}`.padStart(6),
      row.perSecond.toFixed(0).padStart(13),
      (row.p50Ms?.toFixed(2) ?? '').padStart(8),
      (row.p99Ms?.toFixed(2) ?? '').padStart(8),
      row.rssMib.toFixed(0).padStart(9),
      String(row.failed).padStart(8),
    );
  }
  const own = rows.find(({ proxy }) => proxy === 'stickyroute');
  if (goal !== undefined && own?.ratio !== undefined)
    console.log(
      `goal: at most ${goal} × nginx: ${own.ratio.toFixed(2)}, ${own.ratio <= goal ? 'reached' : 'not reached'}`,
    );
  for (const row of rows) {
    const silent = rows.find(({ proxy }) => proxy === `${row.proxy}, no log`);
    if (silent === undefined) continue;
    const cost = median(
      lineUp
        .find(({ proxy }) => proxy === row.proxy)
        .samples.map(
          (sample, at) => sample.cpu / lineUp.find(({ proxy }) => proxy === silent.proxy).samples[at].cpu,
        ),
    );
    row.ratio = cost;
    console.log(
      `goal: the access log costs at most 10 %: ${((cost - 1) * 100).toFixed(0)} %, ${cost <= 1.1 ? 'reached' : 'not reached'}`,
    );
  }
  for (const { child } of lineUp) {
    running.delete(child);
    child.kill('SIGTERM');
  }
  if (echo !== undefined) {
    running.delete(echo);
    echo.kill('SIGTERM');
  }
}

/** Resident memory of a connection that has asked once and waits. */
async function measureIdle(upstreams) {
  const count = 2000;
  console.log(`\nmemory of an idle keep-alive connection (${count} of them)`);
  for (const proxy of proxies.filter((name) => name !== 'node:http2')) {
    const port = await freePort();
    const child = PROXIES[proxy].start({ folder, port, ports: upstreams, core: 0 });
    running.add(child);
    await listening(port);
    // What the first requests cost is not the connections' fault.
    await CASES.small.drive({ folder, core: 1, port, seconds: 3, pin });
    const before = residentKib(child.pid);
    const close = await holdIdle(port, count);
    const row = { case: 'idle', proxy, kibEach: (residentKib(child.pid) - before) / count };
    results.push(row);
    console.log(`${proxy.padEnd(16)} ${row.kibEach.toFixed(1)} KiB each`);
    close();
    running.delete(child);
    child.kill('SIGTERM');
  }
}

/** What metrics cost, which are always on: the goals are 50 ns, and one hundredth of a small GET. */
function measureCounting() {
  const small = results.find(({ case: name, proxy }) => name === 'small' && proxy === 'stickyroute');
  console.log('\ncounting a request');
  for (const [user, ns] of Object.entries(countingCosts())) {
    results.push({ case: 'counting', user, ns });
    const share = small === undefined ? '' : `, ${(ns / 10 / small.cpuMicros).toFixed(2)} % of a small GET`;
    console.log(`${user.padEnd(22)} ${ns.toFixed(0).padStart(4)} ns${share}`);
  }
}

function save() {
  const file = fileURLToPath(
    new URL(`results/gateway-${new Date().toISOString().slice(0, 10)}.json`, import.meta.url),
  );
  mkdirSync(fileURLToPath(new URL('results', import.meta.url)), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ machine, rounds, seconds, results }, null, 1)}\n`);
}

/** p99 at 60 % of what nginx can do at most, the same offered load for all. */
async function measureLatency(upstreams) {
  const most = results.find((row) => row.case === 'small' && row.proxy === 'nginx')?.perSecond;
  if (most === undefined) return;
  if (!isOnPath('h2load')) {
    console.log(
      '\nlatency at an offered rate: not measured, for it needs h2load (apt-get install nghttp2-client)',
    );
    return;
  }
  const perSecond = Math.floor(most * 0.6);
  const drive = offered(perSecond);
  console.log(`\nlatency at ${perSecond} requests/s offered, 60 % of nginx's maximum`);
  const lineUp = [];
  for (const proxy of proxies.filter(
    (name) =>
      /^(nginx|haproxy|stickyroute)/.test(name) || values.entry.some((entry) => entry.startsWith(`${name}=`)),
  )) {
    const port = await freePort();
    const child = PROXIES[proxy].start({ folder, port, ports: upstreams, core: 0 });
    running.add(child);
    await listening(port);
    await CASES.small.drive({ folder, core: 1, port, seconds: 3, pin });
    lineUp.push({ proxy, port, child, samples: [] });
  }
  for (let round = 0; round < rounds; round++)
    for (const each of lineUp)
      each.samples.push(await drive({ port: each.port, folder, seconds, core: 1, pin }));
  for (const { proxy, child, samples } of lineUp) {
    const p99 = samples.map((sample) => sample.p99Ms);
    const row = {
      case: 'latency',
      proxy,
      perSecond: median(samples.map((sample) => sample.requests / seconds)),
      p50Ms: median(samples.map((sample) => sample.p50Ms)),
      p99Ms: median(p99),
      p99MinMs: Math.min(...p99),
      p99MaxMs: Math.max(...p99),
    };
    results.push(row);
    console.log(
      `${proxy.padEnd(16)} ${row.perSecond.toFixed(0).padStart(6)}/s   p50 ${row.p50Ms.toFixed(2)} ms   p99 ${row.p99Ms.toFixed(2)} ms (${row.p99MinMs.toFixed(2)}–${row.p99MaxMs.toFixed(2)})`,
    );
    running.delete(child);
    child.kill('SIGTERM');
  }
}

const machine = {
  cores: cpus().length,
  model: cpus()[0].model,
  memoryGib: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
console.log(
  `${machine.cores} × ${machine.model}, ${machine.memoryGib} GiB, Node ${machine.node}; ${rounds} rounds of ${seconds} s${pin ? ', each proxy on core 0, load and upstreams on core 1' : ', not pinned'}`,
);
if (missing.length > 0) console.log(`not on the PATH, so not measured: ${missing.join(', ')}`);
const { child, ports } = await startUpstreams(folder, 1);
running.add(child);
const isSecure = values.cases.split(',').some((name) => CASES[name]?.isTls === true);
const tls = isSecure ? makeTls() : undefined;
for (const name of values.cases.split(',')) {
  if (CASES[name] === undefined && name !== 'counting')
    console.log(`no case ${name}; there are ${Object.keys(CASES).join(', ')}`);
  else if (name !== 'counting') await measureCase(name, ports, tls);
  if (values.save) save();
}
if (values.cases.includes('small') && (values.latency || values.cases.includes('many')))
  await measureLatency(ports);
if (values.cases.includes('many')) await measureIdle(ports);
if (values.cases.includes('counting') || values.cases.includes('small')) measureCounting();
if (values.save) save();
stopAll();
process.exit(0);
