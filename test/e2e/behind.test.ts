import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { blocks } from '../docs/blocks.js';
import { freePort } from '../support/ports.js';
import { start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-behind-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A block of docs/behind.md that holds this text, with ports that are free. */
function printed(text: string, port: number, gateway: number): string {
  const block = blocks.find((each) => each.page === 'docs/behind.md' && each.text.includes(text));
  if (block === undefined) throw new Error(`docs/behind.md has no block with ${text}`);
  return block.text.replaceAll(':8000', `:${port}`).replaceAll(':8080', `:${gateway}`);
}

async function gatewayFor(settings: object): Promise<{ upstream: FakeUpstream; port: number }> {
  const upstream = await startUpstream();
  const gateway = await startTestGateway({
    upstreams: { [upstream.id]: upstream.url },
    affinity: ['ip'],
    trustedProxies: ['127.0.0.1'],
    ...settings,
  });
  return { upstream, port: gateway.port };
}

/** What the docs promise of each: the client's address, the host, and a tunnel. */
async function works(port: number, upstream: FakeUpstream): Promise<void> {
  const client = await connect(port, { localAddress: '127.0.0.7' });
  expect(
    (await client.request({ target: '/x', headers: { Host: 'shop.example', 'X-Forwarded-For': '9.9.9.9' } }))
      .status,
  ).toBe(200);
  const seen = upstream.seen.at(-1)!;
  expect(seen.header('x-real-ip')).toBe('127.0.0.7');
  expect(seen.header('x-forwarded-host')).toBe('shop.example');
  expect(seen.header('x-forwarded-proto')).toBe('http');
  // The same connection again, so that it was kept.
  expect((await client.request({ target: '/y' })).status).toBe(200);
  const answer = await request(port, { localAddress: '127.0.0.8', target: '/z' });
  expect(answer.status).toBe(200);
  expect(upstream.seen.at(-1)!.header('x-real-ip')).toBe('127.0.0.8');
}

skipUnless('nginx')('behind nginx, as printed', () => {
  it('the client is known', async () => {
    const { upstream, port: gateway } = await gatewayFor({});
    const port = await freePort();
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((what) => `${what}_temp_path ${join(folder, what)};`)
      .join(' ');
    const file = join(folder, 'nginx.conf');
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr warn; events {}\nhttp { access_log off; ${paths}\n${printed('proxy_pass', port, gateway)}}\n`,
    );
    await start(program('nginx'), ['-p', folder, '-c', file]).waitForPort(port);
    await works(port, upstream);
  });
});

skipUnless('haproxy')('behind HAProxy, as printed', () => {
  const defaults = 'defaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n';

  async function startHaproxy(text: string, port: number): Promise<void> {
    const file = join(folder, `haproxy-${port}.cfg`);
    writeFileSync(file, `global\n  maxconn 100\n${defaults}${text}`);
    await start(program('haproxy'), ['-db', '-f', file]).waitForPort(port);
  }

  it('by HTTP, the client is known', async () => {
    const { upstream, port: gateway } = await gatewayFor({});
    const port = await freePort();
    await startHaproxy(printed('option forwardfor', port, gateway), port);
    await works(port, upstream);
  });

  it.each(['send-proxy-v2', 'send-proxy'])('by TCP with %s, the client is known', async (how) => {
    const { upstream, port: gateway } = await gatewayFor({ proxyProtocol: true });
    const port = await freePort();
    await startHaproxy(printed('send-proxy-v2', port, gateway).replace('send-proxy-v2', how), port);
    const client = await connect(port, { localAddress: '127.0.0.7' });
    expect((await client.request({ target: '/x', headers: { 'X-Forwarded-For': '9.9.9.9' } })).status).toBe(
      200,
    );
    expect(upstream.seen.at(-1)!.header('x-forwarded-for')).toBe('127.0.0.7');
    const other = await request(port, { localAddress: '127.0.0.8', target: '/z' });
    expect([other.status, upstream.seen.at(-1)!.header('x-real-ip')]).toEqual([200, '127.0.0.8']);
  });
});

skipUnless('caddy')('behind Caddy, as printed', () => {
  it('the client is known', async () => {
    const { upstream, port: gateway } = await gatewayFor({});
    const port = await freePort();
    const file = join(folder, 'Caddyfile');
    writeFileSync(file, `{\n  admin off\n  auto_https off\n}\n${printed('reverse_proxy', port, gateway)}`);
    await start(program('caddy'), ['run', '--config', file, '--adapter', 'caddyfile'], {
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    }).waitForPort(port);
    await works(port, upstream);
  });
});
