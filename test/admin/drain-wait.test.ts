import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { request } from '../support/raw-client.js';
import { freePort } from '../support/ports.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

/* `stickyroute drain --wait`: how it ends, and what it tells on the way. */

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-wait-'));
const gateways: RunningGateway[] = [];
let urls: Record<string, string>;

beforeAll(async () => {
  const upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
  urls = Object.fromEntries(upstreams.map(({ id, url }) => [id, url]));
  await start();
  await start();
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<RunningGateway> {
  const gateway = await startGateway(
    readConfig({
      listen: '127.0.0.1:0',
      upstreams: urls,
      affinity: [{ header: 'x-user-id' }],
      accessLog: false,
      admin: { listen: `unix:${join(folder, `${gateways.length}.sock`)}` },
    }),
  );
  gateways.push(gateway);
  return gateway;
}

function drain(...argv: string[]) {
  const said = { out: '', err: '' };
  const code = run(['drain', ...argv], {
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    env: {},
    cwd: folder,
    signals: new EventEmitter(),
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
  });
  return { code, said };
}

const users = Array.from({ length: 30 }, (_, user) => `user-${user}`);
const comeTo = (gateway: RunningGateway, some: readonly string[]): Promise<unknown> =>
  Promise.all(
    some.map((user) => request(Number(new URL(gateway.address).port), { headers: { 'x-user-id': user } })),
  );

describe('drain --wait', () => {
  const both = (): string[] => gateways.slice(0, 2).flatMap((gateway) => ['--admin', gateway.adminAddress!]);

  it('is empty where everybody has come in time, at several gateways: 0', async () => {
    await comeTo(gateways[0]!, users);
    const { code, said } = drain('api-2', '--within', '3s', '--wait', ...both());
    let isOver = false;
    void code.then(() => (isOver = true));
    await until('the end', async () => {
      await comeTo(gateways[0]!, users);
      return isOver;
    });
    expect([await code, said.err]).toEqual([0, expect.stringMatching(/api-2 is empty: [1-9]\d* users were/)]);
    expect(said.err).toMatch(/api-2: \d+ % of the time until \S+Z, \d+ bound now, \d+ moved, \d+ a minute/);
    expect(said.out).toContain('upstream api-2 of pool default is leaving until');
  });

  it('tells who was left at the end: 1', async () => {
    await comeTo(gateways[0]!, users);
    const { code, said } = drain('api-1', '--within', '0s', '--wait', ...both());
    expect([await code, said.err]).toEqual([1, expect.stringMatching(/some \d+ who did not come in time/)]);
    await gateways[0]!.operations.enable('default', 'api-1');
    await gateways[0]!.operations.enable('default', 'api-2');
  });

  it('ends with 1 when the drain is given up, and when its own time is over', async () => {
    const admin = ['--admin', gateways[0]!.adminAddress!];
    const timed = drain('api-3', '--within', '1h', '--wait', '--timeout', '1s', ...admin);
    expect([await timed.code, timed.said.err]).toEqual([1, expect.stringContaining('goes on')]);
    const { code, said } = drain('api-3', '--within', '1h', '--wait', ...admin);
    await until('a first line', () => said.err.includes('of the time until'));
    await gateways[0]!.operations.enable('default', 'api-3');
    expect([await code, said.err]).toEqual([1, expect.stringContaining('given up: api-3 is in')]);
  });

  it('ends with 2 when it is refused, and with 1 when nobody answers', async () => {
    const admin = ['--admin', gateways[1]!.adminAddress!];
    for (const id of ['api-2', 'api-3']) await gateways[1]!.operations.disable('default', id);
    await gateways[1]!.operations.enable('default', 'api-1');
    const refused = drain('api-1', '--within', '1h', '--wait', ...admin);
    expect([await refused.code, refused.said.err]).toEqual([2, expect.stringContaining('nowhere to go')]);
    const nobody = drain(
      'api-1',
      '--within',
      '1h',
      '--wait',
      '--admin',
      `http://127.0.0.1:${await freePort()}`,
    );
    expect(await nobody.code).toBe(1);
  });

  it('asks again when an answer fails', async () => {
    let asked = 0;
    const server = await answering((path, method) => {
      asked++;
      if (method === 'POST') return { changed: true, upstream: view('leaving', 0) };
      if (path === '/pools')
        return asked % 3 === 0 ? undefined : { pools: [{ name: 'p', upstreams: [{ id: 'a' }] }] };
      return asked < 8 ? view('leaving', 0) : view('drained', 0);
    });
    const { code, said } = drain('a', '--within', '1s', '--wait', '--admin', addressOf(server));
    expect([await code, said.err]).toEqual([0, expect.stringContaining('a is empty')]);
    expect(asked).toBeGreaterThan(7);
    server.close();
  });
});

function view(standing: string, left: number): object {
  const instant = '2027-03-01T18:00:00.000Z';
  return {
    id: 'a',
    standing,
    weight: 1,
    drain: {
      from: instant,
      until: instant,
      quietMs: 0,
      progress: 1,
      boundUsers: { minutes1: left, minutes15: left, minutes60: left },
      boundWithinIdle: left,
      tunnels: 0,
      requestsInProgress: 0,
      moved: 0,
      movedLastMinute: 0,
      isInTime: true,
    },
  };
}

/** `undefined`: the connection is cut. */
async function answering(answer: (path: string, method: string) => object | undefined): Promise<Server> {
  const server = createServer((incoming, response) => {
    const body = answer(incoming.url!, incoming.method!);
    if (body === undefined) incoming.socket.destroy();
    else response.writeHead(200, { 'x-stickyroute': 'admin' }).end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

function addressOf(server: Server): string {
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}
