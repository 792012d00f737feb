import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readText, ROOT } from '../house/sources.js';
import { freePort } from '../support/ports.js';
import { run, start } from '../support/processes.js';
import { until } from '../support/until.js';

interface Instruction {
  readonly word: string;
  readonly text: string;
}

/** The instructions of each stage, with continued lines joined. */
const stages = readText('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .trim()
  .split(/^(?=FROM )/m)
  .map((stage) =>
    stage
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line): Instruction => {
        const [, word, text] = /^([A-Z]+) +(.*)$/.exec(line)!;
        return { word: word!, text: text!.trim() };
      }),
  );
const [build, image] = stages as [Instruction[], Instruction[]];
const all = (stage: Instruction[], word: string): string[] =>
  stage.filter((each) => each.word === word).map(({ text }) => text);
/** Of a command in the form without a shell. */
const command = (text: string): string[] => JSON.parse(text.slice(text.indexOf('['))) as string[];

interface Locked {
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
}
const lock = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Locked> };

let home = '';
const inHome = (path: string): string =>
  path === '/nodejs/bin/node' ? process.execPath : path.replace(/^\/(?=app|etc)/, `${home}/`);

describe('the Dockerfile', () => {
  it('builds in one stage, and takes nothing of it but the app into the other', () => {
    expect(stages).toHaveLength(2);
    expect(all(build, 'FROM')).toEqual(['node:22-slim AS build']);
    expect(all(image, 'FROM')).toEqual(['gcr.io/distroless/nodejs22-debian12:nonroot']);
    expect(all(image, 'COPY')).toEqual(['--from=build /app /app']);
    expect(all(image, 'RUN'), 'There is no shell in it.').toEqual([]);
    for (const word of ['ADD', 'VOLUME', 'ARG']) expect(all(image, word)).toEqual([]);
  });

  it('runs as a user that is not root, by number, and needs no shell', () => {
    expect(all(image, 'USER')).toEqual(['65532']);
    for (const word of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'])
      for (const text of all(image, word)) expect(text).toMatch(/\[".*"\]$/);
    expect(all(image, 'STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(all(image, 'EXPOSE')).toEqual(['8080 9901']);
  });

  it('gets all that a build reads, and no more', () => {
    const ignored = readText('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const { files } = JSON.parse(readText('package.json')) as { files: string[] };
    const needed = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
    for (const name of [...needed, ...files.filter((file) => file !== 'dist')])
      expect(ignored, name).not.toContain(name.split('/')[0]);
    expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', 'dist', 'test']));
  });
});

describe('what the image holds', () => {
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'stickyroute-image-'));
    const app = join(home, 'app');
    mkdirSync(app);
    mkdirSync(join(home, 'etc', 'stickyroute'), { recursive: true });
    // No scripts: `prepack` empties dist, which other tests run from.
    const pack = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', home], {
      cwd: ROOT,
      deadlineMs: 60_000,
    });
    expect(pack.code, pack.stderr).toBe(0);
    const tarball = readdirSync(home).find((name) => name.endsWith('.tgz'))!;
    const unpacked = await run('tar', ['-xzf', join(home, tarball), '-C', app, '--strip-components=1']);
    expect(unpacked.code, unpacked.stderr).toBe(0);
    // What `npm ci --omit=dev` installs. Copied, since a link would lead back to all that is here.
    for (const [path, { dev, peer, devOptional, optional }] of Object.entries(lock.packages)) {
      if (path === '' || dev || peer || devOptional || (optional && !existsSync(join(ROOT, path)))) continue;
      mkdirSync(dirname(join(app, path)), { recursive: true });
      cpSync(join(ROOT, path), join(app, path), { recursive: true, dereference: true });
    }
  }, 90_000);

  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('is small, and has no package for tests', () => {
    const installed = readdirSync(join(home, 'app', 'node_modules'));
    expect(installed).toEqual(expect.arrayContaining(['commander', 'pino', 'yaml', 'zod']));
    expect(installed.filter((name) => /^(?:vitest|typescript|lmdb|express|@types)$/.test(name))).toEqual([]);
    expect(installed.length).toBeLessThan(40);
  });

  it('runs as it would in a container, says how it is, and stops by SIGTERM', async () => {
    const [port, monitor] = [await freePort(), await freePort()];
    const keys = `listen: 127.0.0.1:${port}\nmonitor: { listen: "127.0.0.1:${monitor}" }\nhttp2: false\n`;
    writeFileSync(
      join(home, 'etc', 'stickyroute', 'stickyroute.yaml'),
      `${keys}upstreams: { api-1: http://127.0.0.1:1 }\naffinity: [ip]\n`,
    );
    const env = Object.fromEntries(all(image, 'ENV').map((text) => text.split('=', 2) as [string, string]));
    const cwd = inHome(all(image, 'WORKDIR')[0]!);
    // A container has no PATH of ours, and nothing that npm sets.
    const bare = { ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])), ...env };
    const [entry, ...rest] = [
      ...command(all(image, 'ENTRYPOINT')[0]!),
      ...command(all(image, 'CMD')[0]!),
    ].map(inHome);
    const gateway = start(entry!, rest, { cwd, env: bare });
    await gateway.waitForPort(port);
    const [asker, ...asked] = command(all(image, 'HEALTHCHECK')[0]!).map(inHome);
    const health = async (...more: string[]): ReturnType<typeof run> =>
      await run(asker!, [...asked, ...more], { cwd, env: bare });
    await until('the gateway says that it is ready', async () => {
      const { code, stdout } = await health('--url', `http://127.0.0.1:${monitor}/ready`);
      return code === 0 && stdout === 'ready\n';
    });
    expect((await gateway.stop()).code).toBe(0);
    expect((await health('--url', `http://127.0.0.1:${monitor}/ready`)).code).toBe(1);
  }, 30_000);
});
