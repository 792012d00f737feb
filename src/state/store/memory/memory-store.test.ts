import { describe, test } from 'vitest';
import { createManualClock } from '../../../testing/manual-clock.js';
import { storeContract } from '../../../testing/store-contract.js';
import { memoryStore } from './memory-store.js';

describe('the memory store', () => {
  const cases = storeContract(
    () => {
      const clock = createManualClock();
      const store = memoryStore({ clock });
      return { store, advance: clock.advance, close: () => store.close() };
    },
    { readsNow: true },
  );
  test.each(cases)('$name', ({ run }) => run());
});
