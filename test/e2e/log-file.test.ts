import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startGatewayProcess } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const upstream = await startUpstream();

const lines = (file: string): { path?: string; share?: number }[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { path?: string })
    : [];

describe.each([1, 2])('the access log in a file, with %i processes', (workers) => {
  it('is opened anew at SIGUSR2, again and again, and no line is lost', async () => {
    const file = join(folder, `access-${workers}.log`);
    const config = { workers, upstreams: [upstream.url], affinity: [], accessLog: { file } };
    const gateway = await startGatewayProcess(config);
    let sent = 0;
    const ask = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++)
        expect((await request(gateway.port, { target: `/${sent++}` })).status).toBe(200);
    };
    await ask(5);
    for (let turn = 1; turn <= 3; turn++) {
      const load = ask(30);
      renameSync(file, `${file}.${turn}`);
      gateway.process.kill('SIGUSR2');
      await load;
      // A line of its own makes sure that there is a file to be moved.
      await until('the new file', async () => (await ask(1), existsSync(file)));
    }
    expect(gateway.process.stdout).not.toContain('"path"');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    await gateway.process.stop();
    const all = ['.1', '.2', '.3', ''].flatMap((ending) => lines(`${file}${ending}`));
    const paths = all.map(({ path }) => path!).sort();
    expect(paths).toEqual(Array.from({ length: sent }, (_, at) => `/${at}`).sort());
    expect(existsSync(`${file}.3`)).toBe(true);
  });
});

it('a reload takes another file, or none, and changes nothing when it can not be written', async () => {
  const [first, second] = [join(folder, 'first.log'), join(folder, 'second.log')];
  const config = (accessLog: unknown): object => ({ upstreams: [upstream.url], affinity: [], accessLog });
  const gateway = await startGatewayProcess(config({ file: first }));
  const ask = (target: string) => request(gateway.port, { target });
  await ask('/1');
  await gateway.reload(config({ file: second }));
  await ask('/2');
  await gateway.reload(config({ file: join(folder, 'nowhere', 'x.log') }), 'nothing changed');
  expect(gateway.process.stderr).toMatch(
    /The access log \S+\/nowhere\/x\.log can't be written \(ENOENT\)\. Make its folder/,
  );
  await ask('/3');
  await gateway.reload(config(true));
  await ask('/4');
  await gateway.process.waitForLine(/"path":"\/4"/);
  await gateway.process.stop();
  expect([lines(first), lines(second)].map((all) => all.map(({ path }) => path))).toEqual([
    ['/1'],
    ['/2', '/3'],
  ]);
});

it('a file whose folder goes away loses lines, says so, and is written again', async () => {
  const place = mkdtempSync(join(folder, 'away-'));
  const file = join(place, 'access.log');
  const gateway = await startGatewayProcess({
    upstreams: [upstream.url],
    affinity: [],
    accessLog: { file },
  });
  await request(gateway.port, { target: '/1' });
  await until('the line', () => lines(file).length === 1);
  renameSync(place, `${place}.old`);
  gateway.process.kill('SIGUSR2');
  await until('a line to be held', async () => {
    await request(gateway.port, { target: '/2' });
    return gateway.process.stdout.includes("can't be written (ENOENT)");
  });
  renameSync(`${place}.old`, place);
  await gateway.process.waitForLine(/access\.log is written again/);
  await gateway.process.stop();
  expect(new Set(lines(file).map(({ path }) => path))).toEqual(new Set(['/1', '/2']));
});

it('a gateway whose log can not be written does not start', async () => {
  const closed = mkdtempSync(join(folder, 'closed-'));
  chmodSync(closed, 0o500);
  const started = startGatewayProcess({ upstreams: [upstream.url], accessLog: { file: closed } });
  await expect(started).rejects.toThrow(/The access log \S+ can't be written \(EISDIR\)/);
});
