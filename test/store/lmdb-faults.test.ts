import { mkdtempSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterAll, expect, test } from 'vitest';
import type { Step } from '../../src/state/store/change.js';
import { lmdbStore, type StoreFault } from '../../src/state/store/lmdb/index.js';
import { createManualClock } from '../../src/testing/index.js';
import { start } from '../support/processes.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const home = mkdtempSync(join(tmpdir(), 'stickyroute-lmdb-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let stores = 0;
const folder = (): string => join(home, `${stores++}`);
const put = (key: string, ttlMs = HOUR_MS): Step => ({ kind: 'put', key, fields: { of: key }, ttlMs });

test('a writer that is killed leaves whole changes, and every one that it was told was done', async () => {
  const path = folder();
  const store = lmdbStore({ path });
  const heard: number[] = [];
  let missed = 0;
  const following = store.feed.follow({
    noted: (_, __, notes) => void heard.push(Number(notes[0])),
    missed: () => void missed++,
  });
  await until('a position', () => following.position(0).vouchedAtMs > -Infinity);
  missed = 0;
  let from = 0;
  for (let round = 0; round < 6; round++) {
    const writer = start(process.execPath, [join(import.meta.dirname, 'lmdb-writer.mjs'), path, `${from}`]);
    await until('some changes', () => writer.stdout.split('\n').length > 20 + round * 7, 15_000);
    writer.kill('SIGKILL');
    await writer.waitForExit();
    // Who is killed after its commit and before it can say so leaves a change that the next one shows.
    expect(await store.change(0, { steps: [put('mine')] })).toMatchObject({ done: true });
    const told = Math.max(...writer.stdout.split('\n').slice(0, -1).map(Number));
    const [one, two] = [await store.read(0, 'one'), await store.read(0, 'two')];
    const n = Number(one!.fields['n']);
    expect([two!.fields, two!.version]).toEqual([one!.fields, one!.version]);
    expect(n).toBeGreaterThanOrEqual(told);
    expect(await store.list(0, 'numbers')).toMatchObject([{ member: `n${n}` }]);
    await until('the last note', () => heard.at(-1) === n);
    from = n + 1;
  }
  expect(missed).toBe(0);
  expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
  await store.close();
}, 60_000);

test('what was put is there when the file is opened again, and its numbers go on', async () => {
  const path = folder();
  const first = lmdbStore({ path });
  const changed = await first.change(0, {
    steps: [put('a'), { kind: 'link', index: 'i', member: 'a', ttlMs: HOUR_MS }],
  });
  await first.close();
  const second = lmdbStore({ path });
  expect(await second.read(0, 'a')).toMatchObject({
    fields: { of: 'a' },
    version: (changed as { version: number }).version,
  });
  expect(await second.list(0, 'i')).toMatchObject([{ member: 'a' }]);
  const later = await second.change(0, { steps: [] });
  expect((later as { version: number }).version).toBeGreaterThan((changed as { version: number }).version);
  await second.close();
});

test('makes a folder and files that only their owner can read, and leaves the rights of one that was there', async () => {
  const path = join(folder(), 'deep', 'sessions.db');
  const store = lmdbStore({ path });
  expect(statSync(path).mode & 0o777).toBe(0o700);
  for (const name of ['data.mdb', 'lock.mdb']) expect(statSync(join(path, name)).mode & 0o777).toBe(0o600);
  await store.close();
});

test("passes over what it can't read, and says so", async () => {
  const path = folder();
  const faults: StoreFault[] = [];
  const store = lmdbStore({ path, onFault: (fault) => faults.push(fault) });
  await store.change(0, {
    steps: [put('a'), put('b'), { kind: 'link', index: 'i', member: 'a', ttlMs: HOUR_MS }],
  });
  const raw = open<string, string>({ path, noSubdir: false, encoding: 'string', maxDbs: 8 });
  const records = raw.openDB<string, string>({ name: 'records', encoding: 'string' });
  const garbage = [
    '',
    '[',
    '{}',
    'null',
    '[1]',
    '[9e15,9e15,"1"]',
    '[9000000000000,9000000000000,1,"x"]',
    '[9000000000000,9000000000000,1,"x",2]',
    '\0\u0001',
    '["9000000000000",9000000000000,1]',
  ];
  for (const text of garbage) {
    await records.put('a', text);
    expect(await store.read(0, 'a'), text).toBeUndefined();
    expect(
      await store.change(0, {
        requires: [{ kind: 'absent', key: 'a' }],
        steps: [{ kind: 'merge', key: 'a', set: { x: '1' } }],
      }),
    ).toMatchObject({ done: true });
  }
  expect(faults.length).toBeGreaterThanOrEqual(garbage.length);
  expect(faults[0]).toMatchObject({ kind: 'record', partition: 0, key: 'a' });
  expect(await store.read(0, 'b')).toBeDefined();
  const links = raw.openDB<string, string>({ name: 'links', encoding: 'string' });
  for (const key of links.getKeys()) await links.put(key, 'garbage');
  expect(await store.list(0, 'i')).toEqual([]);
  expect(faults.at(-1)).toMatchObject({ kind: 'index', key: 'i' });
  await raw.close();
  await store.close();
});

test('refuses a file of another format, and a folder that holds something else', async () => {
  const newer = folder();
  const raw = open<string, string>({ path: newer, noSubdir: false, encoding: 'string', maxDbs: 8 });
  await raw.openDB<string, string>({ name: 'headers', encoding: 'string' }).put('header', '[2,"run",5,0,0]');
  await raw.close();
  expect(() => lmdbStore({ path: newer })).toThrow(
    expect.objectContaining({
      code: 'STICKY_STORE_MISUSED',
      message: expect.stringMatching(/has format 2, and this version of stickyroute reads 1/),
    }),
  );

  const strange = folder();
  mkdirSync(strange);
  writeFileSync(
    join(strange, 'data.mdb'),
    'no database at all, but long enough to be read as the head of one'.repeat(200),
  );
  expect(() => lmdbStore({ path: strange })).toThrow(
    expect.objectContaining({
      code: 'STICKY_STORE_MISUSED',
      message: expect.stringMatching(/is no file of lmdb/),
    }),
  );
  writeFileSync(join(strange, 'data.mdb'), 'short');
  expect(() => lmdbStore({ path: strange })).toThrow(
    expect.objectContaining({ code: 'STICKY_STORE_MISUSED' }),
  );

  writeFileSync(join(home, 'file'), '');
  expect(() => lmdbStore({ path: join(home, 'file') })).toThrow(
    expect.objectContaining({ code: 'STICKY_STORE_DOWN' }),
  );
});

test('takes expired records and links out of the file, some at a time, and leaves the others', async () => {
  const path = folder();
  const clock = createManualClock();
  const store = lmdbStore({ path, clock });
  for (let at = 0; at < 2_500; at += 100) {
    await store.change(0, {
      steps: Array.from({ length: 100 }, (_, n): Step =>
        put(`k${at + n}`, (at + n) % 5 === 0 ? HOUR_MS : 60_000),
      ),
    });
    await store.change(0, {
      steps: Array.from({ length: 100 }, (_, n): Step => ({
        kind: 'link',
        index: 'i',
        member: `k${at + n}`,
        ttlMs: (at + n) % 5 === 0 ? HOUR_MS : 60_000,
      })),
    });
  }
  const raw = open<string, string>({ path, noSubdir: false, encoding: 'string', maxDbs: 8 });
  const left = (name: string): number => raw.openDB<string, string>({ name, encoding: 'string' }).getCount();
  expect([left('records'), left('links')]).toEqual([2_500, 2_500]);
  clock.advance(60_000);
  await until('nothing expired in the file', () => {
    clock.advance(100);
    raw.resetReadTxn();
    return left('records') === 500 && left('links') === 500;
  });
  expect(await store.list(0, 'i')).toHaveLength(500);
  await raw.close();
  await store.close();
});

test('refuses to put more than it may hold, and goes on to do everything else', async () => {
  const clock = createManualClock();
  const store = lmdbStore({ path: folder(), max: 10, clock });
  await store.change(0, { steps: Array.from({ length: 10 }, (_, at) => put(`k${at}`, 60_000)) });
  clock.advance(1_000);
  await until(
    'that it counts',
    async () =>
      await store.change(0, { steps: [put('more')] }).then(
        () => false,
        (error: unknown) => (error as { code?: string }).code === 'STICKY_STORE_FULL',
      ),
  );
  expect(await store.change(0, { steps: [{ kind: 'merge', key: 'k0', set: { x: '1' } }] })).toMatchObject({
    done: true,
  });
  clock.advance(60_000);
  await until('that it has room', async () => {
    clock.advance(1_000);
    return await store.change(0, { steps: [put('more')] }).then(
      () => true,
      () => false,
    );
  });
  await store.close();
});

test('tells a follower who looks too late that it missed something', async () => {
  const path = folder();
  const clock = createManualClock();
  const late = lmdbStore({ path, clock });
  const writer = lmdbStore({ path, clock });
  const heard: string[] = [];
  let missed = 0;
  const following = late.feed.follow({
    noted: (_, __, [note]) => void heard.push(note!),
    missed: () => void missed++,
  });
  expect([missed, following.position(0).vouchedAtMs]).toEqual([1, clock.monotonic()]);
  for (let n = 0; n < 900; n++) void writer.change(0, { steps: [], notes: [`${n}`] });
  await writer.change(0, { steps: [] });
  clock.advance(25);
  expect([heard.length, missed]).toEqual([900, 1]);
  for (let n = 0; n < 1_300; n++) void writer.change(0, { steps: [], notes: [`${n}`] });
  await writer.change(0, { steps: [] });
  const before = following.position(0).sequence;
  clock.advance(25);
  expect([heard.length, missed]).toEqual([900, 2]);
  expect(following.position(0).sequence).toBeGreaterThan(before);
  await writer.change(0, { steps: [], notes: ['after'] });
  clock.advance(25);
  expect([heard.at(-1), missed]).toEqual(['after', 2]);
  await writer.close();
  await late.close();
});

test('rejects with STICKY_STORE_DOWN once it is closed', async () => {
  const store = lmdbStore({ path: folder() });
  await store.close();
  await expect(store.read(0, 'a')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
  await expect(store.change(0, { steps: [put('a')] })).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
});
