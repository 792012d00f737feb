import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMAND_FILES } from '../../src/cli/commands.js';
import { ROOT } from '../house/sources.js';
import { start, run } from '../support/processes.js';

/** Says on standard error which files a process loads. */
const HOOKS = `import { writeSync } from 'node:fs';
export async function load(url, context, next) { writeSync(2, 'LOADED ' + url + '\\n'); return next(url, context); }`;
const REGISTER = `data:text/javascript,${encodeURIComponent(
  `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)});`,
)}`;
const ARGUMENTS = ['--import', REGISTER, join(ROOT, 'dist/cli/main.js')];

const loadedIn = (text: string): string[] =>
  [...text.matchAll(/^LOADED (\S+)$/gm)]
    .map((match) => match[1]!)
    .filter((url) => url.startsWith('file:'))
    .map((url) => url.replace(/^.*\/(?=node_modules\/|dist\/)/, ''));

/** What is loaded for one feature, and must not be for all who don't use it. */
const ASIDE = /^dist\/(?:interop|client|state|frameworks|testing)\/|node_modules\/(?:jose|lmdb|lru-cache)\//;

describe('a command loads what it needs', () => {
  it('up: nothing of import and export, no key store, no tokens', async () => {
    const up = start(process.execPath, [
      ...ARGUMENTS,
      'up',
      '--upstream',
      'http://127.0.0.1:1',
      '--listen',
      '127.0.0.1:0',
    ]);
    try {
      await up.waitForLine(/ listens at /);
      const loaded = loadedIn(up.stderr);
      expect(loaded).toContain('dist/proxy/gateway.js');
      expect(loaded.filter((file) => ASIDE.test(file))).toEqual([]);
      expect(loaded.filter((file) => /^dist\/cli\/(?:operator\/|import|export|advise)/.test(file))).toEqual(
        [],
      );
    } finally {
      await up.stop();
    }
  });

  it.each(['health', '--version'])(
    '%s: less than forty files, for it is asked every few seconds',
    async (word) => {
      const { stderr } = await run(process.execPath, [...ARGUMENTS, word]);
      const loaded = loadedIn(stderr);
      expect(loaded).toContain('dist/cli/run.js');
      expect(loaded.length, loaded.join('\n')).toBeLessThan(40);
    },
  );

  it.each(COMMAND_FILES.map(({ names }) => names))('%s … is found in its file', async (...names) => {
    for (const name of names) {
      const { code, stdout } = await run(process.execPath, [join(ROOT, 'dist/cli/main.js'), name, '--help']);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`Usage: stickyroute ${name} `)]);
    }
  });
});
