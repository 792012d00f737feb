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
      // Needs Node alone, and no build: `npm run check`. The files run side by side, and those of one worker
      // share what they import: reading it anew for each file took a third of the time.
      {
        extends: true,
        test: {
          name: 'quick',
          include: quick,
          // One more than there are cores: many tests wait.
          maxWorkers: availableParallelism() + 1,
          isolate: false,
          setupFiles: ['test/support/shared-worker.ts'],
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
