import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventEmitter } from 'node:events';
import { afterAll, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { program, skipUnless } from '../support/programs.js';

/* What `stickyroute completion` prints, in the real shells. */

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function script(shell: string): Promise<string> {
  let out = '';
  const code = await run(['completion', shell], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => undefined },
    env: {},
    cwd: folder,
    signals: new EventEmitter(),
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
  });
  expect(code).toBe(0);
  const file = join(folder, `stickyroute.${shell}`);
  writeFileSync(file, out);
  return file;
}

/** What a shell offers for these words, the last of which is not finished. */
const OFFERS: readonly (readonly [words: readonly string[], offers: readonly string[]])[] = [
  [['dr'], ['drain']],
  [['up', '--acc'], []],
  [['up', '--work'], ['--workers']],
  [['drain', 'api-2', '--wi'], ['--within']],
  [['completion', 'f'], ['fish']],
];

function offered(shell: string, text: string): string[] {
  const ran = spawnSync(
    program(shell),
    [...(shell === 'fish' ? ['--no-config'] : shell === 'zsh' ? ['-f'] : ['--norc']), '-c', text],
    {
      encoding: 'utf8',
    },
  );
  expect(ran.stderr).toBe('');
  return ran.stdout
    .split('\n')
    .map((line) => line.split('\t')[0]!)
    .filter((line) => line !== '');
}

skipUnless('bash')('bash', () => {
  it.each(OFFERS)('completes %j', async (words, offers) => {
    const file = await script('bash');
    const line = ['stickyroute', ...words].map((word) => `'${word}'`).join(' ');
    const text = `source ${file}; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _stickyroute; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p stickyroute >/dev/null`;
    expect(offered('bash', text)).toEqual(offers);
  });
});

skipUnless('zsh')('zsh', () => {
  it.each(OFFERS)('completes %j', async (words, offers) => {
    const file = await script('zsh');
    const line = ['stickyroute', ...words].map((word) => `'${word}'`).join(' ');
    // zsh itself takes of the offers what begins as the word does.
    const text = `compadd() { shift; for each in "$@"; do [[ $each == "\${words[CURRENT]}"* ]] && print -r -- "$each"; done; true }; source ${file}; words=(${line}); CURRENT=${words.length + 1}; _stickyroute`;
    expect(offered('zsh', text)).toEqual(offers);
  });
});

skipUnless('fish')('fish', () => {
  it.each(OFFERS)('completes %j', async (words, offers) => {
    const file = await script('fish');
    const text = `source ${file}; complete -C 'stickyroute ${words.join(' ')}'`;
    expect(offered('fish', text)).toEqual(offers);
  });
});
