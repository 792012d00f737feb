import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { accepts, freePort } from './support/ports.js';
import { isAlive, start, type RunningProcess } from './support/processes.js';
import { request, type RawResponse } from './support/raw-client.js';
import { until } from './support/until.js';

interface Part {
  readonly name: string;
  readonly pid: number;
}

interface Sample {
  readonly process: RunningProcess;
  readonly port: number;
  readonly parts: readonly Part[];
}

const SCRIPT = fileURLToPath(new URL('../examples/start.mjs', import.meta.url));

/** `npm start` without its build, on a port of its own. */
async function startSample(...flags: string[]): Promise<Sample> {
  const port = await freePort();
  const sample = start(process.execPath, [SCRIPT, '--port', String(port), ...flags]);
  await sample.waitForLine(/Ctrl-C stops everything/, 20_000);
  const parts = [...sample.stdout.matchAll(/^ {2}(api-\d|gateway) +http:\/\/\S+ +(\d+)$/gm)].map((row) => ({
    name: row[1]!,
    pid: Number(row[2]),
  }));
  return { process: sample, port, parts };
}

/** What a printed curl line about affinity asks for. */
function printedRequests(sample: Sample): { target: string; headers: Record<string, string> }[] {
  return [...sample.process.stdout.matchAll(/^curl .*load-balancer-test.*$/gm)].map(([line]) => ({
    target: /http:\/\/localhost:\d+([^\s']+)/.exec(line)![1]!,
    headers: Object.fromEntries(
      [...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map((match) => [match[1]!, match[2]!]),
    ),
  }));
}

async function allGone(parts: readonly Part[]): Promise<void> {
  await until(
    'every process of the sample to be gone',
    () => parts.every(({ pid }) => !isAlive(pid)),
    10_000,
  );
}

function servedBy(answer: RawResponse): string {
  return (answer.json() as { service_name: string }).service_name;
}

describe('npm start', () => {
  it('runs three upstreams and the gateway, and every line that it prints is answered by one upstream again and again', async () => {
    const sample = await startSample();
    expect(sample.parts.map(({ name }) => name)).toEqual(['api-1', 'api-2', 'api-3', 'gateway']);
    const requests = printedRequests(sample);
    expect(requests).toHaveLength(6);
    const rulesSeen = new Set<string>();
    for (const asked of requests) {
      const answers = [
        await request(sample.port, asked),
        await request(sample.port, asked),
        await request(sample.port, asked),
      ];
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
      expect(new Set(answers.map(servedBy)).size, asked.target).toBe(1);
      expect(answers[0]!.header('x-upstream')).toBe(servedBy(answers[0]!));
      rulesSeen.add(answers[0]!.header('x-affinity')!.split(' ').at(-1)!);
    }
    expect([...rulesSeen].sort()).toEqual(['header', 'ip', 'jwt', 'query']);

    const first = await request(sample.port, {
      target: '/load-balancer-test',
      headers: { 'x-user-id': 'dave' },
    });
    const cookie = first.header('set-cookie')!.split(';')[0]!;
    const bound = await request(sample.port, { target: '/load-balancer-test', headers: { cookie } });
    expect([servedBy(bound), bound.header('x-affinity')]).toEqual([servedBy(first), 'bound by cookie']);

    expect(await sample.process.stop()).toEqual({ code: 0, signal: null });
    await allGone(sample.parts);
    expect(await accepts(sample.port)).toBe(false);
  }, 60_000);

  it('goes on when an upstream dies, and stops everything when the gateway does', async () => {
    const sample = await startSample();
    const asked = { target: '/load-balancer-test', headers: { 'x-user-id': 'alice' } };
    const owner = servedBy(await request(sample.port, asked));
    process.kill(sample.parts.find(({ name }) => name === owner)!.pid, 'SIGKILL');
    await sample.process.waitForLine(new RegExp(`${owner} .*died: SIGKILL`));
    const answer = await request(sample.port, asked);
    expect(answer.status).toBe(200);
    expect(servedBy(answer)).not.toBe(owner);

    process.kill(sample.parts.at(-1)!.pid, 'SIGKILL');
    expect(await sample.process.waitForExit()).toEqual({ code: 1, signal: null });
    expect(sample.process.stderr).toContain('The gateway');
    await allGone(sample.parts);
  }, 60_000);

  it('leaves no process behind when it is killed', async () => {
    const sample = await startSample();
    sample.process.kill('SIGKILL');
    await allGone(sample.parts);
  }, 60_000);

  it('says in one line that its port is in use, and what to do', async () => {
    const port = await freePort();
    const { createServer } = await import('node:net');
    const taken = createServer().listen(port);
    try {
      const sample = start(process.execPath, [SCRIPT, '--port', String(port)]);
      expect(await sample.waitForExit()).toEqual({ code: 1, signal: null });
      expect(sample.stderr.trim()).toMatch(
        new RegExp(`^Port ${port} is in use: .*npm start -- --port \\d+.*$`),
      );
    } finally {
      taken.close();
    }
  });
});
