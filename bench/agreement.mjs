// How quickly the placements that agree with other balancers answer: 30 upstreams, all of them there and a
// third of them away. `npm run bench:agreement`. Each is measured in a thread of its own, one after another,
// so that none inherits what V8 learnt from another; a second is one of the processor's, so that it matters
// less what else runs on the machine.
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { placements } from '../dist/route/placement/registry.js';

const UPSTREAMS = 30;
const KEYS = 100_000;
const RUNS = 8;
const RUN_MS = 100;
const KEYS_A_STRETCH = 2000;
const RATE_WANTED = 1e6;

/** Options that change the arithmetic; the others are measured with their defaults. */
const VARIANTS = {
  haproxyConsistent: [{}, { hash: 'djb2' }, { hash: 'wt6' }, { hash: 'crc32' }, { source: true }],
  haproxyMap: [{}, { hash: 'djb2' }, { hash: 'wt6' }, { hash: 'crc32' }, { source: true }],
  ketamaMd5: [{}, { spelling: 'twemproxy', hash: 'fnv1a_64' }, { spelling: 'spymemcached' }],
  caddyHrw: [{ version: '2.6.2' }, { version: '2.7' }, { version: '2.8' }],
};
const OUR_OWN = new Set(['rendezvous', 'ring', 'maglev']);
const WEIGHTLESS = new Set(['caddyHrw']);
const BY_ADDRESS = new Set(['nginxIpHash', 'traefikHrw']);

/** 16 characters, all different. */
const texts = Array.from({ length: KEYS }, (_, i) => {
  const mixed = BigInt.asUintN(36, BigInt(i + 1) * 0x9e3779b97f4a7c15n);
  return Buffer.from(`user:${mixed.toString().padStart(11, '0')}`).toString('latin1');
});
const addresses = Array.from({ length: KEYS }, (_, i) => {
  const mixed = Math.imul(i + 1, 0x9e3779b1);
  return Buffer.from(
    `${mixed >>> 24}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.${mixed & 255}`,
  ).toString('latin1');
});

function lookUpsASecond(placement, keys) {
  let fastest = 0;
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    let done = 0;
    let at = 0;
    let tookMs = 0;
    const start = process.cpuUsage();
    while (tookMs < RUN_MS) {
      for (const end = at + KEYS_A_STRETCH; at < end; at++) if (placement.owner(keys[at]) !== -1) found++;
      done += KEYS_A_STRETCH;
      at %= KEYS;
      const { user, system } = process.cpuUsage(start);
      tookMs = (user + system) / 1000;
    }
    fastest = Math.max(fastest, (done / tookMs) * 1000);
  }
  if (found === 0) throw new Error('nothing was found');
  return fastest;
}

function measure({ name, options }) {
  const definition = placements.find((placement) => placement.name === name);
  const checked = definition.options.parse(options);
  const members = Array.from({ length: UPSTREAMS }, (_, i) => ({
    id: `api-${i + 1}`,
    weight: WEIGHTLESS.has(name) ? 1 : 1 + (i % 3),
    url: `http://10.0.0.${i + 1}:8080`,
  }));
  const keys = BY_ADDRESS.has(name) || options.source === true ? addresses : texts;
  const start = performance.now();
  const placement = definition.create(members, checked);
  const buildMs = performance.now() - start;
  const rate = lookUpsASecond(placement, keys);
  const changed = performance.now();
  const left = placement.among?.((index) => index % 3 !== 0);
  const changeMs = performance.now() - changed;
  return { buildMs, rate, ...(left !== undefined && { changeMs, rateLeft: lookUpsASecond(left, keys) }) };
}

function inThread(task) {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData: task }).once('message', resolve).once('error', reject);
  });
}

if (isMainThread) {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}; ${UPSTREAMS} upstreams, ${KEYS} keys, best of ${RUNS} runs.\n`,
  );
  console.log('| placement | M look-ups/s | with a third away | build, ms | change of conditions, ms |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  const slow = [];
  for (const { name } of placements.filter((placement) => !OUR_OWN.has(placement.name))) {
    for (const options of VARIANTS[name] ?? [{}]) {
      const { rate, rateLeft, buildMs, changeMs } = await inThread({ name, options });
      const title = [name, ...Object.entries(options).map(([option, value]) => `${option}: ${value}`)].join(
        ', ',
      );
      if (rate < RATE_WANTED) slow.push(title);
      const millions = (value) => (value === undefined ? 'filter' : (value / 1e6).toFixed(2));
      console.log(
        `| ${title} | ${millions(rate)} | ${millions(rateLeft)} | ${buildMs.toFixed(2)} | ${changeMs === undefined ? 'none' : changeMs.toFixed(2)} |`,
      );
    }
  }
  console.log(
    `\n${slow.length === 0 ? 'met   ' : 'MISSED'} at least 1 M look-ups a second${slow.length === 0 ? '' : `: ${slow.join('; ')}`}`,
  );
} else {
  parentPort.postMessage(measure(workerData));
}
