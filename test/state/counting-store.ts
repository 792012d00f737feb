import type { Store } from '../../src/state/store/store.js';
import { StickyError } from '../../src/base/errors.js';

/** A store that counts what it is asked, and can be made to fail or to wait. */
export interface CountingStore extends Store {
  readonly commands: string[];
  isDown: boolean;
  /** Called before each command; a test that returns a promise holds the command up. */
  before: ((command: string) => Promise<void> | undefined) | undefined;
}

export function countingStore(store: Store): CountingStore {
  const run = async <T>(command: string, ask: () => Promise<T>): Promise<T> => {
    counting.commands.push(command);
    await counting.before?.(command);
    if (counting.isDown) throw new StickyError('STICKY_STORE_DOWN', 'The store is down, as the test wants it.');
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
  };
  return counting;
}
