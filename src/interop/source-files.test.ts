import { describe, expect, it } from 'vitest';
import { matchesGlob } from './source-files.js';

describe('patterns of include', () => {
  it.each([
    ['a.conf', '*.conf', true],
    ['a.conf.bak', '*.conf', false],
    ['.conf', '*.conf', true],
    ['ab', 'a?', true],
    ['a', 'a?', false],
    ['a1', 'a[0-9]', true],
    ['ax', 'a[0-9]', false],
    ['ax', 'a[!0-9]', true],
    ['a*b', 'a*b', true],
    ['axxbxb', 'a*b', true],
    ['abc', '*', true],
    ['', '*', true],
    ['abc', 'a*c*', true],
    ['a.b', 'a.b', true],
    ['axb', 'a.b', false],
    ['a]', 'a[]]', true],
  ])('%s and %s: %s', (name, pattern, expected) => {
    expect(matchesGlob(name, pattern)).toBe(expected);
  });

  it('attack: many stars', () => {
    expect(matchesGlob('a'.repeat(200), `${'*a'.repeat(80)}*b`)).toBe(false);
  });
});
