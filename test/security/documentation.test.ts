import { expect, it } from 'vitest';
import { readText } from '../house/sources.js';

const page = readText('docs/tokens.md');

it('every attack in the table of docs/tokens.md is a test of that name', () => {
  const tests = ['attacks', 'key-attacks', 'place-attacks', 'spellings']
    .map((name) => readText(`test/security/token-${name}.test.ts`))
    .join('');
  const table = /^\| attack \|[^]*?\n\n/m.exec(page)![0];
  const attacks = table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) => row.split('|')[1]!.trim());
  expect(attacks.length).toBeGreaterThan(20);
  expect(attacks.filter((attack) => !tests.includes(`test('${attack}'`))).toEqual([]);
});
