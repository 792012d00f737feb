import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OUTCOMES, WHYS } from '../../src/route/outcome.js';

const PAGE = readFileSync(new URL('../../docs/affinity.md', import.meta.url), 'utf8');

it.each([
  ['outcome', OUTCOMES],
  ['why', WHYS],
])('docs/affinity.md explains every %s, in the order of the code', (title, words) => {
  const head = `| ${title} | means |\n| --- | --- |\n`;
  const start = PAGE.indexOf(head) + head.length;
  expect(start).toBeGreaterThan(head.length);
  const rows = PAGE.slice(start, PAGE.indexOf('\n\n', start)).split('\n');
  expect(rows.map((row) => /^\| `(\w+)` \| \S/.exec(row)?.[1])).toEqual([...words]);
});
