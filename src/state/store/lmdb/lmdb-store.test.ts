import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { createManualClock, storeContract } from '../../../testing/index.js';
import { lmdbStore } from './lmdb-store.js';

const home = mkdtempSync(join(tmpdir(), 'stickyroute-lmdb-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let stores = 0;

describe('the lmdb store', () => {
  const cases = storeContract(
    () => {
      const clock = createManualClock();
      const path = join(home, `${stores++}`);
      const store = lmdbStore({ path, clock });
      const other = lmdbStore({ path, clock });
      return {
        store,
        other,
        advance: clock.advance,
        async close() {
          await other.close();
          await store.close();
        },
      };
    },
    { readsNow: true },
  );
  test.each(cases)('$name', ({ run }) => run());
});

describe('a folder that one process opens twice', () => {
  it('opens while the other store writes, again and again', async () => {
    const path = join(home, 'twice');
    const first = lmdbStore({ path });
    for (let round = 0; round < 100; round++) {
      const writes = Array.from({ length: 20 }, (_, at) =>
        first.change(0, {
          steps: [{ kind: 'put', key: `k${at}`, fields: { round: String(round) }, ttlMs: 60_000 }],
        }),
      );
      // From now on the thread that writes holds the lock.
      await new Promise(setImmediate);
      const second = lmdbStore({ path });
      await Promise.all(writes);
      expect((await second.read(0, 'k7'))?.fields).toEqual({ round: String(round) });
      await second.close();
    }
    await first.close();
  });

  it('is still open for one when the other is closed, and closed when both are', async () => {
    const path = join(home, 'one-of-two');
    const [first, second] = [lmdbStore({ path }), lmdbStore({ path })];
    await first.close();
    await second.change(0, { steps: [{ kind: 'put', key: 'k', fields: { a: '1' }, ttlMs: 60_000 }] });
    await expect(first.read(0, 'k')).rejects.toMatchObject({ code: 'STICKY_STORE_DOWN' });
    await second.close();
    const third = lmdbStore({ path });
    expect((await third.read(0, 'k'))?.fields).toEqual({ a: '1' });
    await third.close();
  });
});
