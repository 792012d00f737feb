import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';

/*
 * What keeps strangers out there must not be gone without a word here: the route is a comment until somebody
 * has looked at it.
 */
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-doors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(from: string, text: string, accept = false) {
  const file = join(folder, 'lb.conf');
  writeFileSync(file, text);
  const report = new Report();
  const yaml = importText(
    file,
    'lb.conf',
    origins.find(({ name }) => name === from),
    report,
    { accept },
  );
  const value = parse(yaml) as {
    routes?: { match: { host?: string; path: string } }[] | null;
    upstreams?: object;
  };
  const open =
    value.upstreams === undefined
      ? (value.routes ?? []).map(({ match: { host = '', path } }) => `${host}${path}`)
      : ['/'];
  return { yaml, open, doors: report.count('door'), lines: report.lines, summary: report.summary };
}

const UP = 'upstream app { server 10.0.0.1:80; }\nupstream adm { server 10.0.0.9:80; }\n';
const PASS = 'proxy_pass http://app; proxy_set_header Host $host;';
const ROOT = `location / { ${PASS} }`;
const nginx = (lines: string): string => `http { ${UP} server { listen 80; ${lines} } }`;

describe('nginx: what keeps requests out opens a door', () => {
  it.each<[string, string, string[]]>([
    ['a password for the server', `auth_basic "x"; auth_basic_user_file h; ${ROOT}`, []],
    [
      'a password for one location',
      `${ROOT} location /admin/ { auth_basic "x"; auth_basic_user_file h; proxy_pass http://adm; }`,
      ['/'],
    ],
    [
      'a password for one location of the same upstream',
      `${ROOT} location /admin/ { auth_basic "x"; ${PASS} }`,
      [],
    ],
    [
      'a password that one location takes back',
      `auth_basic "x"; location / { ${PASS} } location /health/ { auth_basic off; proxy_pass http://adm; }`,
      ['/health'],
    ],
    ['addresses', `location / { allow 10.0.0.0/8; deny all; ${PASS} }`, []],
    ['addresses of the server', `allow 10.0.0.0/8; deny all; ${ROOT}`, []],
    ['either of two', `satisfy any; allow 10.0.0.0/8; deny all; auth_basic "x"; ${ROOT}`, []],
    ['a client certificate', `ssl_client_certificate ca.pem; ssl_verify_client on; ${ROOT}`, []],
    [
      'a client certificate that the app looks at',
      `ssl_verify_client optional; location / { ${PASS} proxy_set_header X-Client $ssl_client_s_dn; }`,
      [],
    ],
    [
      'a question to another server',
      `location / { auth_request /auth; ${PASS} } location = /auth { internal; proxy_pass http://adm; }`,
      [],
    ],
    ['a token', `location / { auth_jwt "api"; auth_jwt_key_file k; ${PASS} }`, []],
    ['internal', `${ROOT} location /secret/ { internal; ${PASS} }`, []],
    ['methods', `location / { limit_except GET { deny all; } ${PASS} }`, []],
    [
      'referers',
      `location / { valid_referers none blocked example.org; if ($invalid_referer) { return 403; } ${PASS} }`,
      [],
    ],
    [
      'signed links',
      `location / { secure_link $arg_md5; secure_link_md5 "x"; if ($secure_link = "") { return 403; } ${PASS} }`,
      [],
    ],
    ['a condition in the server', `if ($bad_bot) { return 403; } ${ROOT}`, []],
    ['a path that is denied', `${ROOT} location /internal/ { deny all; }`, []],
    ['a path that answers 403', `${ROOT} location /internal/ { return 403; }`, []],
    ['a pattern that is denied', `${ROOT} location ~ /\\.git { deny all; }`, []],
    ['a program', `location / { access_by_lua_block { ngx.exit(403) } ${PASS} }`, []],
    ['a field that says who it is', `location / { ${PASS} proxy_set_header X-User $remote_user; }`, []],
    ['a field that is taken away', `location / { ${PASS} proxy_set_header X-Admin ""; }`, []],
    ['a file that is not here', `location / { include snippets/auth.conf; ${PASS} }`, []],
    ['a firewall', `modsecurity on; ${ROOT}`, []],
  ])('%s', (_, lines, expected) => {
    const found = read('nginx', nginx(lines));
    expect(found.open, found.yaml).toEqual(expected);
    expect(found.doors).toBeGreaterThan(0);
    expect(found.yaml).toContain('# opens a door: lb.conf:');
    const accepted = read('nginx', nginx(lines), true);
    expect(accepted.open).toContain('/');
  });

  it.each<[string, string, string[]]>([
    ['nothing of the kind', ROOT, ['/']],
    ['a password that is off', `auth_basic off; ${ROOT}`, ['/']],
    ['an expiry', `location / { expires 1h; ${PASS} }`, ['/']],
    ['files behind a password', `${ROOT} location /files/ { auth_basic "x"; root /srv; }`, ['/']],
    ['its own state', `${ROOT} location /nginx_status { stub_status; allow 127.0.0.1; deny all; }`, ['/']],
    ['redirections', `${ROOT} location /old { return 301 /new; }`, ['/']],
    [
      'usual fields',
      `location / { ${PASS} proxy_set_header X-Real-IP $remote_addr; proxy_set_header Accept-Encoding ""; }`,
      ['/'],
    ],
  ])('%s does not', (_, lines, expected) => {
    const found = read('nginx', nginx(lines));
    expect([found.open, found.doors], found.yaml).toEqual([expected, 0]);
  });

  it('a server of another port or socket is not public', () => {
    const text = `http { ${UP} server { listen 80; server_name a.org; ${ROOT} } server { listen 80; server_name b.org; ${ROOT} }
      server { listen 127.0.0.1:9000; server_name c.org; location / { proxy_pass http://adm; } }
      server { listen 8443 ssl; ssl_certificate c; ssl_certificate_key k; server_name d.org; location / { proxy_pass http://adm; } }
      server { listen unix:/run/x.sock; server_name e.org; location / { proxy_pass http://adm; } } }`;
    const found = read('nginx', text);
    expect(found.open.sort()).toEqual(['/', 'a.org/', 'b.org/']);
    expect(found.doors).toBe(3);
  });

  it('nor where the whole file is one line', () => {
    const text = `http { ${UP.replaceAll('\n', ' ')} server { listen 80; ${ROOT} } server { listen 80; server_name b.org; auth_basic x; ${ROOT} } server { listen 127.0.0.1:9000; server_name c.org; location / { proxy_pass http://adm; } } }`;
    expect(read('nginx', text).open).toEqual(['/']);
  });

  it('says why something leads to no upstream, and what is stripped', () => {
    const { lines } = read(
      'nginx',
      nginx(`${ROOT} location /php/ { fastcgi_pass unix:/run/php.sock; } location /v/ { set $up http://x; proxy_pass $up; }
        location /api/ { proxy_pass http://app/; } location /img/ { root /srv; access_log off; }`),
    );
    const text = lines.join('\n');
    expect(text).toContain('FastCGI');
    expect(text).toContain('it is a variable');
    expect(text).toContain('opens a door: lb.conf:4: proxy_pass http://app/ takes /api/ away from the path');
    expect(text).toContain('harmless: lb.conf:4: access_log off');
    expect(read('nginx', nginx(`${ROOT} location /img/ { ${PASS} access_log off; }`)).yaml).not.toMatch(
      /^accessLog/m,
    );
  });
});

const HAPROXY = (front: string, back = '', more = ''): string =>
  `defaults\n mode http\nfrontend f\n bind :80\n${front} default_backend app\nbackend app\n${back} server a 10.0.0.1:80\n${more}`;

describe('HAProxy: what keeps requests out opens a door', () => {
  it.each<[string, string, string[]]>([
    ['a password', HAPROXY(' http-request auth unless { http_auth(users) }\n'), []],
    ['addresses', HAPROXY(' acl lan src 10.0.0.0/8\n http-request deny if !lan\n'), []],
    ['addresses of connections', HAPROXY(' tcp-request connection reject if { src 192.0.2.0/24 }\n'), []],
    ['a path', HAPROXY(' http-request deny if { path_beg /internal }\n'), []],
    ['in the backend', HAPROXY('', ' http-request deny unless { src 10.0.0.0/8 }\n'), []],
    [
      'a backend without servers',
      HAPROXY(' acl bad src 192.0.2.1\n use_backend no if bad\n', '', 'backend no\n http-request deny\n'),
      [],
    ],
    [
      'a client certificate',
      HAPROXY('').replace(':80\n', ':443 ssl crt a.pem ca-file b.pem verify required\n'),
      [],
    ],
    ['a socket', HAPROXY('').replace('bind :80', 'bind /run/x.sock'), []],
    ['a field that is taken away', HAPROXY(' http-request del-header X-Admin\n'), []],
    ['a field that says who it is', HAPROXY(' http-request set-header X-User %[ssl_c_s_dn]\n'), []],
    ['a status', HAPROXY(' http-request return status 403 if { path_beg /x }\n'), []],
    [
      'one host of two',
      HAPROXY(
        ' acl a hdr(host) a.org\n use_backend adm if a\n http-request deny if a !{ src 10.0.0.0/8 }\n',
        '',
        'backend adm\n server b 10.0.0.2:80\n',
      ),
      [],
    ],
    [
      'one backend of two',
      HAPROXY(
        ' use_backend adm if { hdr(host) a.org }\n',
        '',
        'backend adm\n http-request auth\n server b 10.0.0.2:80\n',
      ),
      ['/'],
    ],
  ])('%s', (_, text, expected) => {
    const found = read('haproxy', text);
    expect(found.open, found.yaml).toEqual(expected);
    expect(found.doors).toBeGreaterThan(0);
    expect(read('haproxy', text, true).open).toContain('/');
  });

  it.each<[string, string]>([
    ['nothing of the kind', HAPROXY('')],
    [
      'a limit of requests',
      HAPROXY(' http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 }\n'),
    ],
    [
      'usual fields',
      HAPROXY(
        ' option forwardfor\n http-request set-header X-Forwarded-Proto https\n http-request del-header Proxy\n',
      ),
    ],
  ])('%s does not', (_, text) => {
    const found = read('haproxy', text);
    expect([found.open, found.doors]).toEqual([['/'], 0]);
  });
});

describe('Caddy: what keeps requests out opens a door', () => {
  const site = (lines: string, address = ':80'): string =>
    `${address} {\n${lines}\n reverse_proxy 10.0.0.1:80\n}\n`;

  it.each<[string, string, string[]]>([
    ['a password', site(' basic_auth {\n  u $2a$14$x\n }'), []],
    ['a password, as it was written', site(' basicauth /admin/* {\n  u $2a$14$x\n }'), []],
    ['a question to another server', site(' forward_auth authelia:9091 {\n  uri /api/verify\n }'), []],
    ['addresses', site(' @out not remote_ip 10.0.0.0/8\n respond @out 403'), []],
    ['a text and a status', site(' @out path /internal/*\n respond @out "no" 403'), []],
    ['abort', site(' @bad header User-Agent *bot*\n abort @bad'), []],
    ['an error', site(' error /private/* 403'), []],
    [
      'a client certificate',
      site(' tls a.pem b.pem {\n  client_auth {\n   mode require_and_verify\n  }\n }', 'a.org'),
      [],
    ],
    ['a socket', site(' bind unix//run/x.sock'), []],
    ['a field that is taken away', ':80 {\n reverse_proxy 10.0.0.1:80 {\n  header_up -X-Admin\n }\n}\n', []],
    [
      'a field that says who it is',
      ':80 {\n reverse_proxy 10.0.0.1:80 {\n  header_up X-User {http.auth.user.id}\n }\n}\n',
      [],
    ],
    ['a snippet that is not here', site(' import auth'), []],
    ['a token', site(' authorize with policy'), []],
    [
      'one handle of two',
      ':80 {\n handle /admin/* {\n  basic_auth {\n   u h\n  }\n  reverse_proxy 10.0.0.2:80\n }\n handle {\n  reverse_proxy 10.0.0.1:80\n }\n}\n',
      ['/'],
    ],
  ])('%s', (_, text, expected) => {
    const found = read('caddy', text);
    expect(found.open, found.yaml).toEqual(expected);
    expect(found.doors).toBeGreaterThan(0);
  });

  it('a site on another port is not public, and TLS without files is not written in clear', () => {
    const found = read(
      'caddy',
      'a.org {\n reverse_proxy a:80\n}\nb.org {\n reverse_proxy a:80\n}\nc.org:8443 {\n reverse_proxy c:80\n}\n',
    );
    expect(found.open).toEqual(['a.org/', 'b.org/']);
    expect(found.yaml).toContain('listen: 443\ntls:\n  cert: cert.pem');
  });

  it('nothing of the kind does not', () => {
    const found = read('caddy', site(' encode gzip\n header X-A b'));
    expect([found.open, found.doors]).toEqual([['/'], 0]);
  });
});

describe('what changes the path there is a comment, and no other route is', () => {
  it.each<[string, string, string, string[], string[]]>([
    [
      'nginx: a stripped prefix',
      'nginx',
      nginx(`${ROOT} location /api/ { proxy_pass http://adm/; }`),
      ['/'],
      ['/', '/api'],
    ],
    [
      'nginx: another prefix',
      'nginx',
      nginx(`${ROOT} location /api/ { proxy_pass http://10.0.0.7/v1/; }`),
      ['/'],
      ['/', '/api'],
    ],
    [
      'nginx: rewrite',
      'nginx',
      nginx(`${ROOT} location /api/ { rewrite ^/api/(.*) /$1 break; proxy_pass http://adm; }`),
      ['/'],
      ['/', '/api'],
    ],
    [
      'nginx: a location in it that changes nothing',
      'nginx',
      nginx(`location /a/ { proxy_pass http://adm/; location /a/b/ { ${PASS} } }`),
      ['/a/b'],
      ['/a', '/a/b'],
    ],
    [
      'HAProxy: set-path in one backend',
      'haproxy',
      `defaults\n mode http\nfrontend f\n bind :80\n use_backend b if { path_beg /api/ }\n default_backend app\nbackend app\n server a 10.0.0.1:80\nbackend b\n http-request set-path %[path,regsub(^/api,)]\n server b 10.0.0.2:80\n`,
      ['/'],
      ['/api', '/'],
    ],
    [
      'Caddy: handle_path',
      'caddy',
      ':80 {\n handle_path /api/* {\n  reverse_proxy 10.0.0.2:80\n }\n handle {\n  reverse_proxy 10.0.0.1:80\n }\n}\n',
      ['/'],
      ['/api', '/'],
    ],
    [
      'Caddy: strip_prefix',
      'caddy',
      ':80 {\n handle /api/* {\n  uri strip_prefix /api\n  reverse_proxy 10.0.0.2:80\n }\n handle {\n  reverse_proxy 10.0.0.1:80\n }\n}\n',
      ['/'],
      ['/api', '/'],
    ],
    [
      'Caddy: rewrite of one proxy',
      'caddy',
      ':80 {\n handle /api/* {\n  reverse_proxy 10.0.0.2:80 {\n   rewrite /v1{uri}\n  }\n }\n handle {\n  reverse_proxy 10.0.0.1:80\n }\n}\n',
      ['/'],
      ['/api', '/'],
    ],
  ])('%s', (_, from, text, shut, accepted) => {
    const found = read(from, text);
    expect([found.open, found.doors], found.yaml).toEqual([shut, 1]);
    expect(found.yaml).toMatch(/another part of the upstream would answer/);
    expect(read(from, text, true).open).toEqual(accepted);
  });

  it('a redirection and a changed query do not', () => {
    expect(read('nginx', nginx(`location / { rewrite ^/old /new permanent; ${PASS} }`)).doors).toBe(0);
    expect(read('caddy', ':80 {\n rewrite * ?a=b\n reverse_proxy 10.0.0.1:80\n}\n').doors).toBe(0);
  });
});

describe('what counts for a part there counts for all here only where all agree', () => {
  const two = (first: string, second: string): string =>
    nginx(`location /a/ { ${first} proxy_pass http://adm; } location / { ${second} ${PASS} }`);
  const hap = (defaults: string, first: string, second: string): string =>
    `defaults\n mode http\n${defaults}frontend f\n bind :80\n use_backend b if { path_beg /b/ }\n default_backend app\nbackend app\n${first} server a 10.0.0.1:80\nbackend b\n${second} server b 10.0.0.2:80\n`;
  const caddy = (first: string, second: string): string =>
    `:80 {\n handle /a/* {\n  reverse_proxy 10.0.0.2:80 {\n${first}\n  }\n }\n handle {\n  reverse_proxy 10.0.0.1:80 {\n${second}\n  }\n }\n}\n`;
  const transport = (line: string): string => `transport http {\n${line}\n}`;

  it.each<[string, string, string, RegExp | undefined, RegExp | undefined]>([
    ['nginx, one of two', 'nginx', two('proxy_read_timeout 300s;', ''), undefined, /answerTime 300s is not/],
    [
      'nginx, two of two',
      'nginx',
      two('proxy_read_timeout 300s;', 'proxy_read_timeout 6m;'),
      undefined,
      /answerTime 300s is not/,
    ],
    [
      'nginx, two alike',
      'nginx',
      two('proxy_read_timeout 300s;', 'proxy_read_timeout 300s;'),
      /answerTime: 300s/,
      undefined,
    ],
    [
      'nginx, a server and one location of it',
      'nginx',
      nginx(
        `proxy_read_timeout 90s; location /a/ { proxy_read_timeout 300s; proxy_pass http://adm; } ${ROOT}`,
      ),
      undefined,
      /answerTime 90s is not[^]*answerTime 300s|answerTime 300s is not[^]*answerTime 90s/,
    ],
    [
      'nginx, all and one location',
      'nginx',
      two('proxy_read_timeout 300s;', '').replace('http {', 'http { proxy_read_timeout 90s;'),
      /answerTime: 90s/,
      /answerTime 300s is not carried over: .*where 90s counts/,
    ],
    [
      'nginx, a location that passes nothing on',
      'nginx',
      nginx(`proxy_read_timeout 90s; ${ROOT} location /x { return 204; proxy_read_timeout 5s; }`),
      /answerTime: 90s/,
      undefined,
    ],
    [
      'nginx, the upstream told to some',
      'nginx',
      two('add_header X-Upstream $upstream_addr;', ''),
      undefined,
      /expose true is not/,
    ],
    [
      'HAProxy, one backend',
      'haproxy',
      hap(' timeout server 30s\n', ' timeout server 10m\n', ''),
      undefined,
      /answerTime 10m is not[^]*answerTime 30s|answerTime 30s is not[^]*answerTime 10m/,
    ],
    ['HAProxy, defaults', 'haproxy', hap(' timeout server 30s\n', '', ''), /answerTime: 30s/, undefined],
    [
      'HAProxy, both backends',
      'haproxy',
      hap(' timeout server 30s\n', ' timeout server 9s\n', ' timeout server 9s\n'),
      /answerTime: 9s/,
      undefined,
    ],
    ['HAProxy, tries of one', 'haproxy', hap('', ' retries 1\n', ''), undefined, /tries 2 is not/],
    [
      'Caddy, one proxy',
      'caddy',
      caddy(transport('dial_timeout 2s'), ''),
      undefined,
      /connectTime 2s is not/,
    ],
    [
      'Caddy, both',
      'caddy',
      caddy(transport('dial_timeout 2s'), transport('dial_timeout 2s')),
      /connectTime: 2s/,
      undefined,
    ],
    [
      'Caddy, proxies that one of two trusts',
      'caddy',
      caddy('trusted_proxies 10.0.0.0/8', ''),
      undefined,
      /trustedProxies .* is not/,
    ],
  ])('%s', (_, from, text, written, said) => {
    const { yaml, lines } = read(from, text);
    const settings = yaml.replace(/#.*/g, '');
    if (written === undefined) expect(settings).not.toMatch(/limits:|expose:|trustedProxies:/);
    else expect(settings).toMatch(written);
    if (said === undefined) expect(lines.join('\n')).not.toMatch(/counts for a part there/);
    else expect(lines.join('\n')).toMatch(said);
  });
});

describe('what leads to no upstream says why', () => {
  it.each<[string, string, string, string]>([
    [
      'servers of DNS',
      'haproxy',
      HAPROXY(' use_backend dyn if { path_beg /d/ }\n', '', 'backend dyn\n server-template w 3 x.test:80\n'),
      'found by DNS while HAProxy runs',
    ],
    [
      'FastCGI of HAProxy',
      'haproxy',
      HAPROXY(
        ' use_backend php if { path_beg /d/ }\n',
        '',
        'backend php\n use-fcgi-app php\n server p 10.0.0.3:9000 proto fcgi\nfcgi-app php\n docroot /srv\n',
      ),
      'speak FastCGI',
    ],
    [
      'dynamic',
      'caddy',
      ':80 {\n reverse_proxy /d/* {\n  dynamic srv x.test\n }\n reverse_proxy a:80\n}\n',
      'found by DNS while Caddy runs',
    ],
    [
      'FastCGI of Caddy',
      'caddy',
      ':80 {\n php_fastcgi /d/* unix//x\n reverse_proxy a:80\n}\n',
      'speaks FastCGI',
    ],
    ['files', 'caddy', ':80 {\n file_server /d/*\n reverse_proxy a:80\n}\n', 'it serves files'],
    [
      'a placeholder',
      'caddy',
      ':80 {\n reverse_proxy /d/* {http.vars.up}\n reverse_proxy a:80\n}\n',
      'known only while Caddy runs',
    ],
  ])('%s', (_, from, text, why) => {
    expect(read(from, text).lines.join('\n')).toContain(why);
  });
});

it('counts the notes at the end', () => {
  const { summary } = read('nginx', nginx(`auth_basic x; gzip on; ${ROOT}`));
  expect(summary).toMatch(/^1 opens a door, \d+ behaves? differently, 2 are harmless$/);
});
