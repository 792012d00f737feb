import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EVENT_FIELDS, REQUEST_FIELDS, type LogField } from '../../src/control/log-fields.js';

const FILE = new URL('../../docs/configuration.md', import.meta.url);

/** After a change of a field: UPDATE_GOLDEN=1 npx vitest run test/config/log-fields.test.ts */
it.each([
  ['requests', REQUEST_FIELDS],
  ['everything else', EVENT_FIELDS],
])('the table of docs/configuration.md for lines of %s is the one that the code holds', (title, fields) => {
  const text = readFileSync(FILE, 'utf8');
  const start = text.indexOf(`Lines of ${title}:\n\n`) + `Lines of ${title}:\n\n`.length;
  const end = text.indexOf('\n\n', start) + 1;
  const table = tableOf(fields);
  if (process.env['UPDATE_GOLDEN'] !== undefined)
    writeFileSync(FILE, `${text.slice(0, start)}${table}${text.slice(end)}`);
  else expect(text.slice(start, end)).toBe(table);
});

it('a field stands once in a line', () => {
  for (const fields of [REQUEST_FIELDS, EVENT_FIELDS]) {
    const names = fields.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
});

function tableOf(fields: readonly LogField[]): string {
  const rows = fields.map(
    ({ name, unit, meaning, when }) => `| \`${name}\` | ${unit} | ${meaning} | ${when} |\n`,
  );
  return `| field | unit | says | stands there |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}
