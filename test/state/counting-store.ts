import type { Store } from '../../src/state/store/store.js';
import { StickyError } from '../../src/base/errors.js';

/** A store that counts what it is asked, and can be made to fail or to wait. */
export interface CountingStore extends Store {
  readonly commands: string[];
  isDown: boolean;
  /** Called before each command; a test that returns a promise holds the command up. */
  before: ((command: string) => Promise<void> | undefined) | undefined;
}

/** `reads`: as those of a store that must be waited for, or at once where the store below can. */
export function countingStore(store: Store, reads: 'waited for' | 'at once' = 'waited for'): CountingStore {
  const { readNow } = store;
  const run = async <T>(command: string, ask: () => Promise<T>): Promise<T> => {
    counting.commands.push(command);
    await counting.before?.(command);
    if (counting.isDown) throw down();
    return ask();
  };
  const counting: CountingStore = {
    name: store.name,
    partitions: store.partitions,
    feed: store.feed,
    commands: [],
    isDown: false,
    before: undefined,
    read: (partition, key) => run('read', () => store.read(partition, key)),
    change: (partition, change) => run('change', () => store.change(partition, change)),
    list: (partition, index) => run('list', () => store.list(partition, index)),
    sequence: (partition) => run('sequence', () => store.sequence(partition)),
    close: () => store.close(),
    ...(reads === 'at once' &&
      readNow !== undefined && {
        readNow(partition, key) {
          counting.commands.push('read');
          if (counting.isDown) throw down();
          return readNow.call(store, partition, key);
        },
      }),
  };
  return counting;
}

function down(): StickyError {
  return new StickyError('STICKY_STORE_DOWN', 'The store is down, as the test wants it.');
}
