import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { rendezvous } from '../../src/route/placement/index.js';
import { freePort, freePorts } from '../support/ports.js';
import { start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { mixedVisits, onlyHomes, printedSeed, spread, users } from './crowd.js';
import { startTestGateway } from './gateway.js';

const IDS = ['api-1', 'api-2', 'api-3'];

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-nginx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Real nginx in one process, so that a kill leaves no worker behind. */
async function startNginx(name: string, http: string, port: number): Promise<void> {
  const file = join(folder, `${name}.conf`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${join(folder, `${name}-${what}`)};`)
    .join(' ');
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(folder, `${name}.pid`)}; error_log stderr warn; events { worker_connections 1024; }\nhttp { access_log off; ${paths}\n${http}\n}\n`,
  );
  const nginx = start(program('nginx'), ['-p', folder, '-c', file]);
  await nginx.waitForPort(port);
}

skipUnless('nginx')('with nginx', () => {
  it('in front, as a trusted proxy: the address that it forwards decides, whatever the client claims', async () => {
    const upstreams = await startUpstreams(3);
    const gateway = await startTestGateway({
      upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
      affinity: ['ip'],
      trustedProxies: ['127.0.0.1'],
    });
    const port = await freePort();
    await startNginx(
      'front',
      `
      upstream stickyroute { server 127.0.0.1:${gateway.port}; keepalive 8; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://stickyroute;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_set_header Host $host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_set_header X-Forwarded-Proto $scheme;
        }
      }`,
      port,
    );
    const placement = rendezvous(IDS);
    // nginx itself comes from 127.0.0.1; these are its clients.
    const everybody = users(60, (_, at) => ({
      localAddress: `127.0.3.${at + 1}`,
      headers: { 'X-Forwarded-For': `203.0.113.${at % 7}, 127.0.0.1` },
    }));
    const home = onlyHomes(
      await mixedVisits(
        port,
        everybody.map((user) => user),
        5,
        printedSeed(),
      ),
    );
    expect(Object.fromEntries(home)).toEqual(
      Object.fromEntries(
        everybody.map(({ name, request: { localAddress } }) => [name, placement.get(localAddress!)]),
      ),
    );
    console.log(`behind nginx: ${JSON.stringify(spread(home))}`);
    expect(Object.keys(spread(home))).toEqual(IDS);

    const { headers } = (
      await request(port, {
        localAddress: '127.0.3.1',
        headers: { Host: 'shop.example', 'X-Forwarded-For': '203.0.113.9' },
      })
    ).json() as { headers: Record<string, string> };
    expect(headers).toMatchObject({
      host: 'shop.example',
      'x-real-ip': '127.0.3.1',
      'x-forwarded-for': '203.0.113.9, 127.0.3.1, 127.0.0.1',
    });
    await gateway.close();
  });

  it('as the upstreams, closing their connections again and again: 2 000 requests without a failure', async () => {
    const ports = await freePorts(3);
    await startNginx(
      'upstreams',
      `
      keepalive_requests 7;
      keepalive_timeout 50ms;
      ${ports.map((port, at) => `server { listen 127.0.0.1:${port}; location / { add_header X-Connection $connection; default_type application/json; return 200 '{"id":"${IDS[at]!}"}'; } }`).join('\n')}`,
      ports[2]!,
    );
    const gateway = await startTestGateway({
      upstreams: Object.fromEntries(IDS.map((id, at) => [id, `http://127.0.0.1:${ports[at]!}`])),
      affinity: [{ header: 'x-user-id' }],
    });
    const placement = rendezvous(IDS);
    const connections = new Set<string>();
    let left = 2000;
    const odd: unknown[] = [];
    await Promise.all(
      Array.from({ length: 25 }, async (_, at) => {
        let client = await connect(gateway.port);
        while (left-- > 0) {
          const name = `user-${left % 100}`;
          const answer = await client.request({
            method: at % 5 === 0 ? 'PUT' : 'GET',
            ...(at % 5 === 0 && { body: 'x'.repeat(300) }),
            headers: { 'x-user-id': name },
          });
          // nginx answers before it has read the body; then the gateway can't use the connection again.
          if (answer.header('connection') === 'close') {
            client.destroy();
            client = await connect(gateway.port);
          }
          connections.add(`${answer.header('x-upstream')} ${answer.header('x-connection')}`);
          const { id } = answer.json() as { id: string };
          if (answer.status !== 200 || id !== placement.get(name) || answer.header('x-upstream') !== id)
            odd.push([answer.status, name, id, answer.text()]);
        }
      }),
    );
    expect(odd).toEqual([]);
    console.log(`2 000 requests over ${connections.size} connections to nginx`);
    expect(connections.size).toBeGreaterThanOrEqual(Math.floor(2000 / 7));
    expect(gateway.log.filter(({ to }) => to === 'down')).toEqual([]);
    await gateway.close();
  });
});
