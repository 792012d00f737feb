import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limitText } from '../../src/control/config/limits.js';
import { LIMIT_NAMES, LIMITS } from '../../src/proxy/limits.js';

const FILE = new URL('../../docs/configuration.md', import.meta.url);
const HEAD = '| key | default | range | bounds | why so |\n| --- | --- | --- | --- | --- |\n';

/** After a change of a limit: UPDATE_GOLDEN=1 npx vitest run test/config/limits.test.ts */
it('the table of docs/configuration.md is the one that the code holds', () => {
  const rows = LIMIT_NAMES.map((name) => {
    const limit = LIMITS[name];
    const text = (value: number): string => limitText(limit, value);
    const range = `${text(limit.min)} to ${text(limit.max)}`;
    return `| \`${limit.key}\` | \`${text(limit.usual)}\` | ${range} | ${limit.bounds} | ${limit.reason} |\n`;
  });
  const page = readFileSync(FILE, 'utf8');
  const start = page.indexOf(HEAD) + HEAD.length;
  const end = page.indexOf('\n\n', start) + 1;
  if (process.env['UPDATE_GOLDEN'] !== undefined)
    writeFileSync(FILE, `${page.slice(0, start)}${rows.join('')}${page.slice(end)}`);
  else expect(page.slice(start, end)).toBe(rows.join(''));
});

it('a limit has one key, a usual value within its range, and its unit last in its name', () => {
  const all = LIMIT_NAMES.map((name) => LIMITS[name]);
  expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
  for (const name of LIMIT_NAMES) {
    const { unit, usual, min, max } = LIMITS[name];
    expect(usual, name).toBeGreaterThanOrEqual(min);
    expect(usual, name).toBeLessThanOrEqual(max);
    expect(name).toMatch(unit === 'ms' ? /Ms$/ : unit === 'bytes' ? /BytesMax$/ : /Max$/);
  }
});
