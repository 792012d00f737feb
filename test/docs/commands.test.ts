import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../house/sources.js';
import { freePort, isFree } from '../support/ports.js';
import { run } from '../support/processes.js';
import { skipUnless } from '../support/programs.js';
import { blocks, blocksIn } from './blocks.js';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What npx finds in a clone that was built, and in a folder where the package is installed. */
const NPX = `npx() { [ "$1" = stickyroute ] || return 127; shift; "${process.execPath}" "${ROOT}/dist/cli/main.js" "$@"; }`;

const commands = blocksIn('sh', 'console').flatMap((block) =>
  block.text
    .split('\n')
    .map((line) => line.replace(/^\$ /, '').trim())
    .filter(
      (line) =>
        /(?:^|[;&|] *)(?:npx )?stickyroute /.test(line) &&
        (block.language === 'sh' || block.text.includes(`$ ${line}`)),
    )
    .map((line) => ({ at: block.at, page: block.page, line })),
);

describe('commands of README and docs', () => {
  it('say how stickyroute is had: npx stickyroute, or the file in dist', () => {
    const bare = commands.filter(({ line }) => !/npx stickyroute|npm install|dist\/cli\/main\.js/.test(line));
    expect(bare, 'Write npx stickyroute.').toEqual([]);
  });

  const alone = commands.filter(
    ({ page, line }) =>
      page !== 'docs/growing.md' &&
      /^npx stickyroute (?:validate|diff|explain|export|import|advise)\b/.test(line),
  );
  skipUnless('nginx')('each that ends by itself', () => {
    it.each(alone)('$at $line', async ({ line }) => {
      const folder = userFolder();
      // Asked on a terminal, it would ask back.
      const input = line === 'npx stickyroute advise' ? '--users 10000' : '';
      // The reader's nginx is another than this machine's.
      const here = line.replace('/etc/nginx/', '');
      const ran = await run('bash', ['-c', `${NPX}\n${here} ${input}`], { cwd: folder });
      expect(ran.stderr).not.toMatch(/unknown (?:option|command)|error: /);
      expect(ran.code, ran.stderr).toBe(0);
    });
  });
});

skipUnless('nginx', 'curl')('docs/growing.md', () => {
  it('goes through by its own commands, and prints what it says', async () => {
    const folder = userFolder();
    const printedPorts = [13001, 13002, 13003, 18080, 18081, 18082];
    const areFree = (await Promise.all(printedPorts.map(isFree))).every((each) => each);
    // With other ports nginx's arithmetic places other users there: then the figures are not compared.
    const ports = await Promise.all(
      printedPorts.map(async (port) => [port, areFree ? port : await freePort()] as const),
    );
    const figures = (text: string): string =>
      areFree ? text : text.replace(/^ *\d+ api-\d$/gm, '').replace(/api-\d/g, 'api');
    const here = (text: string): string =>
      ports.reduce((filled, [written, port]) => filled.replaceAll(String(written), String(port)), text);
    const upstreams = ['api-1', 'api-2', 'api-3'].map((id, at) => {
      const server = createServer((_, response) => response.end(`${id}\n`));
      server.listen(ports[at]![1], '127.0.0.1');
      return server;
    });
    const page = blocks.filter((block) => block.page === 'docs/growing.md');
    writeFileSync(
      join(folder, 'stickyroute.yaml'),
      here(page.find(({ language }) => language === 'yaml')!.text),
    );
    const written = page.filter(({ language }) => language === 'sh' || language === 'text');
    try {
      for (const [at, block] of written.entries()) {
        if (block.language !== 'sh') continue;
        // What runs until it is stopped does so beside the rest, as in a second terminal.
        const lines = here(block.text).replace(/^npx stickyroute up ([^&\n]*?)&?$/gm, 'serve $1');
        const script = `${NPX}\n${SERVE}\nnginx() { command nginx -g "pid $PWD/nginx.pid;" "$@"; }\n${SERVING}\n${lines}\nleave`;
        const ran = await run('bash', ['-c', script], { cwd: folder, deadlineMs: 60_000 });
        expect(ran.code, `${block.at}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
        const promised =
          written[at + 1]?.language === 'text'
            ? here(written[at + 1]!.text)
                .trim()
                .split('\n')
            : [];
        const printed = `${ran.stdout}\n${ran.stderr}`.replaceAll('\r', '').replaceAll(`${folder}/`, '');
        for (const line of promised) expect(figures(printed), block.at).toContain(figures(line));
      }
    } finally {
      for (const server of upstreams) server.close();
    }
  }, 60_000);
});

/** Runs the gateway in the background until the block is over, and waits until it answers. */
const SERVE = `
serve() {
  npx stickyroute up "$@" >>serve.log 2>&1 &
  pids="$pids $!"
  port=$(sed -n 's/^listen: .*:\\([0-9]*\\)$/\\1/p' "$2")
  for i in $(seq 1 200); do curl -s -o /dev/null "http://127.0.0.1:$port/" && return; sleep 0.05; done
}
leave() {
  [ -e nginx.pid ] && kill $(cat nginx.pid)
  [ -z "$pids" ] || { pkill -TERM -P $(echo $pids | tr ' ' ','); wait $pids; true; }
}`;
/** Steps 3 and 4 compare with the gateway of step 1, which a reader has left running. */
const SERVING = 'serve -c stickyroute.yaml';

/** A folder with the files that the docs name. */
function userFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stickyroute-commands-'));
  folders.push(folder);
  writeFileSync(
    join(folder, 'stickyroute.yaml'),
    'upstreams:\n  api-1: http://127.0.0.1:8001\n  api-2: http://127.0.0.1:8002\naffinity:\n  - header: x-user-id\nplacement: nginxConsistent\n',
  );
  writeFileSync(
    join(folder, 'next.yaml'),
    'upstreams:\n  api-1: http://127.0.0.1:8001\n  api-2: http://127.0.0.1:8002\naffinity:\n  - header: x-user-id\n  - ip\nplacement: nginxConsistent\n',
  );
  const server =
    'upstream app { server 127.0.0.1:8001; } server { listen 8080; location / { proxy_pass http://app; } }';
  writeFileSync(join(folder, 'shop.conf'), `${server}\n`);
  writeFileSync(join(folder, 'nginx.conf'), `events {}\nhttp { ${server} }\n`);
  return folder;
}
