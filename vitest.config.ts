import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // The second one is ours: it ends the run with `N passed, N failed` and is strict about skips where CI
    // asks.
    reporters: ['default', './test/support/closing-line.ts'],
    // A test that waits, waits for a condition with a deadline of its own; this is the net below those.
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
