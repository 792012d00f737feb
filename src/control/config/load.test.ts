import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StickyError } from '../../base/errors.js';
import { loadConfig, parseConfig, readConfig } from './load.js';
import { ConfigError } from './problem.js';

// What configurations give, and what is said of bad ones: test/config.

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

function thrown(task: () => unknown): unknown {
  try {
    task();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a configuration from an object', () => {
  it('is the same as from the text', () => {
    const value = {
      listen: 9000,
      upstreams: { 'api-1': 'http://127.0.0.1:8001' },
      affinity: [{ header: 'x-user-id' }],
    };
    expect(readConfig(value)).toEqual(
      parseConfig(JSON.stringify(value), { source: 'a.json', folder: '.', env: {} }),
    );
  });

  it('gives its problems with their paths and without lines', () => {
    const error = thrown(() =>
      readConfig({ upstreams: { 'api-1': { url: 'http://a', weight: Number.NaN } }, expose: 'maybe' }),
    ) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.code).toBe('STICKY_CONFIG_INVALID');
    expect(error.problems).toEqual([
      { path: 'expose', message: 'must be true or false, not text.' },
      {
        path: 'upstreams.api-1.weight',
        message: 'must be above 0, not NaN. Write weight: 1 or leave it out.',
      },
    ]);
  });

  it('does not read the environment', () => {
    expect(
      readConfig({ upstreams: ['http://a'], affinity: [{ path: '/${HOME}/:id' }] }).routes[0]!.affinity[0]!
        .options,
    ).toMatchObject({ pattern: '/${HOME}/:id' });
  });

  it('survives keys that objects inherit and values of any kind', () => {
    for (const value of [
      undefined,
      null,
      1,
      'text',
      [],
      { constructor: 1, upstreams: { toString: 'http://a' } },
      { upstreams: [null, undefined, () => 1, Symbol('x')], affinity: [null, 1] },
    ]) {
      expect(thrown(() => readConfig(value))).toBeInstanceOf(ConfigError);
    }
  });
});

describe('a configuration from a file', () => {
  it('is read from the folder it is called in, and gives line and column', () => {
    const error = thrown(() =>
      loadConfig(file('bad.yaml', 'upstreams:\n  api-1: http://a\n  api-2: nothing at all\n'), {}, folder),
    ) as ConfigError;
    expect(error.problems).toMatchObject([{ path: 'upstreams.api-2', line: 3, column: 3 }]);
    expect(error.source).toBe('bad.yaml');
  });

  it.each([
    ['is not there', 'no-such.yaml', /no-such\.yaml, which is not there/],
    ['is a folder', '.', /which is a folder/],
  ])('that %s is one clear message', (_, name, message) => {
    const error = thrown(() => loadConfig(name, {}, folder)) as StickyError;
    expect(error.code).toBe('STICKY_CONFIG_UNREADABLE');
    expect(error.message).toMatch(message);
  });

  it('that is too big is not read', () => {
    const name = file('big.yaml', `# ${'x'.repeat(1024 * 1024)}\n`);
    expect((thrown(() => loadConfig(name, {}, folder)) as StickyError).code).toBe('STICKY_CONFIG_UNREADABLE');
  });

  it.each([
    ['lists', '['.repeat(200_000)],
    ['closed lists', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['maps', Array.from({ length: 3000 }, (__, at) => `${' '.repeat(at % 300)}a:`).join('\n')],
  ])('that nests %s without end is refused', (_, text) => {
    expect(thrown(() => parseConfig(text, { source: 'deep.yaml', folder, env: {} }))).toBeInstanceOf(
      ConfigError,
    );
  });

  it('with Windows line ends and a byte order mark is read like any other', () => {
    const config = loadConfig(
      file('windows.yaml', '\uFEFFupstreams:\r\n  api-1: http://a\r\nexpose: true\r\n'),
      {},
      folder,
    );
    expect(config.expose).toBe(true);
  });
});
