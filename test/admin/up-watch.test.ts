import { mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { CLI, startGatewayProcess } from '../e2e/gateway.js';
import { freePort } from '../support/ports.js';
import { start } from '../support/processes.js';
import { until } from '../support/until.js';

/* `stickyroute up --watch`: the file is read again when it changes, however that is done. */

it('takes what is written, renamed or linked over the file, and a bad file changes nothing', async () => {
  // Of the helper only its folder is wanted, which goes at the end of this file.
  const helper = await startGatewayProcess({ upstreams: ['http://127.0.0.1:9'] });
  await helper.process.stop();
  const folder = join(dirname(helper.file), 'watched');
  mkdirSync(join(folder, '..1'), { recursive: true });
  const port = await freePort();
  const text = (expose: boolean) =>
    JSON.stringify({
      listen: `127.0.0.1:${port}`,
      upstreams: ['http://127.0.0.1:9'],
      expose,
      shutdownGrace: '0s',
    });
  // As Kubernetes mounts a ConfigMap: the file is a link through ..data, and ..data is what changes.
  writeFileSync(join(folder, '..1', 'stickyroute.yaml'), text(false));
  symlinkSync('..1', join(folder, '..data'));
  const file = join(folder, 'stickyroute.yaml');
  symlinkSync(join('..data', 'stickyroute.yaml'), file);
  const gateway = start(process.execPath, [CLI, 'up', '-c', file, '--watch']);
  await gateway.waitForLine(/listens at/);
  const count = (word: string): number => gateway.stderr.split(word).length - 1;
  const becomes = (word: string, times: number) =>
    until(`"${word}" ${times} times`, () => count(word) === times, 10_000);

  mkdirSync(join(folder, '..2'));
  writeFileSync(join(folder, '..2', 'stickyroute.yaml'), text(true));
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await becomes('in use.\n', 1);

  unlinkSync(file);
  writeFileSync(file, text(false));
  await becomes('in use.\n', 2);

  writeFileSync(`${file}.new`, 'upstreams: 7');
  renameSync(`${file}.new`, file);
  await becomes('nothing changed.\n', 1);

  writeFileSync(`${file}.new`, text(true));
  renameSync(`${file}.new`, file);
  await becomes('in use.\n', 3);
  // The same again is no change.
  writeFileSync(file, readFileSync(file));
  gateway.kill('SIGHUP');
  await becomes('in use.\n', 4);
  expect(await gateway.stop()).toMatchObject({ code: 0 });
});
