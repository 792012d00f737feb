import { describe, expect, it } from 'vitest';
import { draws } from '../support/draws.js';
import type { FleetFaults } from './simulation/fleet.js';
import { runModel, Violation } from './simulation/cache-model.js';

// SIM_SEED=<number> runs that one schedule, the same to the last message. SIM_RUNS=<number> runs so many.
const SEED = process.env['SIM_SEED'];
const FIRST = SEED === undefined ? 1 : Number(SEED);
const RUNS = SEED === undefined ? Number(process.env['SIM_RUNS'] ?? draws(10_000)) : 1;
const RUNS_TO_FAIL = 3_000;

describe('a fleet on virtual time, held against what is true', () => {
  it(
    `keeps both promises in ${RUNS} schedules`,
    async () => {
      const levels = new Map<string, number>();
      for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
        for (const [level, count] of await runModel(seed))
          levels.set(level, (levels.get(level) ?? 0) + count);
      }
      if (RUNS < 100) return;
      for (const level of ['local', 'store', 'loaded', 'stale', 'none'])
        expect(levels.get(level), `${level} answered too seldom to tell anything`).toBeGreaterThan(RUNS / 20);
    },
    60_000 + RUNS * 20,
  );
});

describe('the same fleet with one mechanism taken away', () => {
  const taken: readonly (readonly [string, FleetFaults])[] = [
    ['knowing when the feed was last heard of', { vouchesBlindly: true }],
    ['being told that notes were missed', { hidesGaps: true }],
    ['making a fill depend on what the load began from', { ignoresRequirements: true }],
    ['carrying along what was seen', { forgetsVersions: true }],
  ];
  it.each(taken)(
    'breaks a promise: %s',
    async (_, faults) => {
      const first = async (): Promise<number | undefined> => {
        for (let seed = 1; seed <= RUNS_TO_FAIL; seed++) {
          try {
            await runModel(seed, faults);
          } catch (error) {
            expect(error).toBeInstanceOf(Violation);
            return seed;
          }
        }
        return undefined;
      };
      expect(await first(), `in ${RUNS_TO_FAIL} schedules nothing was noticed`).toBeDefined();
    },
    60_000,
  );
});
