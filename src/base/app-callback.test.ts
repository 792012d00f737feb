import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createManualClock } from '../testing/manual-clock.js';
import { eventTeller, safeCallback } from './app-callback.js';

let warned = vi.spyOn(process, 'emitWarning');
beforeEach(() => {
  warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => warned.mockRestore());

const thrower = (): never => {
  throw new Error('of the app');
};

describe('a callback of the app', () => {
  test('that throws changes nothing for who calls it, and is reported once', () => {
    const safe = safeCallback(thrower, 'onEvent');
    for (let count = 0; count < 5; count++) expect(safe()).toBeUndefined();
    expect(warned.mock.calls).toEqual([
      [
        expect.stringContaining('`onEvent` threw'),
        { code: 'STICKY_CALLBACK_FAILED', detail: expect.stringContaining('of the app') },
      ],
    ]);
    safeCallback(thrower, 'onFault')();
    expect(warned).toHaveBeenCalledTimes(2);
  });

  test('that is asynchronous and fails ends no process', async () => {
    const safe = safeCallback(async () => await Promise.reject(new Error('later')), 'onEvent');
    safe();
    safe();
    await new Promise((resolve) => setImmediate(resolve));
    expect(warned).toHaveBeenCalledTimes(1);
  });

  test.each([[undefined], [null], ['text'], [Symbol('x')]])('that throws %s, too', (value) => {
    safeCallback(() => {
      throw value;
    }, 'onEvent')();
    expect(warned).toHaveBeenCalledTimes(1);
  });
});

describe('events that nobody listens to', () => {
  type Event = { readonly type: 'down' | 'reused' | 'silent' };
  const make = (clock = createManualClock()) => ({
    clock,
    tell: eventTeller<Event>(
      undefined,
      ({ type }) => (type === 'silent' ? undefined : { code: 'STICKY_STORE_DOWN', text: `${type} ` }),
      clock,
    ),
  });

  test('are warnings, of each kind one in ten seconds', () => {
    const { tell, clock } = make();
    for (let count = 0; count < 3; count++)
      for (const type of ['down', 'reused', 'silent'] as const) tell({ type });
    expect(warned.mock.calls.map(([text]) => text)).toEqual(['down', 'reused']);
    clock.advance(9_999);
    tell({ type: 'down' });
    expect(warned).toHaveBeenCalledTimes(2);
    clock.advance(1);
    tell({ type: 'down' });
    expect(warned).toHaveBeenCalledTimes(3);
  });

  test('of one instance hide none of another', () => {
    const clock = createManualClock();
    for (const { tell } of [make(clock), make(clock)]) tell({ type: 'down' });
    expect(warned).toHaveBeenCalledTimes(2);
  });
});

test('events go to the listener where there is one, and are no warnings', () => {
  const heard: string[] = [];
  const tell = eventTeller<{ type: string }>(
    ({ type }) => heard.push(type),
    () => ({ code: 'STICKY_STORE_DOWN', text: 'x' }),
    createManualClock(),
  );
  tell({ type: 'a' });
  tell({ type: 'a' });
  expect([heard, warned.mock.calls]).toEqual([['a', 'a'], []]);
});
