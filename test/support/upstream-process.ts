import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { freePort } from './ports.js';
import { start, type RunningProcess } from './processes.js';

const stateFolders = new Set<string>();
afterAll(() => {
  for (const folder of stateFolders) rmSync(folder, { recursive: true, force: true });
});

/** The sample's upstream as a process of its own, to be killed. `/load-balancer-test` names the id. */
export async function startUpstreamProcess(
  id: string,
  port?: number,
): Promise<RunningProcess & { readonly port: number; readonly url: string }> {
  const at = port ?? (await freePort());
  const server = fileURLToPath(new URL('../../examples/api/server.mjs', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-upstream-'));
  stateFolders.add(folder);
  const child = start(process.execPath, [server, '--name', id, '--port', String(at)], {
    env: { STATE_FOLDER: folder },
  });
  await child.waitForPort(at);
  return Object.assign(child, { port: at, url: `http://127.0.0.1:${at}` });
}
