import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { run, start, type RunningProcess } from '../support/processes.js';
import { program } from '../support/programs.js';

const folder = mkdtempSync(join(tmpdir(), 'stickyroute-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** What the program itself says of a file; undefined when it takes it. */
export async function refusal(
  name: 'nginx' | 'haproxy' | 'caddy',
  text: string,
): Promise<string | undefined> {
  const file = written(
    name,
    { nginx: nginxOfOurs, haproxy: withOnePem, caddy: (same: string) => same }[name](text),
  );
  const args = {
    nginx: ['-p', folder, '-t', '-c', file],
    haproxy: ['-c', '-f', file],
    caddy: ['validate', '--adapter', 'caddyfile', '--config', file],
  };
  const { code, stdout, stderr } = await run(program(name), args[name], { env: { HOME: folder } });
  return code === 0 ? undefined : `${stdout}${stderr}`;
}

/** Runs a file in one process, and waits until the port answers. */
export async function startBalancer(
  name: 'nginx' | 'haproxy' | 'caddy',
  text: string,
  port: number,
): Promise<RunningProcess> {
  const running = {
    nginx: () =>
      start(program('nginx'), [
        '-p',
        folder,
        '-c',
        written(name, nginxOfOurs(text)),
        '-g',
        'daemon off; master_process off;',
      ]),
    haproxy: () => start(program('haproxy'), ['-db', '-f', written(name, text)]),
    // Its admin API would want a port that another Caddy has.
    caddy: () =>
      start(
        program('caddy'),
        [
          'run',
          '--adapter',
          'caddyfile',
          '--config',
          written(name, text.replace('auto_https off', 'auto_https off\n\tadmin off')),
        ],
        { env: { HOME: folder } },
      ),
  }[name]();
  await running.waitForPort(port);
  return running;
}

function written(name: string, text: string): string {
  const file = join(folder, `${name}-${++files}.conf`);
  writeFileSync(file, text);
  return file;
}

/** Nothing of it outside of our folder: no pid file, no logs, no bodies. */
function nginxOfOurs(text: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${join(folder, what)};`)
    .join(' ');
  const log = text.includes('access_log off;') ? '' : 'access_log off; ';
  return `pid ${join(folder, `nginx-${files}.pid`)}; error_log stderr warn;\n${text.replace('\nhttp {', `\nhttp { ${log}${paths}`)}`;
}

/** HAProxy wants certificate and key in one file, as the export says. */
function withOnePem(text: string): string {
  return text.replace(
    / ssl crt (\S+)cert\.pem/,
    (_, path: string) =>
      ` ssl crt ${written('pem', readFileSync(`${path}cert.pem`, 'utf8') + readFileSync(`${path}key.pem`, 'utf8'))}`,
  );
}
