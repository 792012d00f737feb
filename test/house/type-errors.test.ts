import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../support/processes.js';
import { ROOT } from './sources.js';

// vitest drops types without looking at them, so a test could call what does not exist and still pass.
it('src, test and bench have no type errors', async () => {
  const checked = await run(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--pretty', 'false'],
    { cwd: ROOT, deadlineMs: 60_000 },
  );
  expect(checked.stdout.trim()).toBe('');
  expect(checked.code).toBe(0);
}, 60_000);
