import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Newcomers } from '../support/newcomers.js';
import { connect } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { runs, startFleet } from './fleet.js';

/** The sockets that listen at the port, by their inodes, as /proc/net/tcp has them. */
function listeners(port: number): string[] {
  const at = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(at) && fields[3] === '0A')
    .map((fields) => fields[9]!);
}

function holds(pid: number, inodes: readonly string[]): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return inodes.some((inode) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
    } catch {
      return false; // closed meanwhile
    }
  });
}

describe('SIGTERM with several workers, as Linux counts them', () => {
  it('the supervisor, which takes no connections, lets go of the port first; nobody who got in is reset', async () => {
    const upstream = await startUpstream({ id: 'api-1' });
    const fleet = await startFleet({ upstreams: { 'api-1': upstream.url }, affinity: [] }, 4);
    const inodes = listeners(fleet.port);
    const { pid } = fleet.process;
    expect([inodes.length, holds(pid, inodes)]).toEqual([1, true]);
    const workers = fleet.workers();
    for (const worker of workers) {
      process.kill(worker, 'SIGSTOP');
      onTestFinished(() => void (runs(worker) && process.kill(worker, 'SIGCONT')));
    }
    fleet.process.kill('SIGTERM');
    await until('the supervisor to let go of the port', () => !holds(pid, inodes));
    // The system still connects, since the workers hold the port; they take all of it before they close.
    const clients = await Promise.all(Array.from({ length: 40 }, () => connect(fleet.port)));
    for (const client of clients) client.send({});
    for (const worker of workers) process.kill(worker, 'SIGCONT');
    const answers = await Promise.all(clients.map((client) => client.response()));
    expect(answers.map(({ status }) => status)).toEqual(clients.map(() => 200));
    expect(await fleet.process.waitForExit()).toMatchObject({ code: 0 });
  });

  it('clients that open a new connection each time are answered until they are refused', async () => {
    const upstream = await startUpstream({ id: 'api-1' });
    const fleet = await startFleet(
      { upstreams: { 'api-1': upstream.url }, affinity: [], accessLog: false },
      4,
    );
    const clients = new Newcomers(fleet.port, 48);
    await until('some load', () => clients.fates.answered > 200, 10_000);
    fleet.process.kill('SIGTERM');
    expect(await clients.gone()).toMatchObject({ refused: 48, lost: [] });
    expect(await fleet.process.waitForExit()).toMatchObject({ code: 0 });
  });
});
