import { expect, test } from 'vitest';
import * as door from './index.js';

const { StickyError, ...factories } = door;
const INVALID = expect.objectContaining({ code: 'STICKY_PLACEMENT_INVALID' });
const ODD = [undefined, null, 5, 'api-1', {}, true];

test.each(Object.entries(factories))('%s tells what its upstreams and options must be', (_, create) => {
  const make = create as (members: unknown, options?: unknown) => unknown;
  for (const members of [...ODD, [5], [null], [['a']], [{ id: 'a', weight: '2' }], [{}]])
    expect(() => make(members), JSON.stringify(members)).toThrow(INVALID);
  if (create.length === 1 && !/options/.test(create.toString())) return;
  for (const options of [null, 5, 'x', { misspelt: 1 }])
    expect(() => make(['a', 'b'], options), JSON.stringify(options)).toThrow(INVALID);
});

test.each(Object.entries(factories))(
  'what %s made tells what a key, a limit and a rule must be',
  (name, create) => {
    const placed = (create as (members: string[]) => door.Placed)(['10.0.0.1:80', '10.0.0.2:80']);
    for (const key of [undefined, null, 5, {}, ['a'], true]) {
      expect(() => placed.get(key as never), `${name} ${JSON.stringify(key)}`).toThrow(INVALID);
      expect(() => placed.candidates(key as never)).toThrow(INVALID);
    }
    for (const limit of [null, '1', Number.NaN, -1])
      expect(() => placed.candidates('a', limit as never)).toThrow(INVALID);
    for (const member of [undefined, null, 5]) expect(() => placed.add(member as never)).toThrow(INVALID);
    for (const rule of [undefined, null, ['a']]) expect(() => placed.among(rule as never)).toThrow(INVALID);
    expect(() => placed.remove(5 as never)).toThrow(INVALID);
    expect(StickyError).toBeDefined();
  },
);
