import { expect, test } from 'vitest';
import { rules } from './registry.js';

test('every rule stands under its own name', () => {
  expect([...rules.keys()]).toEqual([
    'cookie',
    'routeCookie',
    'acceptCookies',
    'keyCookie',
    'jwt',
    'header',
    'query',
    'path',
    'ip',
  ]);
  for (const [name, definition] of rules) expect(definition.name).toBe(name);
});
