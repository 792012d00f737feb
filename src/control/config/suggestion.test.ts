import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from './suggestion.js';

const KEYS = ['upstreams', 'weight', 'maxFails', 'listen', 'ip', 'roundRobin'];

describe('the name that was meant', () => {
  it.each([
    ['wieght', 'weight'],
    ['upstream', 'upstreams'],
    ['Weight', 'weight'],
    ['max_fails', 'maxFails'],
    ['max-fail', 'maxFails'],
    ['servers', 'upstreams'],
    ['port', 'listen'],
    ['round_robin', 'roundRobin'],
  ])('%s → %s', (written, meant) => expect(nearest(written, KEYS)).toBe(meant));

  it.each(['banana', 'x', '', 'constructor', '__proto__', 'w'.repeat(100_000)])(
    '%.12s is near to nothing',
    (written) => {
      expect(nearest(written, KEYS)).toBeUndefined();
    },
  );

  it('gives all names when none is near', () => {
    expect(didYouMean('banana', ['a1', 'b2'], 'Keys here')).toBe('Keys here: a1, b2.');
  });
});
