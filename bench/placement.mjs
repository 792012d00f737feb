// Placements beside the npm packages `hashring` and `consistent-hash`: same keys, same run. `npm run
// bench:placement`. Every contender is measured in a thread of its own, one after another, so that none
// inherits what V8 learnt from another.
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { maglev, rendezvous, ring } from '../dist/route/placement/index.js';

const require = createRequire(import.meta.url);
const HashRing = require('hashring');
const ConsistentHash = require('consistent-hash');

const SIZES = [3, 10, 30, 300];
const KEYS = 100_000;
const RUNS = 5;
const RUN_MS = 100;
const KEYS_A_STRETCH = 2000;

const ours = (build) => ({
  isImmutable: true,
  build,
  get: (placed, key) => placed.get(key),
  add: (placed, id) => placed.add(id),
  remove: (placed, id) => placed.remove(id),
});

const CONTENDERS = {
  rendezvous: ours((ids) => rendezvous(ids)),
  ring: ours((ids) => ring(ids)),
  'ring, points: 150': ours((ids) => ring(ids, { points: 150 })),
  maglev: ours((ids) => maglev(ids)),
  hashring: {
    // Its defaults: md5, 160 points an upstream, the answers to the last 5000 keys remembered. The keys here
    // come round once in 100 000, so that its memory never answers: what is measured is finding an upstream,
    // not remembering one.
    build: (ids) => new HashRing(ids),
    get: (made, key) => made.get(key),
    // It changes in place.
    add: (made, id) => made.add(id),
    remove: (made, id) => made.remove(id),
  },
  'hashring, no cache': {
    // Since its cache can't help here, it need not pay for one either. The goal is measured against the
    // faster of the two.
    build: (ids) => new HashRing(ids, 'md5', { 'max cache size': 1 }),
    get: (made, key) => made.get(key),
    add: (made, id) => made.add(id),
    remove: (made, id) => made.remove(id),
  },
  'consistent-hash': {
    // It sorts its points at the first look-up after a change, which is part of the change.
    build(ids) {
      const made = new ConsistentHash();
      for (const id of ids) made.add(id);
      made.get('first');
      return made;
    },
    get: (made, key) => made.get(key),
    add(made, id) {
      made.add(id).get('first');
      return made;
    },
    remove(made, id) {
      made.remove(id).get('first');
      return made;
    },
  },
};

/** 16 characters, all different: `user:` and a counter run through a multiplication. */
const keys = Array.from({ length: KEYS }, (_, i) => {
  const mixed = BigInt.asUintN(36, BigInt(i + 1) * 0x9e3779b97f4a7c15n);
  return Buffer.from(`user:${mixed.toString().padStart(11, '0')}`).toString('latin1');
});

function timed(task) {
  const start = performance.now();
  const result = task();
  return [performance.now() - start, result];
}

function lookUpsASecond(contender, made) {
  let fastest = 0;
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    let done = 0;
    let at = 0;
    let tookMs = 0;
    const start = performance.now();
    while (tookMs < RUN_MS) {
      for (const end = at + KEYS_A_STRETCH; at < end; at++)
        if (contender.get(made, keys[at]) !== undefined) found++;
      done += KEYS_A_STRETCH;
      at %= KEYS;
      tookMs = performance.now() - start;
    }
    fastest = Math.max(fastest, (done / tookMs) * 1000);
  }
  if (found === 0) throw new Error('nothing was found');
  return fastest;
}

const ownersOf = (contender, made) => keys.map((key) => contender.get(made, key));

/**
 * Times one change, and takes the owners before and after it from one and the same object: some draw their
 * points by chance.
 */
function change(contender, made, ids, task) {
  const before = ownersOf(contender, made);
  let [ms, changed] = timed(() => task(made));
  const after = ownersOf(contender, changed);
  for (let run = 1; run < RUNS; run++) {
    const again = contender.isImmutable ? made : contender.build(ids);
    ms = Math.min(ms, timed(() => task(again))[0]);
  }
  return { ms, before, after };
}

function measure(contender, n) {
  const ids = Array.from({ length: n }, (_, i) => `api-${String(i + 1).padStart(3, '0')}`);
  const leaving = ids[Math.floor(n / 2)];
  const [firstMs, made] = timed(() => contender.build(ids));
  const buildMs = Math.min(firstMs, timed(() => contender.build(ids))[0]);
  const rate = lookUpsASecond(contender, made);
  const removal = change(contender, made, ids, (changing) => contender.remove(changing, leaving));
  const toGrow = contender.isImmutable ? made : contender.build(ids);
  const addition = change(contender, toGrow, ids, (changing) => contender.add(changing, 'newcomer'));

  const counts = new Map();
  for (const owner of removal.before) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const stayed = KEYS - (counts.get(leaving) ?? 0);
  return {
    rate,
    buildMs,
    addMs: addition.ms,
    removeMs: removal.ms,
    maxToAverage: (Math.max(...counts.values()) / KEYS) * n,
    survivorsMoved:
      removal.before.filter((owner, i) => owner !== leaving && owner !== removal.after[i]).length / stayed,
    additionMoved: addition.before.filter((owner, i) => owner !== addition.after[i]).length / KEYS,
  };
}

/**
 * consistent-hash draws its points with Math.random; a seeded one makes its figures the same in every run.
 */
function seedMathRandom() {
  let state = 1;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function inThread(name) {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url), { workerData: name }).once('message', resolve).once('error', reject);
  });
}

const percent = (share) => (share === 0 ? '0' : `${(share * 100).toFixed(2)} %`);

function row(n, name, m) {
  const times = [m.buildMs, m.addMs, m.removeMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 0));
  const moved = [percent(m.survivorsMoved), `${percent(m.additionMoved)} (${percent(1 / (n + 1))})`];
  return `| ${[n, name, (m.rate / 1e6).toFixed(2), ...times, m.maxToAverage.toFixed(3), ...moved].join(' | ')} |`;
}

function goals(of) {
  const line = (text, isMet, measured) => `${isMet ? 'met   ' : 'MISSED'} ${text}: ${measured}`;
  const names = ['rendezvous', 'ring', 'maglev'];
  const times = (name) =>
    of(name, 30).rate / Math.max(of('hashring', 30).rate, of('hashring, no cache', 30).rate);
  const additions = (name) => SIZES.map((n) => of(name, n).additionMoved * (n + 1));
  return [
    ...['rendezvous', 'ring'].map((name) => {
      const moved = SIZES.map((n) => of(name, n).survivorsMoved);
      return line(
        `${name}: a removal moves no key of those that stay (at ${SIZES.join(', ')})`,
        moved.every((share) => share === 0),
        moved.join(', '),
      );
    }),
    line(
      'rendezvous: max/avg at most 1.05 at 30 upstreams',
      of('rendezvous', 30).maxToAverage <= 1.05,
      of('rendezvous', 30).maxToAverage.toFixed(3),
    ),
    ...names.map((name) =>
      line(
        `${name}: at least 20 times the look-ups of hashring at 30 upstreams`,
        times(name) >= 20,
        `${times(name).toFixed(1)} times`,
      ),
    ),
    ...names.map((name) => {
      const ratios = additions(name);
      const isMet = ratios.every((ratio) => ratio <= 1.1);
      return line(
        `${name}: an addition moves at most 1.1 × 1/(n+1) (at ${SIZES.join(', ')})`,
        isMet,
        ratios.map((ratio) => ratio.toFixed(3)).join(', '),
      );
    }),
  ];
}

/** Pools of thousands: CPU time, because a busy machine's clock says little about one short call. */
function thousands() {
  const cpuMs = () => process.cpuUsage().user / 1000;
  const each = (times, call) => {
    call(); // V8 has seen it once
    const before = cpuMs();
    for (let at = 0; at < times; at++) call(at);
    return (cpuMs() - before) / times;
  };
  console.log(
    '\n| upstreams | ready, ms | add, ms | remove, ms | first look-up of a slot, µs | first three, µs |',
  );
  console.log('| ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const n of [1000, 4095]) {
    const ids = Array.from({ length: n }, (_, at) => `api-${at}`);
    const placed = rendezvous(ids);
    for (let at = 0; at < KEYS; at++) placed.get(`user:${at}`);
    const cold = rendezvous(ids);
    const times = [
      each(20, () => rendezvous(ids).get('user:1')),
      each(20, () => placed.add('api-new')),
      each(20, () => placed.remove('api-7')),
      each(10_000, (at) => cold.get(`user:${at}`)) * 1000,
      each(10_000, (at) => placed.candidates(`user:${at}`, 3)) * 1000,
    ];
    console.log(`| ${[n, ...times.map((time) => time.toFixed(1))].join(' | ')} |`);
  }
}

if (isMainThread) {
  console.log(`node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}`);
  console.log(
    `${KEYS} distinct keys of 16 characters; best of ${RUNS}; times in ms; one removal, one addition (in brackets the ideal, 1/(n+1))\n`,
  );
  const results = {};
  for (const name of Object.keys(CONTENDERS)) results[name] = await inThread(name);
  console.log(
    '| upstreams | placement | M look-ups/s | build | add | remove | max/avg | survivors moved | addition moved |',
  );
  console.log('| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const n of SIZES)
    for (const name of Object.keys(CONTENDERS)) console.log(row(n, name, results[name][n]));
  console.log();
  for (const text of goals((name, n) => results[name][n])) console.log(text);
  thousands();
} else {
  seedMathRandom();
  const contender = CONTENDERS[workerData];
  parentPort.postMessage(Object.fromEntries(SIZES.map((n) => [n, measure(contender, n)])));
}
