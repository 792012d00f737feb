import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, test } from 'vitest';
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
