import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { sortTests } from './test/support/program-tests.js';

const { quick, programs } = sortTests(import.meta.dirname);

export default defineConfig({
  test: {
    // The second one is ours: it ends the run with `N passed, N failed` and is strict about skips where CI
    // asks.
    reporters: ['default', './test/support/closing-line.ts'],
    // A test that waits, waits for a condition with a deadline of its own; this is the net below those.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      // Needs Node alone, and no build: `npm run check`. The files run side by side.
      {
        extends: true,
        test: {
          name: 'quick',
          include: quick,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      // Starts programs, some of them several: one file after the other.
      {
        extends: true,
        test: { name: 'programs', include: programs, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
