import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { version } from '../../src/control/version.js';
import { readConfig, startGateway, type RunningGateway } from '../../src/control/index.js';
import { startUpstream } from '../support/upstream.js';
import { askAdmin } from './admin-client.js';

/* Holds docs/openapi.json, the document that runs, and what is really answered, together. */

const FILE = new URL('../../docs/openapi.json', import.meta.url);
let gateway: RunningGateway;
let document: any;

beforeAll(async () => {
  const { id, url } = await startUpstream({ id: 'api-1' });
  gateway = await startGateway(
    readConfig({
      listen: '127.0.0.1:0',
      upstreams: { [id]: url, 'api-2': 'http://127.0.0.1:9' },
      health: { path: '/', every: '100ms' },
      admin: { listen: '127.0.0.1:0', write: true },
    }),
    { file: { name: 'stickyroute.yaml', read: () => readConfig({ upstreams: { [id]: url } }) } },
  );
  document = (await askAdmin(gateway.adminAddress!, '/openapi.json')).json();
});
afterAll(() => gateway.close());

/** Of a status that an operation of the document promises. */
function schemaOf(method: string, path: string, status: number): z.ZodType {
  const promised = document.paths[path][method.toLowerCase()].responses[status];
  expect(promised, `${method} ${path} promises no ${status}`).toBeDefined();
  const { $ref } = promised.content['application/json'].schema;
  const $defs = definitions();
  return z.fromJSONSchema({ ...$defs[$ref.split('/').at(-1)], $defs });
}

function definitions(): any {
  return JSON.parse(
    JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
  );
}

/** After a change of the API: UPDATE_GOLDEN=1 npx vitest run test/admin/openapi.test.ts */
it('docs/openapi.json is the document that the gateway serves', () => {
  const served = { ...document, info: { ...document.info, version: version() } };
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(FILE, `${JSON.stringify(served, null, 2)}\n`);
  expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(served);
});

it('everything that it names answers, and as it says', async () => {
  const bodies: Record<string, object> = { weight: { weight: 2 }, explain: { url: '/', cookie: 'sr=x' } };
  const operations = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
  );
  expect(operations.length).toBeGreaterThan(12);
  for (const [method, template] of operations) {
    const path = template.replace('{pool}', 'default').replace('{upstream}', 'api-2');
    const body = method === 'GET' ? undefined : (bodies[path.split('/').at(-1)!] ?? {});
    const answer = await askAdmin(gateway.adminAddress!, path, { method, body });
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(200);
    schemaOf(method, template, 200).parse(answer.json());
  }
});

it('refusals are as it says', async () => {
  for (const [method, template, path, ask, status] of [
    ['GET', '/pools/{pool}', '/pools/none', {}, 404],
    [
      'POST',
      '/pools/{pool}/upstreams/{upstream}/drain',
      '/pools/default/upstreams/x/drain',
      { body: {} },
      404,
    ],
    ['POST', '/explain', '/explain', { body: { url: 7 } }, 400],
    ['POST', '/explain', '/explain', { body: 'x', headers: { 'content-type': 'text/plain' } }, 415],
    ['POST', '/explain', '/explain', { body: ' '.repeat(70_000) }, 413],
    ['GET', '/status', '/status', { headers: { host: 'example.org' } }, 421],
    ['GET', '/status', '/status', { headers: { origin: 'http://example.org' } }, 403],
  ] as const) {
    const answer = await askAdmin(gateway.adminAddress!, path, { method, ...ask });
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBe(status);
    schemaOf(method, template, status).parse(answer.json());
  }
});

it('a schema of it refuses what is otherwise', () => {
  expect(schemaOf('GET', '/status', 200).safeParse({ version: 1 }).success).toBe(false);
});
