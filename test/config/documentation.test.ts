import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { written as limits } from '../../src/control/config/limits.js';
import { gatewayShape, shapesOf } from '../../src/control/config/schema.js';
import { standardKinds } from '../../src/route/kinds.js';

const shapes = shapesOf(standardKinds);

const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

describe('docs/configuration.md', () => {
  it.each([
    ...new Set(
      [gatewayShape, shapes.pool, shapes.route, shapes.shorthand, limits.shape].flatMap((shape) =>
        Object.keys(shape),
      ),
    ),
  ])('tells of %s', (key) => {
    expect(text).toMatch(new RegExp(`\`(match\\.)?${key}\\b`));
  });
});
