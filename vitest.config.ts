import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Many tests wait for programs that they started: vitest's own choice leaves one core of two idle.
    maxWorkers: Math.max(2, availableParallelism()),
    // The second one is ours: it ends the run with `N passed, N failed` and is strict about skips where CI asks.
    reporters: ['default', './test/support/closing-line.ts'],
    // A test that waits, waits for a condition with a deadline of its own; this is the net below those.
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
