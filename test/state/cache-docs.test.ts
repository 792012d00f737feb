import { expect, it } from 'vitest';
import { readText, ROOT } from '../house/sources.js';
import { run } from '../support/processes.js';

it('the first example of docs/cache.md prints what it says there', async () => {
  const example = /^```js\n([^]*?)^```/m.exec(readText('docs/cache.md'))![1]!;
  const ran = await run(process.execPath, ['--input-type=module', '--eval', example], { cwd: ROOT });
  expect(ran.code, ran.stderr).toBe(0);
  const promised = [...example.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]!.trim());
  expect(promised.length).toBeGreaterThan(0);
  expect(ran.stdout.trim().split('\n')).toEqual(promised);
});
