// `npm run bench:cache`: the cache beside bentocache, cacheable, cache-manager and node-redis's client-side
// cache, over the same Redis, in one run. Every cache runs in processes of its own, which take turns, so that
// a noisy neighbour hits all alike. What to steer by: CPU a call, in that process, in the round that was
// disturbed least.
//   node bench/cache.mjs [--rounds 5]
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, run } from './gateway/measure.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const ROUNDS = Number(values.rounds);
const SUBJECTS = [
  'lru-cache',
  'stickyroute, ioredis',
  'stickyroute, node-redis',
  'bentocache',
  'cacheable',
  'cache-manager',
  'node-redis, client-side cache',
];
const RIVAL = 'bentocache';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const children = [];

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
}

async function main() {
  const port = await startRedis();
  const measured = Object.fromEntries(SUBJECTS.map((name) => [name, {}]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of SUBJECTS) {
      const text = await run('taskset', [
        '-c',
        '0',
        process.execPath,
        path('cache/subject.mjs'),
        name,
        String(port),
      ]);
      for (const [of, { rate, micros }] of Object.entries(JSON.parse(text.trim().split('\n').at(-1)))) {
        const { rates, cpu } = (measured[name][of] ??= { rates: [], cpu: [] });
        rates.push(rate);
        cpu.push(micros);
      }
      await run('redis-cli', ['-p', String(port), 'FLUSHALL']);
    }
  }
  report(measured);
}

function report(measured) {
  console.log(
    `\n${cpus()[0].model}, Node ${process.version}, caches on one core, Redis on the other. CPU is that of the least disturbed of ${ROUNDS} rounds, calls/s the median.`,
  );
  const results = [];
  const cases = new Set(SUBJECTS.flatMap((name) => Object.keys(measured[name])));
  for (const of of cases) {
    console.log(`\n${of}\n\n| | CPU µs a call | calls/s | × ${RIVAL} |\n| --- | ---: | ---: | ---: |`);
    for (const name of SUBJECTS) {
      const found = measured[name][of];
      if (found === undefined) continue;
      const micros = Math.min(...found.cpu);
      const rival = measured[RIVAL][of];
      const times = rival === undefined ? '' : (Math.min(...rival.cpu) / micros).toPrecision(2);
      console.log(
        `| ${name} | ${micros.toPrecision(3)} | ${Math.round(median(found.rates)).toLocaleString('en')} | ${times} |`,
      );
      results.push({ case: of, name, micros, rate: median(found.rates) });
    }
  }
  const file = path(`results/cache-${new Date().toISOString().slice(0, 10)}.json`);
  const report = { node: process.version, cpu: cpus()[0].model, rounds: ROUNDS, results };
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
  console.log(`\nWritten to ${file.slice(file.indexOf('bench/'))}`);
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
