import { expect, test } from 'vitest';
import { createManualClock } from '../../testing/manual-clock.js';
import { TimeLimit } from './time-limit.js';

function setUp() {
  const clock = createManualClock();
  const limit = new TimeLimit(
    clock,
    800,
    () => new Error('late'),
    (error) => new Error('failed', { cause: error }),
  );
  return { clock, limit };
}

/** In steps, as a process does that is not standing still. */
function pass(clock: ReturnType<typeof createManualClock>, ms: number): void {
  for (let passed = 0; passed < ms; passed += 50) clock.advance(50);
}

const never = (): Promise<never> => new Promise(() => {});

test('gives what comes in time', async () => {
  const { limit } = setUp();
  expect(await limit.run(async () => 1)).toBe(1);
  await expect(limit.run(async () => await Promise.reject(new Error('x')))).rejects.toMatchObject({
    message: 'failed',
    cause: { message: 'x' },
  });
});

test('ends what takes longer than the limit, not before it and at most a quarter after it', async () => {
  const { clock, limit } = setUp();
  const endedAt: number[] = [];
  const signals: AbortSignal[] = [];
  const running = [0, 99, 40, 300].map((ms) => {
    pass(clock, ms);
    const startedAt = clock.monotonic();
    return limit
      .run((signal) => (signals.push(signal), never()))
      .catch((error: Error) => {
        expect(error.message).toBe('late');
        endedAt.push(clock.monotonic() - startedAt);
      });
  });
  for (let passed = 0; passed < 2_000; passed += 50) {
    clock.advance(50);
    await Promise.resolve();
    await Promise.resolve();
  }
  await Promise.all(running);
  for (const ms of endedAt) {
    expect(ms).toBeGreaterThanOrEqual(800);
    expect(ms).toBeLessThanOrEqual(1_000 + 50);
  }
  expect(signals.every(({ aborted }) => aborted)).toBe(true);
});

test('lets a late answer and a late failure go unheard', async () => {
  const { clock, limit } = setUp();
  let fail: (error: Error) => void = () => {};
  const running = limit.run(() => new Promise((_, reject) => (fail = reject)));
  running.catch(() => {});
  pass(clock, 1_000);
  await expect(running).rejects.toThrow('late');
  fail(new Error('nobody waits'));
  await new Promise((resolve) => setImmediate(resolve));
});

test('gives answers that lie unread a chance when this process stood still', async () => {
  let atMs = 0;
  let look: () => void = () => {};
  const clock = {
    ...createManualClock(),
    monotonic: () => atMs,
    every: (_: number, task: () => void) => ((look = task), { stop: () => {} }),
  };
  const limit = new TimeLimit(
    clock,
    800,
    () => new Error('late'),
    () => new Error('failed'),
  );
  let answer: (value: string) => void = () => {};
  const answered = limit.run(() => new Promise<string>((resolve) => (answer = resolve)));
  const unanswered = limit.run(never);
  unanswered.catch(() => {});
  atMs = 10_000;
  look();
  answer('it came');
  expect(await answered).toBe('it came');
  atMs = 10_100;
  look();
  await expect(unanswered).rejects.toThrow('late');
});

test('looks at nothing while nothing runs', async () => {
  const clock = createManualClock();
  let timers = 0;
  const limit = new TimeLimit(
    { ...clock, every: (ms, task) => (timers++, clock.every(ms, task)) },
    800,
    () => new Error('late'),
    () => new Error('failed'),
  );
  await limit.run(async () => 1);
  await limit.run(async () => 2);
  expect(timers).toBe(1);
  pass(clock, 2_000);
  await limit.run(async () => 3);
  expect(timers).toBe(2);
  limit.stop();
});

test('tells of what takes a good part of the limit, as long as it does', async () => {
  const clock = createManualClock();
  let told = 0;
  const limit = new TimeLimit(
    clock,
    800,
    () => new Error('late'),
    () => new Error('failed'),
    () => void told++,
  );
  let finish = (): void => {};
  const slow = limit.run(async () => await new Promise<void>((resolve) => (finish = resolve)));
  pass(clock, 50);
  expect(told).toBe(0);
  pass(clock, 350);
  expect(told).toBeGreaterThan(1);
  finish();
  await slow;
  const before = told;
  pass(clock, 2_000);
  expect(told).toBe(before);
  limit.stop();
});
