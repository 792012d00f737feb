import { expect, it } from 'vitest';
import { readText, ROOT } from '../house/sources.js';
import { run } from '../support/processes.js';

const page = readText('docs/tokens.md');

it('the first example of docs/tokens.md prints what it says there', async () => {
  const example = /^```js\n([^]*?)^```/m.exec(page)![1]!;
  const ran = await run(process.execPath, ['--input-type=module', '--eval', example], { cwd: ROOT });
  expect(ran.code, ran.stderr).toBe(0);
  const promised = [...example.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!.trim());
  expect(promised.length).toBeGreaterThan(0);
  expect(ran.stdout.trim().split('\n')).toEqual(promised);
});

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
