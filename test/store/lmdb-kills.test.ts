import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { lmdbStore } from '../../src/state/store/lmdb/index.js';
import type { Change } from '../../src/state/store/change.js';
import { start } from '../support/processes.js';
import { skipWhere } from '../support/programs.js';
import { until } from '../support/until.js';

const home = mkdtempSync(join(tmpdir(), 'stickyroute-lmdb-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** `STICKY_KILLS=200` for a long look. */
const KILLS = Number(process.env['STICKY_KILLS'] ?? 16);
const AT_ONCE = 4;
const ttlMs = 3_600_000;
const put = (key: string, characters = 10): Change => ({
  steps: [{ kind: 'put', key, fields: { filling: 'x'.repeat(characters) }, ttlMs }],
});

test(
  'processes that are killed in mid-write break no write, no read and no close of another',
  async () => {
    const path = join(home, 'killed');
    const store = lmdbStore({ path });
    let killed = 0;
    while (killed < KILLS) {
      const writers = Array.from({ length: AT_ONCE }, (_, at) =>
        start(process.execPath, ['test/store/lmdb-writer.mjs', path, `${(killed + at) * 1_000_000}`]),
      );
      let isOver = false;
      let written = 0;
      const own = (async () => {
        while (!isOver) await store.change(0, put('own', written++ % 20_000));
      })();
      own.catch(() => {}); // awaited below
      for (const writer of writers) {
        await until('some changes', () => writer.stdout.split('\n').length > 20, 30_000);
        writer.kill('SIGKILL');
        await writer.waitForExit();
        killed++;
        expect(await store.change(0, put('after'))).toMatchObject({ done: true });
        expect(store.readNow!(0, 'after')).toBeDefined();
      }
      isOver = true;
      await own;
      expect(written).toBeGreaterThan(0);
    }
    await store.close();
    const again = lmdbStore({ path });
    expect(again.readNow!(0, 'after')).toBeDefined();
    await again.close();
  },
  60_000 + KILLS * 2_000,
);

/** Fills a store until it is full, and goes on for a while. */
async function fill(path: string): Promise<Awaited<ReturnType<typeof fillOf>>> {
  vi.spyOn(console, 'error').mockImplementation(() => {}); // lmdb prints each
  return await fillOf(lmdbStore({ path }));
}

async function fillOf(store: ReturnType<typeof lmdbStore>) {
  const codes = new Set<string>();
  const done: string[] = [];
  for (let round = 0; round < 60; round++) {
    const keys = [0, 1, 2, 3].map((at) => `${round}-${at}`);
    const outcomes = await Promise.allSettled(keys.map((key) => store.change(0, put(key, 20_000))));
    outcomes.forEach((outcome, at) => {
      if (outcome.status === 'fulfilled') done.push(keys[at]!);
      else codes.add((outcome.reason as { code: string }).code);
    });
  }
  return { store, codes: [...codes], done };
}

const MOUNT_MISSING = ((): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a small disk is mounted by root on Linux';
  const folder = mkdtempSync(join(home, 'probe-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (mounted) execFileSync('umount', [folder]);
  return mounted ? undefined : 'mount is not permitted here';
})();

skipWhere(MOUNT_MISSING)('a disk that is full', () => {
  test('is STICKY_STORE_FULL, and ends no process', async () => {
    const folder = mkdtempSync(join(home, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]);
    try {
      const { store, codes, done } = await fill(join(folder, 'state'));
      expect(codes).toEqual(['STICKY_STORE_FULL']);
      expect(done.length).toBeGreaterThan(10);
      for (const key of done.slice(0, 10)) {
        expect(store.readNow!(0, key)).toBeDefined();
        await store.change(0, { steps: [{ kind: 'remove', key }] });
      }
      execFileSync('mount', ['-o', 'remount,size=16m', folder]);
      expect(await store.change(0, put('after', 20_000))).toMatchObject({ done: true });
      expect(store.readNow!(0, done[0]!)).toBeUndefined();
      await store.close();
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  }, 30_000);
});

skipWhere(process.platform === 'linux' ? undefined : 'ulimit -f is tried on Linux')(
  'a limit on files',
  () => {
    test('is STICKY_STORE_FULL, too', () => {
      const script = `
    import { lmdbStore } from './dist/state/store/lmdb/index.js';
    console.error = () => {};
    const store = lmdbStore({ path: ${JSON.stringify(join(home, 'limited'))} });
    const fields = { filling: 'x'.repeat(20000) };
    const codes = new Set();
    let done = 0;
    for (let round = 0; round < 100; round++) {
      const steps = [{ kind: 'put', key: 'k' + round, fields, ttlMs: 1000000 }];
      await store.change(0, { steps }).then(() => done++, ({ code }) => codes.add(code));
    }
    await store.close();
    console.log(done > 5, [...codes].join());
  `;
      const ran = spawnSync(
        'bash',
        ['-c', `ulimit -f 1000; exec "$0" --input-type=module -e "$1"`, process.execPath, script],
        {
          encoding: 'utf8',
        },
      );
      expect([ran.stdout.trim(), ran.stderr]).toEqual(['true STICKY_STORE_FULL', '']);
    });
  },
);

test('a store that holds its most still lets records be removed, with what says so', async () => {
  const store = lmdbStore({ path: join(home, 'max'), max: 2 });
  await store.change(0, put('a'));
  await store.change(0, put('b'));
  await store.close();
  const full = lmdbStore({ path: join(home, 'max'), max: 2 });
  await expect(full.change(0, put('c'))).rejects.toMatchObject({ code: 'STICKY_STORE_FULL' });
  const steps = [{ kind: 'remove', key: 'a' } as const, ...put('mark of the end').steps];
  expect(await full.change(0, { steps })).toMatchObject({ done: true });
  await full.close();
});
