import { describe, expect, it } from 'vitest';
import { connect, request, type RawClient } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { runs, startFleet } from './fleet.js';

describe('kill -9 of a worker under load', () => {
  it('fails only what was on its connections; the other serves, and it is replaced, later each time', async () => {
    const [upstream] = await startUpstreams(1);
    const config = { workers: 2, upstreams: { 'api-1': `http://127.0.0.1:${upstream!.port}` }, affinity: [] };
    const fleet = await startFleet(config);
    // Connections, and who has each.
    const owners = new Map<RawClient, number>();
    for (let at = 0; new Set(owners.values()).size < 2 || owners.size < 16; at++) {
      const clients = await Promise.all(Array.from({ length: 4 }, () => connect(fleet.port)));
      await Promise.all(clients.map((client, index) => client.request({ target: `/${at}-${index}` })));
      for (const [index, client] of clients.entries()) {
        const [line] = await until('its line', () =>
          fleet.answersTo(`/${at}-${index}`).length === 1 ? fleet.answersTo(`/${at}-${index}`) : undefined,
        );
        owners.set(client, line!['worker']);
      }
    }
    // From here on a line a request would only bury what is looked for.
    await fleet.reload({ ...config, accessLog: false });
    const [victim, survivor] = fleet.workers();

    const failed = new Set<RawClient>();
    let isOver = false;
    let answers = 0;
    const load = [...owners.keys()].map(async (client) => {
      while (!isOver && !failed.has(client))
        await client.request({ target: '/load' }).then(
          () => void answers++,
          () => void failed.add(client),
        );
    });
    await until('load', () => answers > 200);
    process.kill(victim!, 'SIGKILL');
    await fleet.logged(
      'that the worker ended',
      ({ msg, worker, restartMs }) =>
        / ended \(SIGKILL\)/.test(msg) && worker === victim && restartMs === 100,
    );
    const before = answers;
    // While there is one worker, it serves whoever comes.
    for (let count = 0; count < 20; count++) expect((await request(fleet.port)).status).toBe(200);
    await until('more load', () => answers > before + 200);
    await until('a new worker', () => fleet.workers().length === 2, 10_000);
    isOver = true;
    await Promise.all(load);
    const bereft = [...owners].filter(([, worker]) => worker === victim).map(([client]) => client);
    expect([...failed].filter((client) => !bereft.includes(client))).toEqual([]);
    expect(failed.size).toBe(bereft.length);
    expect(runs(survivor!)).toBe(true);

    const next = fleet.workers().find((worker) => worker !== survivor)!;
    process.kill(next, 'SIGKILL');
    await fleet.logged(
      'that the next one ended, and waits for twice as long',
      ({ msg, worker, restartMs }) => / ended /.test(msg) && worker === next && restartMs === 200,
    );
    await until('another worker', () => fleet.workers().length === 2, 10_000);
  });
});
