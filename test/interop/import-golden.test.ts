import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { importText, origins } from '../../src/interop/import.js';
import { Report } from '../../src/interop/report.js';

/*
 * What the files of import/ become, and what is said of them. After an intended change write the results
 * anew, and read the diff: UPDATE_GOLDEN=1 npx vitest run test/interop
 */
const FOLDER = fileURLToPath(new URL('import/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function imported(path: string, name: string, from?: string, version?: string): string {
  const report = new Report();
  const yaml = importText(
    path,
    name,
    origins.find((origin) => origin.name === from),
    report,
    { version },
  );
  return `${yaml}---\n${report.lines.map((line) => `${line}\n`).join('')}`;
}

/** A file made for one test. */
function broken(text: string, from: string, name = 'broken.conf'): () => string {
  writeFileSync(join(folder, name), text);
  return () => imported(join(folder, name), name, from);
}

describe("another balancer's file gives our configuration, and says what it does not carry over", () => {
  it.each([['nginx.conf'], ['haproxy.cfg'], ['caddyfile.txt', '2.6.2']])('%s', (name, version?: string) => {
    const golden = join(FOLDER, `${name.replace(/\..*/, '')}.golden.yaml`);
    const found = imported(join(FOLDER, name), name, undefined, version);
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(golden, found);
    else expect(found).toBe(existsSync(golden) ? readFileSync(golden, 'utf8') : `no file ${golden}`);
    expect(found).not.toContain('needs your hand');
  });
});

describe('a file that is none, or is too much', () => {
  const servers = 'server { location / { proxy_pass http://a; } } upstream a { server 10.0.0.1; }';

  it.each([
    ['nginx', 'http {\n  server { listen 80;\n', /^broken\.conf:2: a \{ is opened here and not closed\.$/],
    ['nginx', 'http { server { listen 80 } }', /^broken\.conf:1: listen does not end with a semicolon\.$/],
    ['nginx', 'http { }\n}', /^broken\.conf:2: a \} closes nothing\.$/],
    [
      'nginx',
      'events { }\nhttp { log_format x "a;\n }',
      /^broken\.conf:2: a quote is opened here and not closed\.$/,
    ],
    ['nginx', 'http { gzip on; }', /there is no server block in it/],
    ['nginx', `${'a {'.repeat(40)}${'}'.repeat(40)}`, /nested more than 32 deep/],
    ['nginx', 'include broken.conf;\n', /is included 17 levels deep\. Does a file include itself\?/],
    ['nginx', 'http { server { location / { root /srv; } } }', /nothing in it passes requests to upstreams/],
    ['haproxy', 'bind :80\n', /^broken\.conf:1: bind stands before the first section\.$/],
    ['haproxy', 'frontend a\n  bind "x\n', /^broken\.conf:2: a quote is opened here and not closed\.$/],
    ['haproxy', 'backend a\n  server b 10.0.0.1:80\n', /there is no frontend and no listen in it/],
    ['caddy', ':80 {\n  reverse_proxy a:80\n', /^broken\.conf:1: a \{ is opened here and not closed\.$/],
    ['caddy', ':80\nrespond "a', /^broken\.conf:2: a quote is opened here and not closed\.$/],
    ['caddy', '(a) {\n import a\n}\n:80 {\n import a\n}\n', /imports have no end/],
    [
      'caddy',
      ':80 {\n respond <<END\n a\n}',
      /^broken\.conf:2: the heredoc <<END is opened here and not closed\.$/,
    ],
  ])('%s: %j', (from, text, message) => {
    expect(broken(text, from)).toThrow(message);
  });

  it('more than a mebibyte is not read', () => {
    expect(broken(`# ${'x'.repeat(1024 * 1024)}\n${servers}`, 'nginx')).toThrow(
      /has more than 1048576 bytes/,
    );
  });

  it('a file that includes a thousand others is not read to the end', () => {
    writeFileSync(join(folder, 'part.inc'), '# nothing\n');
    expect(broken(`${'include part.inc;\n'.repeat(1000)}${servers}`, 'nginx')).toThrow(
      /more than 500 files are included/,
    );
  });

  it('a file that is not there', () => {
    expect(() => imported(join(folder, 'none.conf'), 'none.conf', 'nginx')).toThrow(
      "can't read " + join(folder, 'none.conf') + ': it is not there.',
    );
  });

  it('a pipe is not waited for', () => {
    execFileSync('mkfifo', [join(folder, 'pipe.conf')]);
    expect(() => imported(join(folder, 'pipe.conf'), 'pipe.conf', 'nginx')).toThrow('is no file');
  });

  it('what is not UTF-8 is said, and a byte order mark is passed over', () => {
    writeFileSync(join(folder, 'latin1.conf'), Buffer.from(`# caf\u00e9\n${servers}`, 'latin1'));
    expect(imported(join(folder, 'latin1.conf'), 'latin1.conf')).toContain('is not UTF-8');
    expect(
      broken(
        '\ufefffrontend f\n mode http\n bind :80\n default_backend b\nbackend b\n server a 10.0.0.1:80\n',
        'haproxy',
      )(),
    ).toContain('http://10.0.0.1');
  });

  it('bytes that would command a terminal are not passed on', () => {
    expect(broken('\u001b[2Jx', 'haproxy')).toThrow('broken.conf:1: ?[2Jx stands before the first section.');
  });

  it('a pattern of stars takes no time', () => {
    writeFileSync(join(folder, `${'a'.repeat(60)}.x`), '');
    const began = performance.now();
    expect(broken(`include ${'*a'.repeat(30)}*b;\n${servers}`, 'nginx')()).toContain('http://10.0.0.1');
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('whose file it is', () => {
  it.each([
    ['site.conf', 'upstream a { server 10.0.0.1; }\nserver { location / { proxy_pass http://a; } }'],
    ['lb.txt', 'defaults\n  mode http\nlisten a\n  bind :80\n  server b 10.0.0.1:80\n'],
    ['web', ':80 {\n  reverse_proxy 10.0.0.1:80\n}\n'],
  ])('%s is told by what stands in it', (name, text) => {
    writeFileSync(join(folder, name), text);
    expect(imported(join(folder, name), name)).toContain('http://10.0.0.1');
  });

  it('is asked for where nothing tells', () => {
    writeFileSync(join(folder, 'notes.txt'), 'hello\n');
    expect(() => imported(join(folder, 'notes.txt'), 'notes.txt')).toThrow(
      /Write --from nginx, --from haproxy, --from caddy/,
    );
  });
});
