import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  readConfig,
  standardKinds,
  startGateway,
  type GatewayOptions,
  type RunningGateway,
  type SourceDefinition,
  type SourceListener,
} from '../../src/control/index.js';
import { KEY, type LogLine } from '../e2e/gateway.js';
import { request } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';

let upstreams: FakeUpstream[];
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sources-'));
  upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const listOf = (...places: readonly number[]): string =>
  JSON.stringify(Object.fromEntries(places.map((place) => [upstreams[place]!.id, upstreams[place]!.url])));

function write(name: string, text: string): void {
  writeFileSync(join(folder, `${name}.new`), text);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

const COMMON = { listen: '127.0.0.1:0', keys: [KEY], expose: true, shutdownGrace: '0s', accessLog: false };

interface Started extends RunningGateway {
  readonly log: readonly LogLine[];
}

async function start(config: object, options: GatewayOptions = {}): Promise<Started> {
  const log: LogLine[] = [];
  const logger = pino(
    { base: null },
    { write: (line: string) => void log.push(JSON.parse(line) as LogLine) },
  );
  const read = readConfig({ ...COMMON, ...config }, { folder, kinds: options.kinds });
  const gateway = await startGateway(read, { logger, ...options });
  onTestFinished(() => gateway.close());
  return { ...gateway, port: gateway.port, operations: gateway.operations, log };
}

const membersOf = async ({ operations }: RunningGateway): Promise<string> =>
  (await operations.status()).pools[0]!.upstreams.map(({ id, standing }) =>
    standing === 'in' ? id : `${id}(${standing})`,
  ).join(' ');

describe('a gateway whose upstreams come from a file', () => {
  it('serves those, follows changes, keeps bound users while their upstream is well, and says all of it', async () => {
    write('one.json', listOf(0, 1));
    const gateway = await start({ sources: [{ file: 'one.json' }], linger: '1h' });
    expect(await membersOf(gateway)).toBe('api-1 api-2');
    const cookies = new Map<string, string>();
    await until('users of both', async () => {
      const answer = await request(gateway.port);
      cookies.set(answer.header('x-upstream')!, answer.header('set-cookie')!.split(';')[0]!);
      return cookies.size === 2;
    });
    write('one.json', listOf(1, 2));
    await until('the change', async () => (await membersOf(gateway)) === 'api-1(leaving) api-2 api-3');
    const bound = await request(gateway.port, { headers: { Cookie: cookies.get('api-1')! } });
    expect(bound.header('x-upstream')).toBe('api-1');
    for (let each = 0; each < 10; each++)
      expect((await request(gateway.port)).header('x-upstream')).not.toBe('api-1');
    write('one.json', 'api-1: [');
    await until('the fault', () => gateway.log.some(({ msg }) => /one\.json.*is not YAML/s.test(msg)));
    expect(await membersOf(gateway)).toBe('api-1(leaving) api-2 api-3');
    const [pool] = (await gateway.operations.status()).pools;
    expect(pool!.sources).toMatchObject([{ source: 'file one.json', upstreams: 2, answers: 2, failures: 1 }]);
    expect(pool!.upstreams.map(({ source }) => source)).toEqual(Array(3).fill('file one.json'));
    expect(pool!.upstreams[0]!.absentMs).toBeGreaterThan(0);
    expect(gateway.log.find(({ why, leaving }) => why === 'file one.json' && leaving)).toMatchObject({
      pool: 'default',
      came: ['api-3'],
      leaving: ['api-1'],
      msg: 'upstreams of pool default: 1 came, 1 leaving (file one.json)',
    });
  });

  it('starts when the time for the first answer is over, says so, and serves once there is one', async () => {
    const gateway = await start({ sources: [{ file: 'late.json' }], sourceWait: '50ms' });
    expect(gateway.log.map(({ msg }) => msg)).toContainEqual(
      'started without the upstreams of file late.json: it gave no answer yet',
    );
    const refused = await request(gateway.port);
    expect([refused.status, refused.header('retry-after')]).toEqual([503, '30']);
    expect(refused.header('x-affinity')).toMatch(/^rejected/);
    write('late.json', listOf(0));
    await until('served', async () => (await request(gateway.port)).status === 200);
    expect(gateway.log.map(({ msg }) => msg)).toContainEqual(
      'source file late.json of pool default is well again',
    );
  });

  it('has its upstreams through a reload, and keeps them when another source has no answer', async () => {
    write('three.json', listOf(0, 1));
    const settings = { sources: [{ file: 'three.json' }], sourceWait: '50ms' };
    const gateway = await start(settings);
    const reload = async (config: object): Promise<void> =>
      void (await gateway.operations.reload(readConfig({ ...COMMON, ...config }, { folder })));
    await reload({ ...settings, balance: 'roundRobin' });
    expect((await gateway.operations.status()).pools[0]!.sources[0]!.answers).toBe(1);
    await reload({ ...settings, sources: [{ file: 'nowhere.json' }] });
    expect(await membersOf(gateway)).toBe('api-1 api-2');
    write('nowhere.json', listOf(2));
    await until('the answer', async () => (await membersOf(gateway)) === 'api-3');
    await reload({ upstreams: { mine: upstreams[0]!.url } });
    expect(await membersOf(gateway)).toBe('mine');
    await expect(
      reload({ sources: [{ file: 'a' }], placement: { maglev: { tableSize: 1 } } }),
    ).rejects.toThrow();
    expect(await membersOf(gateway)).toBe('mine');
  });
});

describe("a source of one's own", () => {
  it('works in the gateway, and holds down what can not serve', async () => {
    let listener: SourceListener | undefined;
    const registry: SourceDefinition<{ service: string }> = {
      name: 'registry',
      options: z.strictObject({ service: z.string() }),
      subject: ({ service }) => service,
      create: () => ({
        start(told) {
          listener = told;
          queueMicrotask(() => told.found({ upstreams: found }));
          return { stop() {} };
        },
      }),
    };
    const found = upstreams.map(({ id, url }) => ({ id, url, weight: 1, draining: id === 'api-3' }));
    const kinds = standardKinds.with({ sources: [registry] });
    const gateway = await start(
      { sources: [{ registry: { service: 'api' } }], health: { path: '/', every: '100ms' } },
      { kinds },
    );
    expect(await membersOf(gateway)).toBe('api-1 api-2 api-3(leaving)');
    listener!.found({ upstreams: found, down: ['api-1'] });
    await until('down', () => gateway.log.some(({ why, to }) => why === 'sourceSaysDown' && to === 'down'));
    for (let each = 0; each < 10; each++)
      expect((await request(gateway.port)).header('x-upstream')).toBe('api-2');
    listener!.found({ upstreams: found });
    await until('up', () => gateway.log.some(({ why, to }) => why === 'sourceSaysUp' && to === 'up'));
  });

  it('is told about as any other: wrong options, a name that is none, a name that is taken', () => {
    const read = (sources: unknown): unknown => readConfig({ sources });
    expect(() => read([{ file: 7 }])).toThrow(/sources\[0\]\.file/);
    expect(() => read([{ fiel: 'a' }])).toThrow(/is not a source\. Did you mean file\?/);
    expect(() => read('file')).toThrow(/sources: must be a list, not text/);
    expect(() => read([])).toThrow(/upstreams: is missing/);
    expect(() => read(Array(17).fill({ file: 'a' }))).toThrow(/at most 16/);
    const mine = {
      name: 'file',
      options: z.any(),
      subject: () => '',
      create: () => ({ start: () => ({ stop() {} }) }),
    };
    expect(() =>
      readConfig({ sources: [{ file: 'a' }] }, { kinds: standardKinds.with({ sources: [mine] }) }),
    ).toThrow('There is a source "file" already');
  });
});
