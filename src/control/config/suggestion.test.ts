import { describe, expect, it } from 'vitest';
import { cookieFormats } from '../../route/affinity/accepted/registry.js';
import { rules } from '../../route/affinity/registry.js';
import { balances } from '../../route/balance/registry.js';
import { placements } from '../../route/placement/registry.js';
import { standardKinds } from '../../route/kinds.js';
import { gatewayShape, shapesOf } from './schema.js';
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

describe('names that a configuration holds', () => {
  const kinds = [
    ...placements.map(({ name }) => name),
    ...balances.map(({ name }) => name),
    ...rules.keys(),
    ...cookieFormats.map(({ name }) => name),
  ];

  it('have one casing', () => {
    const shapes = shapesOf(standardKinds);
    const names = [
      ...kinds,
      ...[gatewayShape, shapes.pool, shapes.route].flatMap((shape) => Object.keys(shape)),
    ];
    expect(
      names.filter((name) => !/^[a-z][a-zA-Z0-9]*$/.test(name)),
      'Write it in camelCase.',
    ).toEqual([]);
  });

  it('are found when they are written with hyphens or underscores', () => {
    for (const kind of kinds)
      for (const separator of ['-', '_']) {
        const written = kind.replace(/[A-Z]/g, (letter) => separator + letter.toLowerCase());
        expect(nearest(written, kinds)).toBe(kind);
      }
    expect(nearest('ketama-md5', kinds)).toBe('ketamaMd5');
    expect(nearest('number', ['url', 'weight', 'draining', 'address', 'haproxyId'])).toBe('haproxyId');
  });
});
