import { expect, test } from 'vitest';
import { FeedFollower, type FeedReply, type FeedNote } from './feed-follower.js';

function setUp() {
  const heard: string[] = [];
  const follower = new FeedFollower({
    noted: (partition, sequence, notes) => void heard.push(`${partition}:${sequence}:${notes.join()}`),
    missed: (partition) => void heard.push(`${partition}:missed`),
  });
  const answered = (askedAtMs: number, answer: Partial<FeedReply>): void => {
    follower.answered(follower.question(0, askedAtMs), {
      run: 'r',
      life: 'l',
      sequence: 0,
      lastNoted: 0,
      noted: [],
      ...answer,
    });
  };
  return { heard, follower, answered };
}

const noted = (sequence: number, previous: number): FeedNote => ({
  sequence,
  previous,
  notes: [`n${sequence}`],
});

test('knows nothing before the first answer, and vouches from when that was asked for', () => {
  const { heard, follower, answered } = setUp();
  follower.push(0, 'r', noted(1, 0));
  expect(follower.position(0)).toEqual({ run: '', sequence: 0, vouchedAtMs: -Infinity });
  answered(10, { sequence: 5, lastNoted: 3 });
  expect(heard).toEqual(['0:missed']);
  expect(follower.position(0)).toMatchObject({ run: 'r', sequence: 5, vouchedAtMs: 10 });
  expect(follower.position(1).vouchedAtMs).toBe(-Infinity);
});

test('tells pushes in their order, each once, whatever comes twice, late or too early', () => {
  const { heard, follower, answered } = setUp();
  answered(10, {});
  for (const push of [noted(2, 1), noted(1, 0), noted(1, 0), noted(4, 2), noted(2, 1), noted(4, 2)])
    follower.push(0, 'r', push);
  expect(heard.slice(1)).toEqual(['0:1:n1', '0:2:n2', '0:4:n4']);
  expect(follower.position(0)).toMatchObject({ sequence: 4, vouchedAtMs: 10 });
  follower.push(0, 'other run', noted(5, 4));
  follower.push(1, 'r', noted(5, 4));
  expect(heard.length).toBe(4);
});

test('finds in an answer what a push lost, and passes over what it had', () => {
  const { heard, follower, answered } = setUp();
  answered(10, {});
  follower.push(0, 'r', noted(1, 0));
  answered(20, { sequence: 6, lastNoted: 4, noted: [noted(1, 0), noted(3, 1), noted(4, 3)] });
  expect(heard.slice(1)).toEqual(['0:1:n1', '0:3:n3', '0:4:n4']);
  expect(follower.position(0)).toMatchObject({ sequence: 6, vouchedAtMs: 20 });
});

test('takes an answer that pushes have overtaken', () => {
  const { heard, follower, answered } = setUp();
  answered(10, {});
  const question = follower.question(0, 20);
  for (const push of [noted(1, 0), noted(2, 1)]) follower.push(0, 'r', push);
  follower.answered(question, { run: 'r', life: 'l', sequence: 1, lastNoted: 1, noted: [noted(1, 0)] });
  expect(heard.slice(1)).toEqual(['0:1:n1', '0:2:n2']);
  expect(follower.position(0)).toMatchObject({ sequence: 2, vouchedAtMs: 20 });
});

test.each<[string, Partial<FeedReply>]>([
  ['the chain is broken', { sequence: 9, lastNoted: 9, noted: [noted(9, 7)] }],
  ['what was noted is no longer kept', { sequence: 9, lastNoted: 9 }],
  ['it is another run', { run: 'other', sequence: 9, lastNoted: 1 }],
  ['it is another life', { life: 'other', sequence: 9, lastNoted: 1 }],
  ['numbers went back', { sequence: 1, lastNoted: 1 }],
])('says that something was missed when %s, and goes on from there', (_, answer) => {
  const { heard, follower, answered } = setUp();
  answered(10, { sequence: 2, lastNoted: 1 });
  answered(20, answer);
  expect(heard).toEqual(['0:missed', '0:missed']);
  const { run, sequence } = follower.position(0);
  expect([run, sequence, follower.position(0).vouchedAtMs]).toEqual([answer.run ?? 'r', answer.sequence, 20]);
  follower.push(0, run, noted(10, answer.lastNoted!));
  expect(heard.at(-1)).toBe('0:10:n10');
});

test('never vouches for less than before', () => {
  const { follower, answered } = setUp();
  answered(10, {});
  const late = follower.question(0, 15);
  answered(20, {});
  follower.answered(late, { run: 'r', life: 'l', sequence: 0, lastNoted: 0, noted: [] });
  expect(follower.position(0).vouchedAtMs).toBe(20);
});
