import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

/* What a script that imports or exports sees: the program itself, started by a shell. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'stickyroute-codes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PASS = 'location / { proxy_pass http://a; proxy_set_header Host $host; }';
const site = (line: string): string =>
  `http { upstream a { ip_hash; server 10.0.0.1:80; } server { listen 80; ${line} ${PASS} } }\n`;
writeFileSync(join(folder, 'door.conf'), site('auth_basic x;'));
writeFileSync(join(folder, 'gzip.conf'), site('gzip on;'));
writeFileSync(
  join(folder, 'sealed.yaml'),
  'upstreams: { api-1: http://127.0.0.1:8001 }\naffinity: [cookie]\nplacement: nginxConsistent\n',
);

function shell(line: string): { code: number | null; err: string } {
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `stickyroute() { "$NODE" "$MAIN" "$@"; }; ${line} > result`],
    { cwd: folder, env: { ...process.env, NODE: process.execPath, MAIN }, encoding: 'utf8' },
  );
  return { code: status, err: stderr };
}

describe('the exit code of the program', () => {
  it.each([
    ['stickyroute import door.conf', 3],
    ['stickyroute import --accept door.conf', 0],
    ['stickyroute import gzip.conf', 0],
    ['stickyroute import --strict gzip.conf', 3],
    ['stickyroute export nginx -c sealed.yaml', 3],
    ['stickyroute export nginx --accept -c sealed.yaml', 0],
  ])('%s: %i', (line, code) => {
    const found = shell(line);
    expect(found.code, found.err).toBe(code);
    expect(found.err).toMatch(
      /^stickyroute: \d+ opens? a door, \d+ behaves? differently, \d+ (?:is|are) harmless\./m,
    );
  });
});
