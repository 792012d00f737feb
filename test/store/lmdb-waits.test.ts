import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Change } from '../../src/state/store/change.js';
import { lmdbStore } from '../../src/state/store/lmdb/lmdb-store.js';
import { start } from '../support/processes.js';
import { skipWhere } from '../support/programs.js';
import { until } from '../support/until.js';

const home = mkdtempSync(join(tmpdir(), 'stickyroute-lmdb-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let stores = 0;
const folder = (): string => join(home, `${stores++}`);
const put = (key: string): Change => ({
  steps: [{ kind: 'put', key, fields: { of: key }, ttlMs: 3_600_000 }],
});

/** Another process that holds the lock of the file from here on. */
async function holder(path: string) {
  const script = `
    import { open } from 'lmdb';
    import { existsSync } from 'node:fs';
    const step = new Int32Array(new SharedArrayBuffer(4));
    const raw = open({ path: process.argv[1], noSubdir: false, encoding: 'string', overlappingSync: false });
    raw.transactionSync(() => {
      console.log('holds');
      while (!existsSync(process.argv[2])) Atomics.wait(step, 0, 0, 5);
    });
    console.log('let go');
    setInterval(() => {}, 100_000);
  `;
  const mark = `${path}-${stores++}`;
  const held = start(process.execPath, ['--input-type=module', '-e', script, path, mark]);
  await until('the lock held', () => held.stdout.includes('holds'), 30_000);
  return {
    held,
    async letGo() {
      writeFileSync(mark, '');
      await until('the lock let go', () => held.stdout.includes('let go'), 30_000);
    },
    async end() {
      held.kill('SIGKILL');
      await held.waitForExit();
    },
  };
}

/** glibc's word of the lock: who holds it, and in the highest bit whether anybody waits. */
const WORD_AT = 64;
const WAITERS = 0x8000_0000;
function lockWord(path: string): number {
  const word = Buffer.alloc(4);
  const file = openSync(join(path, 'lock.mdb'), 'r');
  readSync(file, word, 0, 4, WORD_AT);
  closeSync(file);
  return word.readUInt32LE();
}

function isGlibc(): boolean {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

const OTHER_LOCK =
  process.platform === 'linux' && process.arch === 'x64' && isGlibc()
    ? undefined
    : 'the lock is looked into as glibc has it on x64';

skipWhere(OTHER_LOCK)('a lock that was let go', () => {
  test('is taken by who sleeps beside it, though nobody wakes it', async () => {
    const path = folder();
    const store = lmdbStore({ path });
    const other = await holder(path);
    const changed = store.change(0, put('a'));
    await until('that it waits', () => (lockWord(path) & WAITERS) !== 0, 30_000);
    expect(lockWord(path) & 0x3fff_ffff).toBe(other.held.pid);
    // So it is once a process was killed that had been woken, and hadn't looked at the lock yet.
    const word = Buffer.alloc(4);
    word.writeUInt32LE(lockWord(path) & ~WAITERS);
    const file = openSync(join(path, 'lock.mdb'), 'r+');
    writeSync(file, word, 0, 4, WORD_AT);
    closeSync(file);
    await other.letGo();
    expect(await changed).toMatchObject({ done: true });
    await store.close();
    await other.end();
  }, 60_000);
});

test('a change and close that wait for another process reject in time, and are not made later', async () => {
  const path = folder();
  const store = lmdbStore({ path, timeout: '400ms' });
  const other = await holder(path);
  await expect(store.change(0, put('a'))).rejects.toMatchObject({
    code: 'STICKY_STORE_DOWN',
    message: expect.stringMatching(/did not write within 400 ms/),
  });
  // At once, so that they don't gather in memory.
  const inThisTurn = new Promise((resolve) => setImmediate(resolve, 'it waits'));
  await expect(Promise.race([store.change(0, put('b')), inThisTurn])).rejects.toMatchObject({
    code: 'STICKY_STORE_DOWN',
  });
  expect(store.readNow!(0, 'a')).toBeUndefined();
  await other.letGo();
  await until(
    'that it writes again',
    async () =>
      await store.change(0, put('c')).then(
        () => true,
        () => false,
      ),
  );
  expect(store.readNow!(0, 'a')).toBeUndefined();
  expect(store.readNow!(0, 'b')).toBeUndefined();
  await other.end();

  const next = await holder(path);
  void store.change(0, put('d')).catch(() => {});
  await expect(store.close()).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
  await next.end();
}, 120_000);

test('a process that exits while it writes ends, and holds nobody up', async () => {
  const path = folder();
  const script = `
    import { lmdbStore } from './dist/state/store/lmdb/lmdb-store.js';
    const store = lmdbStore({ path: process.argv[1] });
    const steps = [{ kind: 'put', key: 'a', fields: {}, ttlMs: 1_000_000 }];
    let isOver = false;
    for (let n = 0; n < 4; n++)
      void (async () => { while (!isOver) await store.change(0, { steps }); })();
    setTimeout(async () => {
      if (process.argv[2] === 'closed') {
        isOver = true;
        await store.close();
      }
      process.exit(3);
    }, 50);
  `;
  const run = (how: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, path, how], { timeout: 30_000 });
  for (let round = 0; round < 4; round++) {
    const { status, signal } = run('open');
    expect([status === 3 || signal === 'SIGKILL', run('closed').status]).toEqual([true, 3]);
  }
  const store = lmdbStore({ path });
  expect(await store.change(0, put('a'))).toMatchObject({ done: true });
  await store.close();
}, 300_000);

test('a process for which no reader is left is told so', async () => {
  const path = folder();
  const script = `
    import { open } from 'lmdb';
    const raw = open({ path: process.argv[1], noSubdir: false, encoding: 'string', maxReaders: 2, overlappingSync: false });
    raw.useReadTransaction();
    await raw.put('a', 'b');
    raw.resetReadTxn();
    raw.useReadTransaction();
    console.log('reads');
    setInterval(() => {}, 100_000);
  `;
  const reader = start(process.execPath, ['--input-type=module', '-e', script, path]);
  await until('readers', () => reader.stdout.includes('reads'), 30_000);
  expect(() => lmdbStore({ path })).toThrow(
    expect.objectContaining({
      code: 'STICKY_STORE_DOWN',
      message: expect.stringMatching(/too many processes have the file open/),
    }),
  );
  reader.kill('SIGKILL');
  await reader.waitForExit();
}, 60_000);
