// Changes two records, an index and a note together, as fast as it can, until it is killed. Prints the number
// of each change that was acknowledged. What `npm run build` made.
import { lmdbStore } from '../../dist/state/store/lmdb/index.js';

const [path, from] = process.argv.slice(2);
const store = lmdbStore({ path });
const ttlMs = 3_600_000;

async function write(n) {
  const fields = { n: `${n}`, filling: 'x'.repeat(n % 5000) };
  await store.change(0, {
    steps: [
      { kind: 'put', key: 'one', fields, ttlMs },
      { kind: 'put', key: 'two', fields, ttlMs },
      { kind: 'removeLinked', index: 'numbers' },
      { kind: 'put', key: `n${n}`, fields: {}, ttlMs },
      { kind: 'link', index: 'numbers', member: `n${n}`, ttlMs },
    ],
    notes: [`${n}`],
  });
  process.stdout.write(`${n}\n`);
}

// Several at once, so that one commit holds several.
for (let n = Number(from); ; n += 4) await Promise.all([write(n), write(n + 1), write(n + 2), write(n + 3)]);
