import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../src/control/config/load.js';
import type { Config } from '../../src/control/config/config.js';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';

/* What people write in files of other balancers, each case by itself:
 * what it becomes, and what is said of it. */
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-readings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Read {
  readonly yaml: Record<string, unknown>;
  readonly said: string;
}

function read(from: string, text: string): Read {
  const file = join(folder, 'x.conf');
  writeFileSync(file, text);
  const report = new Report();
  const yaml = importText(
    file,
    'x.conf',
    origins.find(({ name }) => name === from),
    report,
  );
  return { yaml: parse(yaml) as Record<string, unknown>, said: report.lines.join('\n') };
}

/** Also reads what comes out; without certificates, which are not here. */
function usable({ yaml }: Read): Config {
  const { tls: _tls, ...rest } = yaml;
  return parseConfig(JSON.stringify(rest), {
    source: 'x.yaml',
    folder,
    env: { LB_SECRET: 'from the environment', DYN: 'from the environment' },
  });
}

const APP = 'upstream app { server 10.0.0.1:80; server 10.0.0.2:80; }';
const TLS = 'ssl_certificate /a.crt; ssl_certificate_key /a.key;';

describe('nginx', () => {
  it('a server that sends browsers to TLS takes neither the port nor the hosts of the one with the app', () => {
    const found = read(
      'nginx',
      `${APP} server { listen 80 default_server; server_name _; return 301 https://$host$request_uri; } server { listen 443 ssl; server_name _; ${TLS} location / { proxy_pass http://app; } }`,
    );
    expect(found.yaml).toMatchObject({
      listen: 443,
      tls: { cert: '/a.crt', key: '/a.key' },
      upstreams: { '10.0.0.1:80': 'http://10.0.0.1:80' },
    });
  });

  it('a server with a plain port and one with TLS becomes the one with TLS, and never TLS at the plain port', () => {
    const found = read(
      'nginx',
      `${APP} server { listen 80; listen 443 ssl; ${TLS} location / { proxy_pass http://app; } }`,
    );
    expect(found.yaml).toMatchObject({ listen: 443, tls: { cert: '/a.crt' } });
    expect(found.said).toContain('x.conf:1: listening at 80 is not carried over');
  });

  it('a certificate that stands in http is that of its servers', () => {
    expect(
      read('nginx', `http { ${TLS} ${APP} server { listen 443 ssl; location / { proxy_pass http://app; } } }`)
        .yaml,
    ).toMatchObject({ listen: 443, tls: { cert: '/a.crt', key: '/a.key' } });
  });

  it.each(['${PORT}', '8080-8090', '$port'])('listen %s is said, and not taken for 80', (port) => {
    const found = read('nginx', `${APP} server { listen ${port}; location / { proxy_pass http://app; } }`);
    expect(found.yaml).not.toHaveProperty('listen');
    expect(found.said).toContain(`listen ${port} is not carried over`);
  });

  it('a location in a location is a route, too', () => {
    const found = read(
      'nginx',
      `${APP} server { listen 80; location / { proxy_pass http://app; location /in/ { proxy_pass http://10.0.0.9:80; } } }`,
    );
    expect(
      usable(found)
        .routes.map(({ path }) => path)
        .sort(),
    ).toEqual(['/', '/in']);
  });

  it('one path that goes elsewhere than all below it is said', () => {
    expect(
      read(
        'nginx',
        `${APP} server { listen 80; location / { proxy_pass http://app; } location = /in { proxy_pass http://app; proxy_read_timeout 9; } location /in/ { proxy_pass http://10.0.0.9:80; } }`,
      ).said,
    ).toContain('location = /in is not carried over');
  });

  it('the name of an upstream block is the same in any case', () => {
    expect(
      read(
        'nginx',
        'upstream Back { ip_hash; server 10.0.0.1; server 10.0.0.2; } server { location / { proxy_pass http://back; } }',
      ).yaml,
    ).toMatchObject({ affinity: ['ip'], placement: 'nginxIpHash' });
  });

  it('a program in Lua may hold quotes and braces of its own', () => {
    const lua =
      "access_by_lua_block {\n -- don't }\n --[[ } ]] local s = \"}\" local l = [[ } ]] if #t > 0 then ngx.say('{') end }\n";
    expect(
      read('nginx', `${APP}\nserver {\n${lua}location / { proxy_pass http://app; }\n nonsense on; }`).said,
    ).toContain('x.conf:7: nonsense is not carried over');
  });

  it('geo is said, though it has one argument', () => {
    expect(
      read('nginx', `geo $near { default 0; } ${APP} server { location / { proxy_pass http://app; } }`).said,
    ).toContain('geo $near is not carried over');
  });

  it('cookies of sticky cookie are known by route=, and by the address where there is none', () => {
    const found = read(
      'nginx',
      'upstream a { server 10.0.0.1 route=1; server 10.0.0.2 route=_b; server 10.0.0.3; sticky cookie S; } server { location / { proxy_pass http://a; } }',
    );
    expect(found.yaml['affinity']).toMatchObject([
      { cookie: {} },
      {
        acceptCookies: {
          formats: [{ nginx: { name: 'S', upstreams: { 1: '1', _b: 'b' } } }, { nginx: { name: 'S' } }],
        },
      },
    ]);
    expect(usable(found).pools[0]!.upstreams.map(({ id }) => id)).toEqual(['1', 'b', '10.0.0.3:80']);
  });

  it('values of a cookie that are numbers stay what they are, since the app goes on writing them', () => {
    const found = read(
      'nginx',
      'map $cookie_be $g { default a; 2 10.0.0.1:80; 1 10.0.0.2:80; } upstream a { server 10.0.0.1:80; server 10.0.0.2:80; } server { location / { proxy_pass http://$g; } }',
    );
    expect(usable(found).pools[0]!.upstreams.map(({ id }) => id)).toEqual(['2', '1']);
  });

  it('times that are longer than ours can be are written as the longest, and said', () => {
    const found = read(
      'nginx',
      `upstream app { server 10.0.0.1 fail_timeout=1d; } server { location / { proxy_pass http://app; } proxy_read_timeout 86400; proxy_connect_timeout 75s; client_header_timeout 1h; }`,
    );
    expect(usable(found).limits).toMatchObject({
      answerTimeMs: 3_600_000,
      connectTimeMs: 60_000,
      headTimeMs: 300_000,
    });
    expect(found.said.match(/is written as/g)).toHaveLength(4);
  });

  it('an address is hashed as it is written, in any case and at any length', () => {
    const found = read(
      'nginx',
      'upstream app { hash $http_x consistent; server App1:8080; server [0:0::1]:8080; server app2:8080; server app3:08080; } server { location / { proxy_pass http://app; } }',
    );
    expect(usable(found).pools[0]!.upstreams.map(({ url, address }) => address ?? url)).toEqual([
      'App1:8080',
      '[0:0::1]:8080',
      'http://app2:8080',
      'app3:08080',
    ]);
  });

  it.each(['10.0.0.1:99999', '10.0.0.1:0', '10.0.0.300', '[::g]:80'])(
    'server %s is left out, and so is a proxy_pass to it',
    (address) => {
      const found = read(
        'nginx',
        `upstream app { server ${address}; server 10.0.0.2; } server { location / { proxy_pass http://app; } location /x/ { proxy_pass http://${address}; } }`,
      );
      expect(usable(found).pools.map(({ upstreams }) => upstreams.length)).toEqual([1]);
      expect(found.said).toContain(`server ${address} is left out`);
    },
  );

  it('fail_timeout=0 counts no failures', () => {
    expect(
      usable(
        read(
          'nginx',
          'upstream app { server 10.0.0.1 fail_timeout=0; } server { location / { proxy_pass http://app; } }',
        ),
      ).pools[0]!.passive.maxFails,
    ).toBe(0);
  });
});

const DEFAULTS = 'defaults\n mode http\n';

describe('HAProxy', () => {
  it('a page of statistics takes no port from the app', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen stats\n bind :8404\n stats uri /\nfrontend f\n bind :80\n default_backend b\nbackend b\n server a 10.0.0.1:80\n`,
    );
    expect(found.yaml).toMatchObject({ listen: 80 });
    expect(found.said).toContain('x.conf:3: listen stats is not carried over: it leads to no server.');
  });

  it('a frontend with a plain port and TLS becomes the one with TLS; several addresses in a line are said', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}frontend f\n bind :80,:8080\n bind :443 ssl crt /a.pem crt /b.pem\n default_backend b\nbackend b\n server a 10.0.0.1:80\n`,
    );
    expect(found.yaml).toMatchObject({ listen: 443, tls: { cert: '/a.pem' } });
    for (const what of ['listening at 80', 'listening at 8080', 'crt /b.pem'])
      expect(found.said).toContain(`${what} is not carried over`);
  });

  it.each(['${HOST}:80', '*:80-90', 'unix@/run/x'])('bind %s is said', (address) => {
    expect(
      read(
        'haproxy',
        `${DEFAULTS}frontend f\n bind ${address}\n default_backend b\nbackend b\n server a 10.0.0.1:80\n`,
      ).said,
    ).toContain(`bind ${address} is not carried over`);
  });

  it('the address behind the name, as it was until 1.8', () => {
    const found = read('haproxy', `${DEFAULTS}listen app 10.0.0.9:8000\n server a 10.0.0.1:80\n`);
    expect(found.yaml).toMatchObject({ listen: '10.0.0.9:8000' });
    expect(found.said).toBe('');
  });

  it('lines of the front of a listen are not said to be lost', () => {
    expect(read('haproxy', `${DEFAULTS}listen app\n bind :80\n server a 10.0.0.1:80\n`).said).toBe('');
  });

  it('names that are numbers stay what they are, also in the cookie; of two with one value the first counts', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n cookie S insert maxidle 30m maxlife 8h\n server 2 10.0.0.1:80 cookie x\n server 1 10.0.0.2:80 cookie 1\n server _c 10.0.0.3:80 cookie x\n`,
    );
    expect(usable(found).pools[0]!.upstreams.map(({ id }) => id)).toEqual(['2', '1', 'c']);
    expect(found.yaml['affinity']).toMatchObject([
      { cookie: { idle: '30m', absolute: '8h' } },
      {
        acceptCookies: {
          formats: [{ haproxy: { name: 'S', upstreams: { x: '2', 1: '1' }, maxIdle: '30m', maxLife: '8h' } }],
        },
      },
    ]);
  });

  it('a cookie in defaults binds the users of every backend whose servers have a value for it', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS} cookie S insert\nlisten l\n bind :80\n server a 10.0.0.1:80 cookie A\n`,
    );
    expect(found.yaml['affinity']).toMatchObject([
      { cookie: {} },
      { acceptCookies: { formats: [{ haproxy: { name: 'S', upstreams: { A: 'a' } } }] } },
    ]);
    expect(
      read('haproxy', `${DEFAULTS} cookie S insert\nlisten l\n bind :80\n server a 10.0.0.1:80\n`).yaml[
        'affinity'
      ],
    ).toEqual([]);
  });

  it('dynamic cookies beside one with a value of its own are two formats; the key may be in the environment', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n cookie S insert dynamic\n dynamic-cookie-key "\${DYN}"\n server a 10.0.0.1:80\n server b 10.0.0.2:80 cookie B\n`,
    );
    usable(found);
    expect(found.yaml['affinity']).toMatchObject([
      {},
      {
        acceptCookies: {
          formats: [{ haproxy: { upstreams: { B: 'b' } } }, { haproxy: { dynamicKey: '${DYN}' } }],
        },
      },
    ]);
  });

  it('default-server goes for the servers behind it; server-template takes numbers', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n balance source\n hash-type consistent\n server a 10.0.0.1:80\n default-server weight 7\n server-template t 2-4 app:80\n server b 10.0.0.2:80\n`,
    );
    expect(usable(found).pools[0]!.upstreams).toMatchObject([
      { weight: 1, haproxyId: 1 },
      { weight: 7, haproxyId: 5 },
    ]);
  });

  it('of servers that verify and servers that do not, none is left unverified', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n server a 10.0.0.1:443 ssl verify none\n server b 10.0.0.2:443 ssl verify required ca-file /ca.pem\n`,
    );
    expect(found.yaml['upstreamTls']).toEqual({ ca: '/ca.pem' });
    expect(found.said).toContain('server a: verify and ca-file are those of b here');
  });

  it('probes: what differs from ours is said, and the result is usable', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS} timeout check 10s\n timeout server 0\nlisten l\n bind :80\n option httpchk\n http-check send meth GET uri /h hdr Host x\n server a 10.0.0.1:80 check inter 2s port 81\n server b 10.0.0.2:80\n`,
    );
    expect(usable(found).pools[0]!.health).toMatchObject({ everyMs: 2000, timeoutMs: 2000 });
    for (const what of [
      'http-check send … hdr',
      'port 81',
      'timeout server 0',
      'server b is probed here though it has no check',
      'health.timeout is written as 2s',
    ])
      expect(found.said).toContain(what);
  });

  it('every line of a stick table is said; one beside a hash changes nothing', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n balance hdr(x-user)\n stick-table type ip size 1m\n stick on src\n stick store-response res.cook(S)\n server a 10.0.0.1:80\n`,
    );
    expect(found.yaml['affinity']).toEqual([{ header: 'x-user' }]);
    expect(found.said).toMatch(
      /stick on src is not carried over.*\n.*stick store-response res\.cook\(S\) is not carried over/,
    );
  });

  it.each([
    ['option forwardfor header X-Client', 'option forwardfor header X-Client'],
    ['balance url_param u check_post', 'check_post is not carried over'],
    ['balance hdr(X-Forwarded-For)', 'before the first'],
    ['server b 10.0.0.2:80 weight 50%', 'weight 50% is not carried over'],
    ['server b 10.0.0.2:443 ssl verify none sni str(www.x.org)', 'sni str(www.x.org) is not carried over'],
  ])('%s is said', (line, message) => {
    expect(
      read('haproxy', `${DEFAULTS}listen l\n bind :80\n ${line}\n server a 10.0.0.1:80\n`).said,
    ).toContain(message);
  });

  it('an id that is no number, or is there twice, is said', () => {
    const found = read(
      'haproxy',
      `${DEFAULTS}listen l\n bind :80\n balance source\n hash-type consistent\n server a 10.0.0.1:80 id x\n server b 10.0.0.2:80 id 7\n server c 10.0.0.3:80 id 7\n server d 10.0.0.4:99999\n`,
    );
    expect(usable(found).pools[0]!.upstreams).toHaveLength(3);
    expect(found.said).toMatch(
      /id x is not carried over: it is no number.*\n.*id 7 is not carried over: another one has it/,
    );
  });

  it('a path and all below it are one route, and nothing is said to be lost', () => {
    expect(
      read(
        'haproxy',
        `${DEFAULTS}frontend f\n bind :80\n use_backend b if { path /a } || { path_beg /a/ }\nbackend b\n server a 10.0.0.1:80\n`,
      ).said,
    ).not.toContain('already');
  });
});

describe('Caddy', () => {
  it('lines of one kind in a matcher are alternatives', () => {
    const found = read(
      'caddy',
      ':80 {\n @a {\n  path /a/*\n  path /b/*\n }\n reverse_proxy @a 10.0.0.1:80\n}\n',
    );
    expect(usable(found).routes.map(({ path }) => path)).toEqual(['/a', '/b']);
  });

  it('a timeout of probes without an interval', () => {
    expect(
      usable(
        read('caddy', ':80 {\n reverse_proxy 10.0.0.1:80 {\n  health_uri /h\n  health_timeout 60s\n }\n}\n'),
      ).pools[0]!.health,
    ).toMatchObject({ everyMs: 30_000, timeoutMs: 30_000 });
  });

  it('a secret in the environment stays there, and the life of a cookie is kept', () => {
    const found = read(
      'caddy',
      ':80 {\n reverse_proxy 10.0.0.1:80 {\n  lb_policy cookie lb {$LB_SECRET} {\n   max_age 1h\n   fallback first\n  }\n }\n}\n',
    );
    usable(found);
    expect(found.yaml['affinity']).toMatchObject([
      { cookie: { absolute: '3600s' } },
      { acceptCookies: { formats: [{ caddy: { name: 'lb', secret: '${LB_SECRET}' } }] } },
    ]);
  });

  it('a secret that looks like our way to read the environment is text', () => {
    const found = read(
      'caddy',
      ':80 {\n reverse_proxy 10.0.0.1:80 {\n  lb_policy cookie lb x${HOME}y\n }\n}\n',
    );
    expect(found.yaml['affinity']).toMatchObject([
      {},
      { acceptCookies: { formats: [{ caddy: { secret: 'x$${HOME}y' } }] } },
    ]);
    usable(found);
  });

  it('an upstream that is there twice is left out, and so is a range of ports that is too long', () => {
    const found = read(
      'caddy',
      ':80 {\n reverse_proxy 10.0.0.1:80 10.0.0.1:80 10.0.0.2:9000-9002 10.0.0.3:1-9999\n}\n',
    );
    expect(usable(found).pools[0]!.upstreams).toHaveLength(4);
    expect(found.said).toMatch(/10\.0\.0\.1:80 is left out: it is there twice/);
    expect(found.said).toMatch(/10\.0\.0\.3:1-9999 is left out: it stands for more than 100/);
  });

  it('an upstream is hashed as it is written, in any case and at any length', () => {
    const found = read(
      'caddy',
      ':80 {\n reverse_proxy App1:8080 [0:0::1]:8080 app2:8080 {\n  lb_policy header X-User\n }\n}\n',
    );
    expect(usable(found).pools[0]!.upstreams.map(({ url, address }) => address ?? url)).toEqual([
      'App1:8080',
      '[0:0::1]:8080',
      'http://app2:8080',
    ]);
  });

  it('a text over several lines is passed over', () => {
    const found = read(
      'caddy',
      ':80 {\n respond /a <<HTML\n  <b>"`{</b>\n  HTMLX\n  HTML 200\n reverse_proxy 10.0.0.1:80\n nonsense\n}\n',
    );
    expect(found.said).toContain('x.conf:7: nonsense is not carried over');
    usable(found);
  });

  it('a site that only redirects takes no port', () => {
    expect(
      read(
        'caddy',
        'http://example.org {\n redir https://{host}{uri}\n}\n:8080 {\n reverse_proxy 10.0.0.1:80\n}\n',
      ).yaml,
    ).toMatchObject({ listen: 8080 });
  });
});
