import { expect, test } from 'vitest';
import { createManualClock } from '../../../testing/manual-clock.js';
import { ServerClock } from './server-clock.js';

test('goes on with the time of this process from what the server showed', () => {
  const clock = createManualClock();
  const server = new ServerClock(clock);
  expect([server.isKnown, server.isFresh]).toEqual([false, false]);
  const askedAtMs = clock.monotonic();
  clock.advance(100);
  server.learn(5_000_000, askedAtMs);
  expect(server.now()).toBe(5_000_050);
  clock.advance(1_000);
  expect(server.now()).toBe(5_001_050);
  expect([server.isKnown, server.isFresh]).toEqual([true, true]);
  clock.advance(60_000);
  expect([server.isKnown, server.isFresh]).toEqual([true, false]);
});

test('learns nothing from a slow answer, unless it knows nothing', () => {
  const clock = createManualClock();
  const server = new ServerClock(clock);
  clock.advance(4_000);
  server.learn(10_000, 0);
  expect(server.now()).toBe(12_000);
  clock.advance(1_001);
  server.learn(99_000, 4_000);
  expect(server.now()).toBe(13_001);
  server.learn(99_000, clock.monotonic());
  expect(server.now()).toBe(99_000);
});
