import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(
  join(folder, 'stickyroute.yaml'),
  'upstreams: { api-1: http://127.0.0.1:8001, api-2: http://127.0.0.1:8002 }\naffinity: [header: x-user-id]\nplacement: nginxConsistent\n',
);
writeFileSync(
  join(folder, 'ours.yaml'),
  'upstreams: { api-1: http://127.0.0.1:8001 }\naffinity: [header: x-user-id]\n',
);
writeFileSync(
  join(folder, 'nginx.conf'),
  'http { upstream a { ip_hash; server 10.0.0.1:80; }\nserver { listen 80; location / { proxy_pass http://a; proxy_set_header Host $host; } } }\n',
);
writeFileSync(
  join(folder, 'half.conf'),
  'http { upstream a { ip_hash; server 10.0.0.1:80; }\n gzip on;\n server { listen 80; location / { proxy_pass http://a; proxy_set_header Host $host; } } }\n',
);
writeFileSync(join(folder, 'broken.conf'), 'http { server {\n');

async function command(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const around = {
    stdout: { write: (text: string) => void (out += text) },
    stderr: { write: (text: string) => void (err += text) },
    env: {},
    cwd: folder,
    signals: new EventEmitter(),
    openOutputs: () => expect.fail('this command serves nothing'),
    exit: () => undefined,
  };
  const code = await run(argv, around);
  return { code, out, err };
}

describe('stickyroute export', () => {
  it('writes the file to standard output, and nothing else where nothing is lost', async () => {
    const { code, out, err } = await command('export', 'nginx', '--strict');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('hash $http_x_user_id consistent;');
  });

  it('says line by line what is lost, and exits 3 for that only with --strict', async () => {
    const loose = await command('export', 'nginx', '-c', 'ours.yaml');
    expect(loose).toMatchObject({
      code: 0,
      err: 'ours.yaml: behaves differently: placement: rendezvous is written as hash … consistent, which places keys elsewhere: they move once. To move them now, and not at the change, write placement: nginxConsistent first.\nstickyroute: 0 open a door, 1 behaves differently, 0 are harmless.\n',
    });
    expect(await command('export', 'nginx', '-c', 'ours.yaml', '--strict')).toMatchObject({
      code: 3,
      out: loose.out,
    });
  });

  it.each([
    [['export', 'apache'], 'Write one of nginx, haproxy, caddy, envoy.'],
    [['export', 'nginx', '--target-version', 'new'], 'Write a version such as 1.29.6.'],
    [['export'], "missing required argument 'target'"],
    [['export', 'nginx', '-c', 'none.yaml'], 'none.yaml, which is not there'],
  ])('%j exits 2', async (argv, message) => {
    const { code, out, err } = await command(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });
});

describe('stickyroute import', () => {
  it('writes a configuration that validate takes', async () => {
    const { code, out, err } = await command('import', 'nginx.conf', '--strict');
    expect([code, err]).toEqual([0, '']);
    writeFileSync(join(folder, 'imported.yaml'), out);
    expect(await command('validate', '-c', 'imported.yaml')).toMatchObject({ code: 0 });
  });

  it('says with file and line what it did not understand, and exits 3 for that only with --strict', async () => {
    expect(await command('import', 'half.conf')).toMatchObject({
      code: 0,
      err: 'harmless: half.conf:2: gzip is not carried over.\nstickyroute: 0 open a door, 0 behave differently, 1 is harmless.\n',
    });
    expect(await command('import', 'half.conf', '--strict')).toMatchObject({ code: 3 });
  });

  it.each([
    [['import', 'broken.conf'], 1, 'broken.conf:1: a { is opened here and not closed.'],
    [['import', 'none.conf'], 1, 'it is not there'],
    [['import', '.'], 1, 'is no file'],
    [['import', 'nginx.conf', '--from', 'apache'], 2, 'Write one of nginx, haproxy, caddy.'],
    [['import', 'nginx.conf', '--from-version', '1'], 2, 'the version of Caddy'],
  ])('%j exits %i', async (argv, expected, message) => {
    const { code, out, err } = await command(...argv);
    expect([code, out]).toEqual([expected, '']);
    expect(err).toContain(message);
  });
});
