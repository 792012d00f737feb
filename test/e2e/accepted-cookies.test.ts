import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/ports.js';
import { run, start } from '../support/processes.js';
import { program, skipUnless } from '../support/programs.js';
import { request, type RawResponse } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { startTestGateway, type TestGateway } from './gateway.js';

const PAST = '2020-01-01';
const FUTURE = '2120-01-01T12:00:00Z';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-accepted-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let upstreams: FakeUpstream[];
let gateway: TestGateway;

beforeAll(async () => {
  upstreams = await startUpstreams(4);
  gateway = await startTestGateway(settings({}, FUTURE));
});

function settings(format: object, until: string): object {
  const formats = Object.keys(format).length === 0 ? [{ tomcat: {} }] : [format];
  return {
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    affinity: [{ cookie: {} }, { acceptCookies: { until, formats } }],
  };
}

const get = (port: number, cookie?: string, target = '/'): Promise<RawResponse> =>
  request(port, { target, ...(cookie !== undefined && { headers: { Cookie: cookie } }) });
const servedBy = (answer: RawResponse): string => (answer.json() as { id: string }).id;
const pairs = (answer: RawResponse): string[] =>
  answer
    .headers('set-cookie')
    .map((text) => text.slice(0, text.indexOf(';') === -1 ? undefined : text.indexOf(';')));

/**
 * Asks the balancer, without a cookie, until each upstream has answered, and returns the cookie that came
 * with each.
 */
async function cookiesOf(port: number, name: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let tries = 0; found.size < upstreams.length && tries < 500; tries++) {
    const answer = await get(port);
    const pair = pairs(answer).find((text) => text.startsWith(`${name}=`));
    if (answer.status === 200 && pair !== undefined) found.set(servedBy(answer), pair);
  }
  expect([...found.keys()].sort()).toEqual(upstreams.map(({ id }) => id));
  return found;
}

/**
 * The promise of a move: whoever comes with the old cookie stays where it was, and needs that cookie no more.
 */
async function expectTakenOver(
  format: object,
  cookies: ReadonlyMap<string, string>,
  damage = (cookie: string) => cookie.replace(/=./, '=!'),
  ofDamaged = 'balanced (unreadable)',
): Promise<void> {
  const next = (until: string) => gateway.reload(settings(format, until));
  await next(FUTURE);
  for (const [id, cookie] of cookies) {
    const first = await get(gateway.port, `theme=dark; ${cookie}; lang=en`);
    expect([servedBy(first), first.header('x-affinity')], cookie).toEqual([id, 'bound by acceptCookies']);
    const [sealed = '', ...more] = pairs(first);
    expect(sealed).toMatch(/^sr=[\w-]{80}$/);
    expect(more).toEqual([]);
    const second = await get(gateway.port, sealed);
    expect([servedBy(second), second.header('x-affinity'), pairs(second)]).toEqual([
      id,
      'bound by cookie',
      [],
    ]);
    // Browsers go on sending the old one beside it.
    const third = await get(gateway.port, `${cookie}; ${sealed}`);
    expect([servedBy(third), third.header('x-affinity'), pairs(third)]).toEqual([id, 'bound by cookie', []]);
    const damaged = await get(gateway.port, damage(cookie));
    expect(damaged.header('x-affinity')).toBe(ofDamaged);
  }
  await next(PAST);
  for (const cookie of cookies.values())
    expect((await get(gateway.port, cookie)).header('x-affinity')).toBe('balanced');
}

skipUnless('haproxy')('the cookies of HAProxy', () => {
  /** HAProxy in front of the same upstreams; `lines` go into its backend section. */
  async function startHaproxy(name: string, lines: string, withValues: boolean): Promise<number> {
    const port = await freePort();
    const file = join(folder, `${name}.cfg`);
    const servers = upstreams
      .map(
        (upstream, at) =>
          `  server s${at + 1} 127.0.0.1:${upstream.port}${withValues ? ` cookie v${at + 1}` : ''}`,
      )
      .join('\n');
    writeFileSync(
      file,
      `global\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\nfrontend front\n  bind 127.0.0.1:${port}\n  default_backend back\nbackend back\n  balance roundrobin\n${lines}\n${servers}\n`,
    );
    const haproxy = start(program('haproxy'), ['-db', '-f', file]);
    await haproxy.waitForPort(port);
    return port;
  }
  const named = () => Object.fromEntries(upstreams.map(({ id }, at) => [`v${at + 1}`, id]));

  it('insert, with a value on each line', async () => {
    const port = await startHaproxy('insert', '  cookie SERVERID insert indirect nocache', true);
    const cookies = await cookiesOf(port, 'SERVERID');
    expect(cookies.get('api-2')).toBe('SERVERID=v2');
    await expectTakenOver({ haproxy: { name: 'SERVERID', upstreams: named() } }, cookies);
  });

  it('insert with maxidle and maxlife', async () => {
    const port = await startHaproxy(
      'dates',
      '  cookie SERVERID insert indirect nocache maxidle 30m maxlife 8h',
      true,
    );
    const cookies = await cookiesOf(port, 'SERVERID');
    expect(cookies.get('api-2')).toMatch(/^SERVERID=v2\|[\w+/]{5}\|[\w+/]{5}$/);
    await expectTakenOver(
      { haproxy: { name: 'SERVERID', upstreams: named(), maxIdle: '30m', maxLife: '8h' } },
      cookies,
    );
    // HAProxy and this gateway agree about what is too old.
    await gateway.reload(
      settings({ haproxy: { name: 'SERVERID', upstreams: named(), maxIdle: '30m', maxLife: '8h' } }, FUTURE),
    );
    for (const [idleMinutes, lifeHours, isFollowed] of [
      [25, 7, true],
      [35, 7, false],
      [25, 9, false],
      [-60, -1, true],
    ] as const) {
      const date = (ms: number) => encodeDate(Date.now() - ms);
      const cookie = `SERVERID=v2|${date(idleMinutes * 60_000)}|${date(lifeHours * 3_600_000)}`;
      const theirs = await Promise.all(Array.from({ length: 5 }, () => get(port, cookie)));
      expect(
        theirs.every((answer) => servedBy(answer) === 'api-2'),
        cookie,
      ).toBe(isFollowed);
      expect((await get(gateway.port, cookie)).header('x-affinity')).toMatch(
        isFollowed ? /^bound by acceptCookies$/ : /\(expired\)$/,
      );
    }
  });

  it('dynamic', async () => {
    const port = await startHaproxy(
      'dynamic',
      '  cookie SERVERID insert indirect nocache dynamic\n  dynamic-cookie-key a-shared-key',
      false,
    );
    const cookies = await cookiesOf(port, 'SERVERID');
    expect(cookies.get('api-2')).toMatch(/^SERVERID=[0-9a-f]{16}$/);
    await expectTakenOver({ haproxy: { name: 'SERVERID', dynamicKey: 'a-shared-key' } }, cookies);
  });

  it('prefix: the app gets its own value back, on every request and also after until', async () => {
    for (const upstream of upstreams)
      upstream.behaviour = {
        kind: 'answer',
        headers: [['Set-Cookie', `APP=session~of-${upstream.id}; Path=/`]],
      };
    const port = await startHaproxy('prefix', '  cookie APP prefix nocache', true);
    const format = { haproxy: { name: 'APP', prefix: true, upstreams: named() } };
    const held = new Map<string, string>();
    for (let tries = 0; held.size < upstreams.length && tries < 50; tries++) {
      const [pair = ''] = pairs(await get(port));
      held.set(`api-${/^APP=v(\d)~session/.exec(pair)![1]!}`, pair);
    }
    for (const upstream of upstreams) upstream.behaviour = { kind: 'answer' };
    const cookies = new Map([...held].sort());
    // To the app a tilde is a character like any other.
    await expectTakenOver(format, cookies, (cookie) => cookie.replace(/=./, '=!'), 'balanced');

    for (const until of [FUTURE, PAST]) {
      await gateway.reload(settings(format, until));
      for (const [id, cookie] of cookies) {
        const sent = `a=1;  ${cookie}; b="v1~x" ; APP2=v1~x; APP=v1x~y`;
        const first = await get(gateway.port, sent);
        const seen = (answer: RawResponse): string =>
          (answer.json() as { headers: Record<string, string> }).headers['cookie']!;
        expect(seen(first)).toBe(`a=1;  APP=session~of-${id}; b="v1~x" ; APP2=v1~x; APP=v1x~y`);
        const sealed = pairs(first)[0]!;
        // The gateway's own cookie is not the app's business.
        expect(seen(await get(gateway.port, `${sealed}; ${cookie}`))).toBe(`APP=session~of-${id}`);
        // And that is what HAProxy gives it.
        if (until === FUTURE)
          expect(seen(await get(port, `a=1; ${cookie}; b=2`))).toBe(`a=1; APP=session~of-${id}; b=2`);
      }
    }
  });
});

skipUnless('caddy')('the cookies of Caddy', () => {
  async function startCaddy(name: string, policy: string): Promise<number> {
    const port = await freePort();
    const file = join(folder, `${name}.Caddyfile`);
    const to = upstreams.map((upstream) => `127.0.0.1:${upstream.port}`).join(' ');
    writeFileSync(
      file,
      `{\n  admin off\n  auto_https off\n}\nhttp://:${port} {\n  bind 127.0.0.1\n  reverse_proxy ${to} {\n    lb_policy ${policy}\n  }\n}\n`,
    );
    const caddy = start(program('caddy'), ['run', '--adapter', 'caddyfile', '--config', file], {
      env: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
    await caddy.waitForPort(port);
    return port;
  }

  it('with a secret', async () => {
    const port = await startCaddy('secret', 'cookie affinity "a caddy secret"');
    const cookies = await cookiesOf(port, 'affinity');
    expect(cookies.get('api-2')).toMatch(/^affinity=[0-9a-f]{64}$/);
    await expectTakenOver({ caddy: { name: 'affinity', secret: 'a caddy secret' } }, cookies);
    await gateway.reload(settings({ caddy: { name: 'affinity', secret: 'another secret' } }, FUTURE));
    for (const cookie of cookies.values())
      expect((await get(gateway.port, cookie)).header('x-affinity')).toMatch(/\(gone\)$/);
  });

  it('without one', async () => {
    const port = await startCaddy('plain', 'cookie');
    await expectTakenOver({ caddy: {} }, await cookiesOf(port, 'lb'));
  });
});

skipUnless('nginx')('the cookies of nginx', () => {
  /**
   * Undefined where this nginx is older than its `sticky` (1.29.6), as it is in most distributions: then only
   * vectors test its cookies.
   */
  async function startNginx(name: string, withRoutes: boolean): Promise<number | undefined> {
    const port = await freePort();
    const file = join(folder, `${name}.conf`);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((what) => `${what}_temp_path ${join(folder, what)};`)
      .join(' ');
    const members = upstreams
      .map((upstream, at) => `server 127.0.0.1:${upstream.port}${withRoutes ? ` route=r${at + 1}` : ''};`)
      .join(' ');
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${join(folder, `${name}.pid`)}; error_log stderr warn; events { worker_connections 64; }
      http { access_log off; ${paths} upstream back { ${members} sticky cookie srv_id; } server { listen 127.0.0.1:${port}; location / { proxy_pass http://back; } } }`,
    );
    const check = await run(program('nginx'), ['-t', '-p', folder, '-c', file]);
    if (check.code !== 0) {
      expect(check.stderr).toMatch(/unknown directive "sticky"|invalid parameter "route=/);
      console.log('this nginx has no sticky: its cookies are tested by vectors only');
      return undefined;
    }
    await start(program('nginx'), ['-p', folder, '-c', file]).waitForPort(port);
    return port;
  }

  it.each<[string, boolean, () => unknown]>([
    ['by address', false, () => 'srv_id'],
    [
      'by route=',
      true,
      () => ({
        name: 'srv_id',
        upstreams: Object.fromEntries(upstreams.map(({ id }, at) => [`r${at + 1}`, id])),
      }),
    ],
  ])('sticky cookie %s, where this nginx has it', async (title, withRoutes, options) => {
    const port = await startNginx(title.replace(/\W/g, ''), withRoutes);
    if (port !== undefined) await expectTakenOver({ nginx: options() }, await cookiesOf(port, 'srv_id'));
  });
});

skipUnless('apache2')('the cookies of Apache', () => {
  async function startApache(name: string, stickysession: string): Promise<number> {
    const port = await freePort();
    const file = join(folder, `${name}.conf`);
    const modules = join(dirname(program('apache2')), '../lib/apache2/modules');
    const loaded = [
      'mpm_event',
      'authz_core',
      'proxy',
      'proxy_http',
      'proxy_balancer',
      'slotmem_shm',
      'lbmethod_byrequests',
      'headers',
    ].map((module) => `LoadModule ${module}_module ${join(modules, `mod_${module}.so`)}`);
    const members = upstreams.map(
      (upstream, at) => `BalancerMember http://127.0.0.1:${upstream.port} route=r${at + 1}`,
    );
    writeFileSync(
      file,
      [
        ...loaded,
        'User #65534',
        'Group #65534',
        'ServerName localhost',
        `Listen 127.0.0.1:${port}`,
        `ServerRoot ${folder}`,
        `DefaultRuntimeDir ${folder}`,
        `PidFile ${join(folder, `${name}.pid`)}`,
        // Its stderr is a socket here, and Apache can't open that.
        `ErrorLog ${join(folder, `${name}.log`)}`,
        '<Proxy balancer://back>',
        ...members,
        `ProxySet stickysession=${stickysession}`,
        '</Proxy>',
        'ProxyPass / balancer://back/',
        'Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED',
        '',
      ].join('\n'),
    );
    await start(program('apache2'), ['-X', '-f', file]).waitForPort(port);
    return port;
  }
  const routes = () => Object.fromEntries(upstreams.map(({ id }, at) => [`r${at + 1}`, id]));

  it('a cookie of its own, as its manual sets it', async () => {
    const port = await startApache('routeid', 'ROUTEID');
    const cookies = await cookiesOf(port, 'ROUTEID');
    expect(cookies.get('api-2')).toBe('ROUTEID=.r2');
    await expectTakenOver(
      { apache: { name: 'ROUTEID', upstreams: routes() } },
      cookies,
      (cookie) => `${cookie}!`,
    );
  });

  it('a session id with a route, in the cookie or in the path', async () => {
    const port = await startApache('session', 'JSESSIONID|jsessionid');
    await gateway.reload(settings({ tomcat: { upstreams: routes() } }, FUTURE));
    for (const [cookie, target, id] of [
      ['JSESSIONID=3F2A.r2', '/shop', 'api-2'],
      ['a=b; JSESSIONID=3F2A.r3', '/shop?x=y', 'api-3'],
      ['a=b', '/shop/cart;jsessionid=3F2A.r4?x=y', 'api-4'],
      ['JSESSIONID=3F2A.r2', '/shop;jsessionid=3F2A.r1', 'api-1'],
    ] as const) {
      const theirs = await Promise.all(Array.from({ length: 5 }, () => get(port, cookie, target)));
      expect(theirs.map(servedBy), `${cookie} ${target}`).toEqual(theirs.map(() => id));
      const ours = await get(gateway.port, cookie, target);
      expect([servedBy(ours), ours.header('x-affinity')], `${cookie} ${target}`).toEqual([
        id,
        'bound by acceptCookies',
      ]);
    }
  });
});

/** 30 bits of base64, in units of four seconds. */
function encodeDate(ms: number): string {
  const units = Math.floor(ms / 4000);
  return [24, 18, 12, 6, 0]
    .map(
      (shift) =>
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'[
          Math.floor(units / 2 ** shift) % 64
        ],
    )
    .join('');
}
