import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StickyError } from '../../src/base/errors.js';
import { loadConfig, parseConfig } from '../../src/control/config/load.js';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';
import { seededRandom } from '../../src/testing/seeded-random.js';

/*
 * Attack: a file that hangs the command line, fills the memory or ends in a stack trace. Every file here is
 * as long as it takes for work that grows with the square of the length to need minutes; the bound is in
 * seconds of the processor, so that a machine with other work to do passes.
 */
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CHARACTERS = 150_000;
const CPU_SECONDS_MAX = 40;

function many(part: (at: number) => string, characters = CHARACTERS): string {
  const parts: string[] = [];
  for (let at = 0, length = 0; length < characters; at++) length += parts[parts.push(part(at)) - 1]!.length;
  return parts.join('');
}

/** Runs it within the bound; what it throws must be an error for a person, of a length that one can read. */
function bounded(run: () => unknown): void {
  const before = process.cpuUsage();
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(StickyError);
    expect((error as Error).message.length).toBeLessThan(1_200_000);
  }
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(CPU_SECONDS_MAX);
}

function read(text: string, from: string): string {
  const file = join(folder, 'hostile.conf');
  writeFileSync(file, text.slice(0, 1024 * 1024));
  const report = new Report();
  const origin = origins.find(({ name }) => name === from);
  const yaml = importText(file, 'hostile.conf', origin, report);
  expect(report.lines.length).toBeLessThan(3000);
  return yaml;
}

const UPSTREAM = 'upstream a { server 10.0.0.1; }\n';
const LOCATION = 'location / { proxy_pass http://a; }';
const server = (lines: string): string => `${UPSTREAM}server { ${lines} ${LOCATION} }`;
const FRONT = 'defaults\n mode http\nfrontend f\n bind :80\n';
const BACK = ' default_backend b\nbackend b\n server a 10.0.0.1:80\n';

describe('attack: a file of another balancer that takes for ever', () => {
  it.each<[string, string]>([
    ['a directive of 100 000 words', server(`foo ${'a '.repeat(100_000)};`)],
    ['a word without end', server(`listen ${'a'.repeat(4000)}!;`)],
    ['long brackets of Lua that are not closed', server(`access_by_lua_block { ${'[['.repeat(150_000)} }`)],
    ['comments of Lua that are not closed', server(`access_by_lua_block { ${'--[=[ '.repeat(50_000)} }`)],
    ['quotes of Lua that are not closed', server(`access_by_lua_block { ${'"\\'.repeat(150_000)} }`)],
    [
      'brackets of Lua of a thousand levels',
      server(`content_by_lua_block { ${many((at) => `[${'='.repeat(at % 900)}[`)} }`),
    ],
    [
      'locations beyond count',
      `${UPSTREAM}server { ${many((at) => `location /l${at} { proxy_pass http://a; }\n`)} }`,
    ],
    [
      'locations of one path each',
      `${UPSTREAM}server { ${many((at) => `location = /l${at} { proxy_pass http://a; }\n`)} ${LOCATION} }`,
    ],
    [
      'names times locations',
      server(
        `server_name ${many((at) => `h${at}.x `, 100_000)}; ${many((at) => `location /l${at}/ { proxy_pass http://a; }`, 100_000)}`,
      ),
    ],
    [
      'servers beyond count',
      UPSTREAM + many((at) => `server { listen ${(at % 60_000) + 1}; server_name h${at}; ${LOCATION} }\n`),
    ],
    ['upstreams of one name', `upstream a { ${'server h; '.repeat(30_000)} } server { ${LOCATION} }`],
    [
      'maps that double',
      many((at) => `map $m${at + 1} $m${at} { a $m${at + 1}; b $m${at + 1}; }\n`, 2000) +
        server('proxy_set_header x $m0;'),
    ],
    [
      'keys that double',
      many((at) => `map $m${at + 1} $m${at} { default $m${at + 1}; "" $m${at + 1}; }\n`, 2000) +
        `upstream a { hash $m0; server h; } server { ${LOCATION} }`,
    ],
    ['unknown directives', server(many((at) => `nonsense${at} on;\n`))],
    ['blocks in blocks', 'a {'.repeat(100_000)],
    ['200 000 directives in an include', `include part.conf;\n${server('')}`],
  ])('nginx: %s', (_, text) => {
    writeFileSync(join(folder, 'part.conf'), 'a;\n'.repeat(190_000));
    bounded(() => read(text, 'nginx'));
  });

  it.each<[string, string]>([
    [
      'an ACL of many lines, asked for many times',
      `${FRONT}${many((at) => ` acl a hdr(host) h${at}\n`, 150_000)}${' use_backend b if a || a || a || a\n'.repeat(4000)}${BACK}`,
    ],
    [
      'defaults from defaults from defaults',
      `defaults d0\n mode http\n${many((at) => `defaults d${at + 1} from d${at}\n retries 3\n`)}${FRONT}${BACK}`,
    ],
    ['templates of 9999 servers', `${FRONT}${BACK}${many((at) => ` server-template w${at}- 1-9999 x:80\n`)}`],
    [
      'backends beyond count',
      `${FRONT}${many((at) => ` use_backend b${at} if { path /p${at} }\n`)}${BACK}${many((at) => `backend b${at}\n server a 10.0.0.1:80\n`)}`,
    ],
    [
      'servers and their defaults',
      `${FRONT}${BACK}${many((at) => ` default-server weight ${at % 200}\n server s${at} h${at}:80\n`)}`,
    ],
    ['variables', `${FRONT}${BACK}${many((at) => ` http-request set-var(txn.k) req.hdr(x${at})\n`)}`],
    ['an address without end', `${FRONT}${BACK} server x ${'a:'.repeat(30_000)}x\n`],
    ['binds', `${FRONT}${many((at) => ` bind 10.0.0.1:${(at % 60_000) + 1}\n`)}${BACK}`],
  ])('HAProxy: %s', (_, text) => {
    bounded(() => read(text, 'haproxy'));
  });

  it.each<[string, string]>([
    [
      'arguments of snippets that multiply',
      `${many((at) => `(s${at}) {\n import s${at + 1} {args[0]}{args[0]}{args[0]}{args[0]}\n}\n`, 700)}:80 {\n import s0 ${'x'.repeat(100)}\n reverse_proxy a:80\n}\n`,
    ],
    [
      'snippets that multiply',
      `${many((at) => `(s${at}) {\n import s${at + 1} a\n import s${at + 1} b\n}\n`, 600)}:80 {\n import s0\n reverse_proxy a:80\n}\n`,
    ],
    [
      'a long argument many times',
      `(s) {\n respond ${'{args[0]}'.repeat(1800)}\n}\n:80 {\n${` import s ${'x'.repeat(10_000)}\n`.repeat(30)} reverse_proxy a:80\n}\n`,
    ],
    ['ranges of ports', `:80 {\n reverse_proxy ${many((at) => `h${at}:100-199 `)}\n}\n`],
    [
      'paths times paths',
      `:80 {\n@a path ${many((at) => `/p${at}/* `)}\nhandle @a {\n@b path ${many((at) => `/p${at}/* `)}\nhandle @b {\nreverse_proxy a:80\n}\n}\n}\n`,
    ],
    [
      'matchers',
      `:80 {\n${many((at) => `@a${at} path /x${at}\nhandle @a${at} {\nreverse_proxy a:80\n}\n`)}}\n`,
    ],
    ['sites', many((at) => `h${at}.x {\n reverse_proxy a:80\n}\n`)],
    ['a word without end', 'a'.repeat(CHARACTERS)],
  ])('Caddy: %s', (_, text) => {
    bounded(() => read(text, 'caddy'));
  });

  it.each(origins.map(({ name }) => name))(
    '%s: files drawn at random end in an answer or in words',
    (from) => {
      const random = seededRandom(12);
      const parts = {
        nginx: [
          'server',
          ' ',
          '{',
          '}',
          ';',
          '\n',
          'location /a/ ',
          'proxy_pass http://a',
          'upstream a',
          '"',
          "'",
          '\\',
          '$',
          '#',
          'map $a $b',
          'listen 80',
          'auth_basic x',
          'if ($a) ',
          'return 403',
          '\u0000',
          'é',
          'include x',
          '_by_lua_block',
          '[[',
          'server_name a.b',
        ],
        haproxy: [
          'frontend f\n',
          'backend b\n',
          'listen l\n',
          'defaults\n mode http\n',
          ' ',
          '\n',
          '"',
          "'",
          '\\',
          '#',
          ' bind :80\n',
          ' server a 10.0.0.1:80',
          ' acl a path_beg /x\n',
          ' use_backend b if a\n',
          ' http-request deny if a\n',
          ' default_backend b\n',
          ' balance hdr(x)\n',
          ' cookie S insert\n',
          '{',
          '}',
          '||',
          '!',
          '\u0000',
          ' id 99999999999',
          ' weight x',
        ],
        caddy: [
          ':80',
          ' {',
          '\n',
          '}\n',
          'reverse_proxy a:80',
          'handle /a/*',
          '@a path /x',
          'import a',
          '(a)',
          '{args[0]}',
          '"',
          '`',
          '<<A',
          'A\n',
          '\\',
          '#',
          ' ',
          'basic_auth',
          'tls',
          'bind 127.0.0.1',
          'route',
          'lb_policy cookie',
          'respond 403',
          ',',
          '\u0000',
        ],
      }[from as 'nginx'];
      for (let round = 0; round < 1500; round++) {
        let text = '';
        for (let count = random.below(40); count > 0; count--) text += parts[random.below(parts.length)]!;
        bounded(() => read(text, from));
      }
    },
  );
});

describe('attack: a configuration that takes for ever', () => {
  const BASE = 'upstreams: { a: http://127.0.0.1:1 }\n';

  it.each<[string, string]>([
    ['30 000 aliases', `${BASE}x: &a 1\ny: [${'*a,'.repeat(30_000)}]`],
    ['aliases of a long text', `${BASE}x: &a ${'v'.repeat(100_000)}\ny: [${'*a,'.repeat(30_000)}]`],
    [
      'aliases that grow',
      many((at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(10)}]\n`, 500).replace(/^/, 'a0: &a0 1\n'),
    ],
    ['60 000 unknown keys', BASE + many((at) => `key${at}: 1\n`, 600_000)],
    ['one key many times', BASE + 'key: 1\n'.repeat(40_000)],
    ['lists in lists', '['.repeat(100_000)],
    ['maps in maps', '{a: '.repeat(50_000)],
    [
      'routes with a cookie each',
      `pools: { p: { upstreams: [http://a:1] } }\nroutes:\n${many((at) => ` - { match: { host: h${at}.x }, pool: p }\n`)}`,
    ],
    [
      'routes to pools that are not there',
      `pools:\n${many((at) => ` p${at}: { upstreams: [http://a:1] }\n`)}routes:\n${many((at) => ` - { match: { host: h${at}.x }, pool: q }\n`)}`,
    ],
    ['many keys', `${BASE}keys: [${many((at) => `"k${at}012345678901234567890123456789", `)}]`],
    ['references that are not closed', `upstreams: { a: "${'${'.repeat(150_000)}" }`],
    ['a long variable many times', `${BASE}keys: [${'"${LONG}",'.repeat(20_000)}]`],
    ['missing variables', `affinity: [${'"${MISSING}",'.repeat(20_000)}]`],
    ['a URL without end', `upstreams: { a: "http://${'['.repeat(CHARACTERS)}" }`],
    ['merges', `${BASE}a: &a { b: 1 }\n${many((at) => `k${at}: { <<: *a }\n`)}`],
    ['an endless number', `${BASE}workers: ${'9'.repeat(CHARACTERS)}`],
  ])('%s', (_, text) => {
    bounded(() => parseConfig(text, { source: 'x.yaml', folder, env: { LONG: 'v'.repeat(100_000) } }));
  });

  it('tells the first hundred problems and counts the others', () => {
    const text = BASE + many((at) => `key${at}: 1\n`, 100_000);
    const keys = text.split('\n').length - 2;
    expect(() => parseConfig(text, { source: 'x.yaml', folder, env: {} })).toThrow(
      expect.objectContaining({
        problems: expect.objectContaining({ length: 100 }) as unknown,
        untold: keys - 100,
        message: expect.stringMatching(
          /^x\.yaml:2:1 key0: is not a key here[^]*and \d+ more problems$/,
        ) as unknown,
      }),
    );
  });
});

describe('attack: a file that is none', () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  mkdirSync(join(folder, 'folder'));
  symlinkSync('loop', join(folder, 'loop'));
  writeFileSync(join(folder, 'large'), 'x'.repeat(1024 * 1024 + 1));

  it.each([
    ['/dev/zero', 'which is a pipe, a device or a socket. Name a file.'],
    ['/dev/urandom', 'which is a pipe, a device or a socket. Name a file.'],
    ['folder', 'which is a folder. Name the file in it.'],
    ['loop', "which can't be read (ELOOP)."],
    ['large', 'which has more than 1048576 bytes. Is it the right file?'],
    ['none', 'which is not there.'],
  ])('-c %s: %s', (file, message) => {
    expect(() => loadConfig(file, {}, folder)).toThrow(
      expect.objectContaining({
        code: 'STICKY_CONFIG_UNREADABLE',
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });

  it('-c with a pipe that nobody writes to is empty, and not waited for', () => {
    expect(() => loadConfig('pipe', {}, folder)).toThrow('is empty');
  });

  it.each(['/dev/zero', 'pipe', 'folder', 'large'])(
    'a certificate, a key or an authority that is %s',
    (file) => {
      const text = `upstreams: { a: https://a }\nupstreamTls: { ca: ${file} }\ntls: { cert: ${file}, key: ${file} }\n`;
      bounded(() => parseConfig(text, { source: 'x.yaml', folder, env: {} }));
      expect(() => parseConfig(text, { source: 'x.yaml', folder, env: {} })).toThrow(
        /tls\.key: names .*which (?:is|has)/,
      );
    },
  );

  it.each(['/dev/zero', 'pipe', 'folder', 'large'])('import of %s', (file) => {
    const path = file.startsWith('/') ? file : join(folder, file);
    expect(() => importText(path, file, undefined, new Report())).toThrow(/can't read .*: it (?:is|has) /);
    bounded(() => read(`include ${path};\n${server('')}`, 'nginx'));
    bounded(() => read(`import ${path}\n:80 {\n reverse_proxy a:80\n}\n`, 'caddy'));
  });
});
