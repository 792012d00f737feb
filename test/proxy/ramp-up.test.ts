import { beforeAll, expect, it } from 'vitest';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { startTestGateway, type TestGateway } from './gateway.js';

/* An upstream comes back and ramps up. Time is a manual clock's; sockets are real. */

const MINUTE = 60_000;
const USERS = Array.from({ length: 60 }, (_, at) => `user-${at}`);
const clock = createManualClock(1_800_000_000_000);
let gateway: TestGateway;

beforeAll(async () => {
  const upstreams = Object.fromEntries(
    (await startUpstreams(3)).map(({ url }, at) => [`api-${at + 1}`, url]),
  );
  const settings = { affinity: [{ header: 'x-user' }], rampUp: '2m', expose: true };
  gateway = await startTestGateway(upstreams, settings, { clock });
});

/** Where each user is served now. */
const where = (): Promise<(string | undefined)[]> =>
  Promise.all(
    USERS.map(async (user) => {
      const answer = await request(gateway.port, { headers: { 'x-user': user } });
      return answer.header('x-upstream');
    }),
  );

it('keyed users come back to it one after the other, each once', async () => {
  const homes = await where();
  await gateway.operations.disable('default', 'api-2');
  const away = await where();
  const movers = USERS.flatMap((_, at) => (homes[at] === away[at] ? [] : [at]));
  expect(movers.length).toBeGreaterThan(8);
  await gateway.operations.enable('default', 'api-2');
  expect(await where()).toEqual(away);
  let last = away;
  const back: number[] = [];
  for (let step = 1; step <= 4; step++) {
    clock.advance(MINUTE / 2);
    const now = await where();
    now.forEach((place, at) => {
      if (place !== last[at]) expect(place).toBe(homes[at]);
    });
    back.push(movers.filter((at) => now[at] === homes[at]).length);
    last = now;
  }
  expect(last).toEqual(homes);
  expect(back[0]).toBeGreaterThan(0);
  expect(back[1]).toBeLessThan(movers.length);
  expect(back).toEqual(back.toSorted((a, b) => a - b));
});
