import type { Store } from '../../src/state/store/store.js';

/** A store with some of its parts replaced, for faults that a test puts in. */
export function storeWith(store: Store, parts: Partial<Store>): Store {
  return {
    name: store.name,
    partitions: store.partitions,
    feed: store.feed,
    read: (...all) => store.read(...all),
    change: (...all) => store.change(...all),
    list: (...all) => store.list(...all),
    sequence: (...all) => store.sequence(...all),
    close: () => store.close(),
    ...parts,
  };
}
