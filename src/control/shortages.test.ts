import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createManualClock } from '../testing/manual-clock.js';
import { Shortages } from './shortages.js';

it('a shortage is said at once, then at most every ten seconds, with how often it was met', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const clock = createManualClock();
  const shortages = new Shortages(logger, clock);
  for (let count = 0; count < 100; count++) shortages.met('connections');
  shortages.met('openFiles', 'EMFILE');
  const told = () => lines.splice(0).map(({ limit, count, cause }) => [limit, count, cause]);
  expect(told()).toEqual([
    ['connections', 1, undefined],
    ['openFiles', 1, 'EMFILE'],
  ]);
  clock.advance(10_000);
  expect(told()).toEqual([['connections', 99, undefined]]);
  clock.advance(60_000);
  expect(told()).toEqual([]);
  shortages.met('connections');
  expect(told()).toEqual([['connections', 1, undefined]]);
  expect(shortages.counts).toEqual({ connections: 101, openFiles: 1 });
});
