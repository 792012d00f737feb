import { afterAll, vi } from 'vitest';

// The quick files share their workers, and so the globals: what one file replaced is put back behind it.
// @hono/node-server puts a Request and a Response of its own in place of Node's.
const { Request, Response } = globalThis;

afterAll(() => {
  Object.assign(globalThis, { Request, Response });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});
