import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { freePort } from '../support/ports.js';
import { start } from '../support/processes.js';
import { request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(`${ROOT}/docs/client.md`, 'utf8');

it('the entry service of docs/client.md answers from the owner, then from its backups in order, then 503', async () => {
  const upstreams = await startUpstreams(3);
  const port = await freePort();
  const example = /^```js\n([^]*?)^```/m.exec(text)![1]!;
  const code = upstreams
    .reduce(
      (code, { port: itsPort }, at) => code.replace(`127.0.0.1:${3001 + at}`, `127.0.0.1:${itsPort}`),
      example,
    )
    .replace('listen(8080)', `listen(${port})`);
  // From the checkout the package knows itself by its name; what runs is what `npm run build` made.
  const service = start(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT });
  await service.waitForPort(port);
  const order = createClient({
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
  }).candidates('7');
  for (const id of order) {
    const answer = await request(port, { target: '/api/users/7' });
    expect([answer.status, answer.header('x-upstream'), answer.json()]).toMatchObject([
      200,
      id,
      { id, target: '/internal/users/7' },
    ]);
    await upstreams.find((upstream) => upstream.id === id)!.stop();
  }
  expect((await request(port, { target: '/api/users/7' })).status).toBe(503);
  expect(service.stderr).toContain('No upstream could take this request');
  expect((await request(port, { target: '/elsewhere' })).status).toBe(404);
  await service.stop();
});
