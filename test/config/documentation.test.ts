import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { complete } from '../../src/control/config/completion.js';
import { parseText } from '../../src/control/config/document.js';
import { written as limits } from '../../src/control/config/limits.js';
import type { Issue } from '../../src/control/config/problem.js';
import { gatewayShape, poolShape, routeShape, shorthandShape } from '../../src/control/config/schema.js';

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const movingIn = readFileSync(new URL('../../docs/moving-in.md', import.meta.url), 'utf8');
const examples = [...`${text}\n${movingIn}`.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml]) => yaml!);
/** Files and variables that an example only names are taken as they are. */
const anyFile = { resolve: (path: string) => path, read: () => undefined, authority: () => undefined };

describe('docs/configuration.md', () => {
  it('has examples, as docs/moving-in.md has, and each is a good configuration', () => {
    expect(examples.length).toBeGreaterThan(2);
    for (const example of examples) {
      const issues: Issue[] = [];
      const { value, problems } = parseText(example.replace('${STICKYROUTE_KEY}', 'k'.repeat(32)));
      complete(value, anyFile, issues);
      expect([...problems, ...issues], example).toEqual([]);
    }
  });

  it.each([
    ...new Set(
      [gatewayShape, poolShape, routeShape, shorthandShape, limits.shape].flatMap((shape) =>
        Object.keys(shape),
      ),
    ),
  ])('tells of %s', (key) => {
    expect(text).toMatch(new RegExp(`\`(match\\.)?${key}\\b`));
  });
});
