import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { complete } from '../../src/control/config/completion.js';
import { parseText } from '../../src/control/config/document.js';
import type { Issue } from '../../src/control/config/problem.js';
import { blocks, blocksIn } from './blocks.js';

/** Files that an example only names are taken as they are. */
const anyFile = { folder: '.', read: () => undefined, authority: () => undefined };

/** What every fence may say: `text` is what a program printed, `console` a command with its output. */
const LANGUAGES = [
  'sh',
  'js',
  'ts',
  'yaml',
  'json',
  'text',
  'console',
  'mermaid',
  'dockerfile',
  'ini',
  'nginx',
  'haproxy',
];

describe('the blocks of our Markdown', () => {
  it('say what they are', () => {
    const odd = blocks.filter(({ language }) => !LANGUAGES.includes(language)).map(({ at }) => at);
    expect(odd, `Write a language behind the fence: ${LANGUAGES.join(', ')}.`).toEqual([]);
  });

  it.each(blocksIn('yaml').filter(({ isFragment }) => !isFragment))(
    '$at is a whole configuration, as printed',
    ({ text }) => {
      expect(problemsOf(text)).toEqual([]);
    },
  );

  it.each(blocksIn('yaml').filter(({ isFragment }) => isFragment))(
    '$at is good inside of a configuration',
    ({ text }) => {
      // Each entry of a commented alternative counts as well.
      const variants = [text, ...text.split('\n').flatMap((line) => /^# (\w+: .*)$/.exec(line)?.[1] ?? [])];
      for (const variant of variants) {
        const upstreams = 'upstreams: { api-1: http://127.0.0.1:8001, api-2: http://127.0.0.1:8002 }\n';
        const keys = 'keys: ["${STICKYROUTE_KEY}"]\n';
        const value: unknown = parse(variant);
        const inside = (file: string): unknown[] =>
          problemsOf(
            `${/^upstreams:|^pools:/m.test(file) ? '' : upstreams}${/^keys:/m.test(file) ? '' : keys}${file}`,
          );
        // A list is of rules: they stand together, or each is one way to write it.
        const rules = (list: unknown[]): unknown[] => inside(`affinity: ${JSON.stringify(list)}\n`);
        if (!Array.isArray(value)) expect(inside(variant), variant).toEqual([]);
        else if (rules(value).length > 0)
          expect(value.map((rule: unknown) => rules([rule])).flat(), variant).toEqual([]);
      }
    },
  );
});

function problemsOf(text: string): unknown[] {
  const issues: Issue[] = [];
  const filled = text
    .replace(/\$\{(?:[A-Z_0-9]+|file:[^}]+)\}/g, 'k'.repeat(32))
    // What the folder holds is another block.
    .replace(/^include: \S+$/m, '');
  const { value, problems } = parseText(filled);
  complete(value, anyFile, issues);
  return [...problems, ...issues];
}
