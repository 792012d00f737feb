import { describe, expect, it } from 'vitest';
import { checkNames, readKeys } from './options.js';

const NAMES = { idle: 1, keys: 1 };
const refused = (message: string, code = 'STICKY_CONFIG_INVALID') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe('options that an app gives', () => {
  it('that nobody knows are refused, with those there are', () => {
    expect(() => checkNames({ idle: '1h' }, NAMES, 'createThing')).not.toThrow();
    expect(() => checkNames({ idel: '1h' }, NAMES, 'createThing')).toThrow(
      refused("createThing can't have idel. It may have: idle, keys."),
    );
    expect(() => checkNames({ toString: 1 }, NAMES, 'createThing', 'STICKY_CLIENT_INVALID')).toThrow(
      refused('toString', 'STICKY_CLIENT_INVALID'),
    );
  });

  it.each([undefined, null, 'idle'])('%j is no set of options', (written) => {
    expect(() => checkNames(written, NAMES, 'createThing')).toThrow(refused('createThing must be an object'));
  });

  it.each<[unknown, string]>([
    ['a secret of thirty-two characters', 'must be a list'],
    [[undefined], 'Is the environment variable set'],
    [['k'.repeat(32), 'shorter'], 'A key has 7 characters'],
  ])('%j are no keys', (keys, message) => {
    expect(() => readKeys(keys as never)).toThrow(refused(message));
    expect(() => readKeys(keys as never)).not.toThrow(/shorter|secret of/);
  });

  it('keys are none unless given', () => {
    expect(readKeys(undefined)).toEqual([]);
    expect(readKeys(['k'.repeat(32)])).toHaveLength(1);
  });
});
