import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readText, ROOT } from '../house/sources.js';
import { run } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';

const UNITS = join(ROOT, 'examples', 'systemd');
const INSTALLED = '/opt/stickyroute/node_modules/stickyroute';
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-units-'));
afterAll(() => rmSync(folder, { recursive: true }));

const service = readFileSync(join(UNITS, 'stickyroute.service'), 'utf8');
const valuesOf = (key: string): string[] =>
  [...service.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!);

it('the unit starts and reloads what the package has, by its own arguments', () => {
  const { bin } = JSON.parse(readText('package.json')) as { bin: { stickyroute: string } };
  const own = `/usr/bin/node ${INSTALLED}/${bin.stickyroute}`;
  expect(valuesOf('ExecStart')).toEqual([`${own} up -c /etc/stickyroute/stickyroute.yaml`]);
  expect(valuesOf('ExecReload')).toEqual([
    `${own} validate -c /etc/stickyroute/stickyroute.yaml`,
    '/bin/kill -HUP $MAINPID',
  ]);
});

skipUnless('systemd-analyze')('systemd-analyze', () => {
  cpSync(join(UNITS, 'stickyroute.socket'), join(folder, 'stickyroute.socket'));
  const unit = join(folder, 'stickyroute.service');
  writeFileSync(unit, service.replaceAll('=/usr/bin/node ', `=${process.execPath} `));

  it('finds nothing to say about the units', async () => {
    const { code, stderr } = await run(program('systemd-analyze'), [
      'verify',
      unit,
      `${folder}/stickyroute.socket`,
    ]);
    expect([code, stderr]).toEqual([0, '']);
  });

  it('counts little that the service could do to its machine', () => {
    const report = execFileSync(program('systemd-analyze'), ['security', '--offline=true', unit], {
      encoding: 'utf8',
    });
    expect(Number(/exposure level for .*: ([\d.]+) /.exec(report)![1])).toBeLessThan(2.5);
  });
});
