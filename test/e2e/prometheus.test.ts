import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FAMILIES } from '../../src/control/metrics/families.js';
import { readText, ROOT } from '../house/sources.js';
import { freePort } from '../support/ports.js';
import { run, start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';
import { startGatewayProcess } from './gateway.js';

const FOLDER = 'examples/observability';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly expr: string; readonly record?: string; readonly alert?: string }[];
  }[];
}
interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly definition: string }[] };
}

const rules = (parse(readText(`${FOLDER}/stickyroute.rules.yaml`)) as Rules).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(readText(`${FOLDER}/grafana.json`)) as Dashboard;
const expressions = [
  ...rules.map(({ expr, record, alert }) => ({ title: record ?? alert!, expr })),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
];
const definitions = dashboard.templating.list.map(({ definition }) => ({
  title: 'a variable',
  expr: definition,
}));

/** What a query may name: metrics, the parts of histograms, what rules record. */
const names = new Set([
  ...FAMILIES.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
  ...rules.flatMap(({ record }) => (record === undefined ? [] : [record])),
]);

it.each([...expressions, ...definitions])('$title asks for metrics that there are: $expr', ({ expr }) => {
  const asked = expr.match(/\b(?:stickyroute|process)[_:][a-z0-9_:]+/g) ?? [];
  expect(asked).not.toEqual([]);
  expect(asked.filter((name) => !names.has(name))).toEqual([]);
});

it('every metric stands in the dashboard', () => {
  const text = expressions.map(({ expr }) => expr).join('\n');
  // One tells when a process was started, which Prometheus' own functions need.
  const shown = FAMILIES.filter(({ name }) => text.includes(name)).map(({ name }) => name);
  expect(FAMILIES.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([
    'process_start_time_seconds',
  ]);
});

skipUnless('prometheus', 'promtool')('a real Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-prometheus-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let port: number;

  interface Answer {
    readonly status: string;
    readonly error?: string;
    readonly data: { readonly result: { metric: Record<string, string>; value: [number, string] }[] };
  }
  const query = async (expr: string): Promise<Answer> =>
    (await request(port, { target: `/api/v1/query?query=${encodeURIComponent(expr)}` })).json() as Answer;

  beforeAll(async () => {
    const upstream = await startUpstream({ id: 'api-1' });
    const monitor = await freePort();
    port = await freePort();
    const gateway = await startGatewayProcess({
      upstreams: { 'api-1': upstream.url },
      affinity: [{ header: 'x-user-id' }],
      monitor: { listen: `127.0.0.1:${monitor}` },
    });
    for (let user = 0; user < 20; user++)
      await request(gateway.port, { headers: { 'x-user-id': `user-${user}` } });
    const config = readText(`${FOLDER}/prometheus.yaml`)
      .replace('127.0.0.1:9901', `127.0.0.1:${monitor}`)
      .replace('15s', '1s')
      .replace('[stickyroute.rules.yaml]', `["${ROOT}/${FOLDER}/stickyroute.rules.yaml"]`);
    writeFileSync(join(folder, 'prometheus.yaml'), config);
    const prometheus = start(program('prometheus'), [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ]);
    await prometheus.waitForPort(port);
    await until(
      'Prometheus to be ready',
      async () => (await request(port, { target: '/-/ready' })).status === 200,
      20_000,
    );
  }, 40_000);

  it('scrapes the gateway, and answers what it has counted', async () => {
    const expr = 'sum by (route, outcome, code) (stickyroute_requests_total{outcome="keyed"})';
    const found = await until(
      'the scrape',
      async () => {
        const answer = await query(expr);
        return answer.status === 'success' && answer.data.result.length > 0 && answer.data.result;
      },
      15_000,
    );
    expect(found.map(({ metric, value }) => [metric, value[1]])).toEqual([
      [{ route: 'default', outcome: 'keyed', code: '2xx' }, '20'],
    ]);
    const users = await query('stickyroute_bound_users{window="15m"}');
    expect(users.data.result[0]!.value[1]).toBe('20');
    expect((await query('up{job="stickyroute"}')).data.result[0]!.value[1]).toBe('1');
  });

  it('understands every expression of the rules and of the dashboard', async () => {
    for (const { title, expr } of expressions) {
      const filled = expr
        .replaceAll('$job', 'stickyroute')
        .replaceAll('$__rate_interval', '1m')
        .replaceAll(/\$(?:route|pool)/g, '.*');
      expect(await query(filled), `${title}: ${filled}`).toMatchObject({ status: 'success' });
    }
  });

  it('finds no fault in the rules and in the configuration', async () => {
    for (const args of [
      ['rules', `${FOLDER}/stickyroute.rules.yaml`],
      ['config', `${FOLDER}/prometheus.yaml`],
    ]) {
      const checked = await run(program('promtool'), ['check', ...args], { cwd: ROOT });
      expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    }
  });

  it('its alerts come when they should, and not before', async () => {
    const tested = await run(
      program('promtool'),
      ['test', 'rules', `${FOLDER}/stickyroute.rules.test.yaml`],
      {
        cwd: ROOT,
      },
    );
    expect(tested.code, tested.stdout + tested.stderr).toBe(0);
  });
});
