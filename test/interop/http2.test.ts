import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/control/index.js';
import { exportText, targets } from '../../src/interop/export.js';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';

/* How HTTP/2, on either side, is written by other balancers. */
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-http2-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(from: string, text: string): { yaml: unknown; said: string } {
  const file = join(folder, 'x.conf');
  writeFileSync(file, text);
  const report = new Report();
  const origin = origins.find(({ name }) => name === from);
  return { yaml: parse(importText(file, 'x.conf', origin, report)), said: report.lines.join('\n') };
}

const TLS = 'ssl_certificate /a.crt; ssl_certificate_key /a.key;';
const frontend = (bind: string): string =>
  `defaults\n mode http\nfrontend in\n bind ${bind}\n default_backend app\nbackend app\n`;

describe('an import reads HTTP/2', () => {
  it.each([
    [
      'nginx',
      `upstream app { server 10.0.0.1:50051; } server { listen 443 ssl http2; ${TLS} location / { grpc_pass grpc://app; grpc_set_header X-Real-IP $remote_addr; } }`,
      { http2: true, upstreamHttp2: true, upstreams: { '10.0.0.1:50051': 'http://10.0.0.1:50051' } },
    ],
    [
      'nginx',
      `server { listen 443 ssl; http2 on; ${TLS} location / { grpc_pass grpcs://10.0.0.1:50051; grpc_read_timeout 5m; } }`,
      {
        http2: true,
        upstreamHttp2: true,
        upstreamTls: { insecure: true },
        upstreams: { '10.0.0.1:50051': 'https://10.0.0.1:50051' },
        limits: { answerTime: '300s' },
      },
    ],
    [
      'nginx',
      'server { listen 80; location / { grpc_pass 10.0.0.1:50051; } }',
      { upstreamHttp2: true, upstreams: { '10.0.0.1:50051': 'http://10.0.0.1:50051' } },
    ],
    [
      'nginx',
      'upstream a { server 10.0.0.1; } server { listen 80; location / { proxy_pass http://a; } location /rpc { grpc_pass a; } }',
      { pools: { a: { upstreams: {} }, 'a-2': { http2: true } } },
    ],
    [
      'haproxy',
      `${frontend(':443 ssl crt /a.pem alpn h2,http/1.1')} server s1 10.0.0.1:50051 proto h2\n`,
      { http2: true, upstreamHttp2: true, upstreams: { s1: 'http://10.0.0.1:50051' } },
    ],
    [
      'haproxy',
      `${frontend(':80')} server s1 10.0.0.1:50051 ssl alpn h2 verify none\n`,
      { upstreamHttp2: true, upstreams: { s1: 'https://10.0.0.1:50051' } },
    ],
    [
      'caddy',
      ':80 {\n reverse_proxy h2c://10.0.0.1:50051 h2c://10.0.0.2:50051\n}\n',
      { upstreamHttp2: true, upstreams: { '10.0.0.1:50051': 'http://10.0.0.1:50051' } },
    ],
    [
      'caddy',
      ':80 {\n reverse_proxy 10.0.0.1:50051 {\n transport http {\n versions h2c 2\n }\n }\n}\n',
      { upstreamHttp2: true },
    ],
  ])('%s: %s', (from, text, expected) => {
    const { yaml, said } = read(from, text);
    expect(yaml).toMatchObject(expected);
    expect(said).not.toMatch(/grpc|http2|proto|alpn|versions/);
  });

  it('and says where a part of it can’t be carried over', () => {
    const mixed = read(
      'haproxy',
      `${frontend(':80')} server s1 10.0.0.1:1 proto h2\n server s2 10.0.0.1:2\n`,
    );
    expect(mixed.yaml).not.toHaveProperty('upstreamHttp2');
    expect(mixed.said).toMatch(/s1: HTTP\/2 is not carried over, because s2/);
    const either = read('haproxy', `${frontend(':80')} server s1 10.0.0.1:1 ssl alpn h2,http/1.1\n`);
    expect(either.yaml).not.toHaveProperty('upstreamHttp2');
    expect(either.said).toMatch(/alpn h2,http\/1.1 is not carried over/);
    expect(
      read('caddy', ':80 {\n reverse_proxy a:1 {\n transport http {\n versions 1.1 2\n }\n }\n}\n').yaml,
    ).not.toHaveProperty('upstreamHttp2');
  });
});

describe('an export writes HTTP/2', () => {
  const write = (
    target: string,
    config: object,
    version?: readonly number[],
  ): { text: string; said: string } => {
    const report = new Report();
    const found = targets.find(({ name }) => name === target)!;
    const text = exportText(found, readConfig(config), 'x.yaml', version, report);
    return { text, said: report.lines.join('\n') };
  };
  const plain = { listen: 8080, upstreams: { a: 'http://10.0.0.1:1' }, upstreamHttp2: true };
  const secure = { ...plain, upstreams: { a: 'https://10.0.0.1:1' } };

  it.each([
    ['haproxy', plain, undefined, /server a 10\.0\.0\.1:1 .*proto h2/],
    ['haproxy', secure, undefined, /server a 10\.0\.0\.1:1 .*alpn h2 ssl verify/],
    ['caddy', plain, undefined, /versions h2c/],
    ['caddy', secure, undefined, /versions 2/],
    ['nginx', plain, [1, 29, 4], /proxy_http_version 2;/],
    ['envoy', plain, undefined, /http2_protocol_options/],
    ['envoy', secure, undefined, /alpn_protocols/],
    [
      'envoy',
      { ...plain, health: { grpc: 'shop.Cart' } },
      undefined,
      /grpc_health_check[^]*service_name: "?shop.Cart/,
    ],
  ])('%s: %o', (target, config, version, expected) => {
    expect(write(target, config, version).text).toMatch(expected);
  });

  it('and says what an older nginx and gRPC probes lose', () => {
    expect(write('nginx', plain).said).toMatch(/upstreamHttp2.*1\.29\.4/);
    for (const target of ['caddy', 'haproxy'])
      expect(write(target, { ...plain, health: { grpc: '' } }).said).toMatch(/health.*not by gRPC/);
  });
});
