import { expect, it } from 'vitest';
import { drainOf } from '../../src/route/pool/standing.js';
import { turnOf } from '../../src/route/sweep.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { draws } from '../support/draws.js';
import { MovingSchedule } from './moving-schedule.js';
import { placeOf, SimGateway, written } from './moving-world.js';

const MINUTE = 60_000;
const FROM = 1_800_000_000_000;
const USERS = 12_000;
const SKEWS = [-2000, 0, 2000];
const SEED = process.env['SIM_SEED'];
const RUNS = SEED === undefined ? draws(10_000) : 1;

it('12 000 users leave within 30 minutes by three gateways: evenly, once, all of them', () => {
  const random = seededRandom(1);
  const ids = ['api-1', 'api-2', 'api-3', 'api-4'];
  const gateways = SKEWS.map((skew) => new SimGateway(ids, { idle: '1h' }, skew, random));
  const drain = drainOf('api-2', { fromMs: FROM, untilMs: FROM + 30 * MINUTE, quietMs: 0 });
  const anyOf = (): SimGateway => gateways[random.below(3)]!;
  // Everybody comes while it is the only one that takes new users.
  for (const id of ['api-1', 'api-3', 'api-4']) for (const gateway of gateways) gateway.stand(id, 'leaving');
  const users = Array.from({ length: USERS }, () => written(anyOf().ask(FROM - MINUTE, undefined))!);
  for (const gateway of gateways) {
    for (const id of ['api-1', 'api-3', 'api-4']) gateway.stand(id, 'in');
    gateway.stand('api-2', { leaving: drain });
  }
  const perMinute = new Array<number>(30).fill(0);
  for (const cookie of users) {
    let held = cookie;
    let moves = 0;
    const turn = turnOf(drain, anyOf().ask(FROM, held).identity!);
    // Each asks every few seconds. Before its turn is near, few of its requests show that it stays.
    for (let now = FROM + random.below(4000); now < FROM + 33 * MINUTE;) {
      const decision = anyOf().ask(now, held);
      if (decision.outcome === 'moved') {
        moves++;
        perMinute[Math.floor(Math.max(0, Math.min(now - FROM, 30 * MINUTE - 1)) / MINUTE)]!++;
      } else if (moves > 0 && placeOf(decision) === 'api-2') throw new Error('went back');
      held = written(decision) ?? held;
      const isNear = Math.abs(now - turn) < 10_000;
      now += isNear
        ? 1000 + random.below(4000)
        : now < turn
          ? Math.min(turn - now - 8000, 8 * MINUTE)
          : 10 * MINUTE;
    }
    expect(moves).toBe(1);
  }
  for (const moved of perMinute) {
    expect(moved).toBeGreaterThan((0.8 * USERS) / 30);
    expect(moved).toBeLessThan((1.2 * USERS) / 30);
  }
}, 60_000);

it(`${RUNS} schedules of drains, failures, reloads, restarts and clocks keep what always holds`, () => {
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED === undefined ? run : Number(SEED);
    try {
      new MovingSchedule(seed).run();
    } catch (error) {
      throw new Error(`SIM_SEED=${seed}: ${String(error)}`, { cause: error });
    }
  }
}, 120_000);
