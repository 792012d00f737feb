import { describe, expect, it } from 'vitest';
import { connect } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { onlyHomes, spread, users, visit, type Visit } from '../e2e/crowd.js';
import { startFleet } from './fleet.js';
import { until } from '../support/until.js';

describe('two workers', () => {
  it('serve every bound user from one upstream whichever worker answers, with a key that nobody configured', async () => {
    const upstreams = await startUpstreams(4);
    const fleet = await startFleet({
      keys: [],
      upstreams: Object.fromEntries(upstreams.map(({ id, port }) => [id, `http://127.0.0.1:${port}`])),
      affinity: ['cookie'],
      balance: 'twoChoices',
    });
    // Long paths, so that a torn line of the log would show.
    const everybody = users(100, (name) => ({ target: `/${name}/${'x'.repeat(900)}` }));
    const visits: Visit[] = [];
    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      const waiting = [...everybody];
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          for (let user = waiting.pop(); user !== undefined; user = waiting.pop()) {
            const client = await connect(fleet.port);
            visits.push(await visit(client, user));
            client.destroy();
          }
        }),
      );
    }
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
    expect(Object.keys(spread(onlyHomes(visits)))).toHaveLength(4);
    // One cookie each: what one worker seals the other opens.
    expect(visits.filter(({ setsCookie }) => setsCookie)).toHaveLength(everybody.length);

    const lines = await until('the log of all visits', () => {
      const all = fleet.log().filter(({ path }) => path !== undefined);
      return all.length >= visits.length ? all : undefined;
    });
    expect(lines).toHaveLength(visits.length);
    const met = new Map<string, Set<number>>();
    for (const { path, worker } of lines) met.set(path, (met.get(path) ?? new Set<number>()).add(worker));
    expect(new Set(lines.map(({ worker }) => worker))).toEqual(new Set(fleet.workers()));
    expect(
      [...met.values()].filter(({ size }) => size === 2).length,
      'users who met both workers',
    ).toBeGreaterThan(10);
  });
});
