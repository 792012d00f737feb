import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/base/clock.js';
import { systemRandom } from '../../src/base/random.js';
import { fileSource } from '../../src/control/sources/file-source.js';
import { sourceContract } from '../../src/testing/source-contract.js';
import { until } from '../support/until.js';

const RUN_FOLDER = tmpdir();

function newFolder(): string {
  const folder = mkdtempSync(join(RUN_FOLDER, 'sources-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const listOf = (names: readonly string[]): string =>
  JSON.stringify(Object.fromEntries(names.map((name) => [`api-${name}`, `http://api-${name}.internal`])));

/** Follows a file, and keeps what it says. */
function follow(folder: string, { every = '1h', clock = systemClock as Clock } = {}) {
  const found: string[][] = [];
  const failures: string[] = [];
  const options = fileSource.options.parse({ path: 'upstreams.yaml', every });
  const timer = fileSource.create(options, { clock, random: systemRandom, folder }).start({
    found: ({ upstreams }) => void found.push(upstreams.map(({ id }) => id)),
    failed: (why) => void failures.push(why),
  });
  onTestFinished(() => timer.stop());
  return { found, failures, last: () => found.at(-1)?.join(' ') };
}

describe('a file as a source', () => {
  for (const { name, run } of sourceContract(() => {
    const folder = newFolder();
    const path = join(folder, 'upstreams.yaml');
    const set = (names: readonly string[]): void => {
      writeFileSync(`${path}.new`, listOf(names));
      renameSync(`${path}.new`, path);
    };
    set(['a', 'b']);
    return {
      source: fileSource.create(fileSource.options.parse('upstreams.yaml'), {
        clock: systemClock,
        random: systemRandom,
        folder,
      }),
      set,
      break: () => writeFileSync(path, 'api-1: [half'),
      idOf: (instance) => `api-${instance}`,
    };
  }))
    it(name, run);

  it('takes YAML and JSON, sets and lists, as `upstreams:` does', () => {
    const folder = newFolder();
    const read = (text: string): readonly object[] => {
      writeFileSync(join(folder, 'upstreams.yaml'), text);
      const context = { clock: systemClock, random: systemRandom, folder };
      return fileSource.offline!(fileSource.options.parse('upstreams.yaml'), context);
    };
    const one = { id: 'api-1', url: 'http://10.0.0.1', weight: 1, draining: false };
    expect(read('api-1: http://10.0.0.1\n')).toEqual([one]);
    expect(read('- { id: api-1, url: http://10.0.0.1 }\n')).toEqual([one]);
    expect(read('{"api-1": "http://10.0.0.1"}')).toEqual([one]);
    expect(read('- http://10.0.0.1\n')).toEqual([{ ...one, id: '10.0.0.1:80' }]);
    expect(
      read('api-1: { url: https://10.0.0.1, weight: 2, draining: true, serverName: api, incarnation: two }'),
    ).toEqual([
      { ...one, url: 'https://10.0.0.1', weight: 2, draining: true, serverName: 'api', incarnation: 'two' },
    ]);
    expect(() => read('{"api-1": "http://10.0.0.1",\n "api-1": "http://10.0.0.2"}')).toThrow(
      'upstreams.yaml:2:2 api-1: api-1 is written twice',
    );
    expect(() => read('upstreams:\n  api-1: http://10.0.0.1\n')).toThrow('one level too much');
    expect(() => read('api-1: http://10.0.0.1\napi-2: ten\n')).toThrow(
      'upstreams.yaml:2:1 api-2: is not a URL',
    );
    expect(() => read('')).toThrow('is empty');
    expect(() => read('[]')).toThrow('is empty');
    expect(() => read(`# ${'x'.repeat(1024 * 1024)}`)).toThrow('has more than 1048576 bytes');
  });

  it('is seen again and again when another file takes its name', async () => {
    const folder = newFolder();
    const path = join(folder, 'upstreams.yaml');
    writeFileSync(path, listOf(['a']));
    const source = follow(folder);
    await until('the first', () => source.last() === 'api-a');
    for (const name of ['b', 'c', 'd']) {
      writeFileSync(`${path}.new`, listOf([name]));
      renameSync(`${path}.new`, path);
      await until(name, () => source.last() === `api-${name}`);
    }
    writeFileSync(path, listOf(['e']));
    await until('written in place', () => source.last() === 'api-e');
  });

  it('is seen when a ConfigMap swaps its link', async () => {
    const folder = newFolder();
    const swap = (version: string): void => {
      mkdirSync(join(folder, `..${version}`));
      writeFileSync(join(folder, `..${version}`, 'upstreams.yaml'), listOf([version]));
      symlinkSync(`..${version}`, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    swap('v1');
    symlinkSync('..data/upstreams.yaml', join(folder, 'upstreams.yaml'));
    const source = follow(folder);
    await until('the first', () => source.last() === 'api-v1');
    for (const version of ['v2', 'v3']) {
      swap(version);
      await until(version, () => source.last() === `api-${version}`);
    }
  });

  it('changes nothing while it is broken, empty or gone, and says where', async () => {
    const folder = newFolder();
    const path = join(folder, 'upstreams.yaml');
    writeFileSync(path, listOf(['a']));
    const source = follow(folder);
    await until('the first', () => source.found.length === 1);
    writeFileSync(path, 'api-1: http://10.0.0.1\napi-2: ftp://10.0.0.2\n');
    await until('broken', () => source.failures.at(-1)?.includes('upstreams.yaml:2:1'));
    writeFileSync(path, '');
    await until('empty', () => source.failures.at(-1)?.includes('is empty'));
    rmSync(path);
    await until('gone', () => source.failures.at(-1)?.includes('is not there'));
    expect(source.found).toHaveLength(1);
    writeFileSync(path, listOf(['a']));
    await until('as it was', () => source.found.length === 2);
  });

  it('is polled where nothing is told: behind a link to elsewhere, and in a folder that is replaced', async () => {
    const folder = newFolder();
    const elsewhere = newFolder();
    const inner = join(folder, 'inner');
    mkdirSync(inner);
    writeFileSync(join(elsewhere, 'list'), listOf(['a']));
    symlinkSync(join(elsewhere, 'list'), join(inner, 'upstreams.yaml'));
    const source = follow(inner, { every: '100ms' });
    await until('the first', () => source.last() === 'api-a');
    writeFileSync(join(elsewhere, 'list'), listOf(['b']));
    await until('behind a link', () => source.last() === 'api-b');
    renameSync(inner, join(folder, 'old'));
    mkdirSync(inner);
    writeFileSync(join(inner, 'upstreams.yaml'), listOf(['c']));
    await until('in another folder', () => source.last() === 'api-c');
  });
});
