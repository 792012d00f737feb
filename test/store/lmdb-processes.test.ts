import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
import { lmdbStore } from '../../src/state/store/lmdb/index.js';
import { createManualClock, storeContract } from '../../src/testing/index.js';
import { remoteStore } from './remote-store.js';

const home = mkdtempSync(join(tmpdir(), 'stickyroute-lmdb-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let stores = 0;

describe('the lmdb store, opened by two processes', () => {
  const cases = storeContract(
    async () => {
      const clock = createManualClock();
      const path = join(home, `${stores++}`);
      const store = lmdbStore({ path, clock });
      const other = await remoteStore(path);
      return {
        store,
        other,
        async advance(ms) {
          clock.advance(ms);
          await other.advance(ms);
        },
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
