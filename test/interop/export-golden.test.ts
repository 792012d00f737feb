import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/control/config/load.js';
import { exportText, targets } from '../../src/interop/export.js';
import { Report } from '../../src/interop/report.js';
import { parseVersion } from '../../src/interop/version.js';
import { skipUnless } from '../support/programs.js';
import { refusal } from './balancers.js';
import { envoyFaults } from './envoy-fields.js';

/*
 * Each .yaml file of export/ is a case; beside it stands what it becomes for each balancer, what is lost
 * included. After an intended change write them anew, and read the diff: UPDATE_GOLDEN=1 npx vitest run
 * test/interop
 */
const FOLDER = fileURLToPath(new URL('export/', import.meta.url));
const TLS = fileURLToPath(new URL('../config/', import.meta.url));
const KEY = 'a key for tests, of thirty-two characters or more';

/** As they are installed here, and newer ones that can say more. */
const VERSIONS = [
  ['nginx', undefined],
  ['nginx', '1.29.6'],
  ['haproxy', undefined],
  ['haproxy', '3.4'],
  ['caddy', undefined],
  ['caddy', '2.6.2'],
  ['envoy', undefined],
] as const;

/** What the program that is installed here is too old for. */
const UNCHECKED = /^(?:nginx 1\.29\.6|haproxy 3\.4|caddy|envoy)$/;

const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace('.yaml', ''));

function exported(name: string, target: string, version: string | undefined): string {
  const text = readFileSync(`${FOLDER}${name}.yaml`, 'utf8');
  const config = parseConfig(text, { source: `${name}.yaml`, folder: TLS, env: { SEALING_KEY: KEY } });
  return exportText(
    targets.find((each) => each.name === target)!,
    config,
    `${name}.yaml`,
    version === undefined ? undefined : parseVersion(version),
    new Report(),
  );
}

describe('what a configuration becomes elsewhere', () => {
  it.each(cases.flatMap((name) => VERSIONS.map(([target, version]) => [name, target, version] as const)))(
    '%s for %s %s',
    (name, target, version) => {
      const golden = `${FOLDER}${name}.${target}${version === undefined ? '' : `.${version}`}.txt`;
      const found = exported(name, target, version).replaceAll(TLS, 'FOLDER/');
      if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(golden, found);
      else expect(found).toBe(existsSync(golden) ? readFileSync(golden, 'utf8') : `no file ${golden}`);
      expect(found).not.toContain(KEY);
    },
  );
});

skipUnless(
  'nginx',
  'haproxy',
  'caddy',
)('the program itself takes', () => {
  const checked = VERSIONS.filter(
    ([target, version]) => !UNCHECKED.test(version === undefined ? target : `${target} ${version}`),
  );
  it.each(
    cases.flatMap((name) => checked.map(([target, version]) => [name, target as 'nginx', version] as const)),
  )('%s for %s %s', async (name, target, version) => {
    expect(await refusal(target, exported(name, target, version))).toBeUndefined();
  });
});

describe('Envoy, which is not run here: every field is one of its messages, with its type', () => {
  it.each(cases)('%s', (name) => {
    expect(envoyFaults(parse(exported(name, 'envoy', undefined)), 'Bootstrap')).toEqual([]);
  });

  it('the check sees a field that is none', () => {
    expect(
      envoyFaults({ static_resources: { clusters: [{ name: 7, lb_polcy: 'MAGLEV' }] } }, 'Bootstrap'),
    ).toEqual([
      'Bootstrap.static_resources.clusters[0].name: no text',
      'Bootstrap.static_resources.clusters[0].lb_polcy: Cluster has no such field',
    ]);
  });
});
