// A process that opens an lmdb store and does with it what its parent asks, one message after another. What
// `npm run build` made.
import { lmdbStore } from '../../dist/state/store/lmdb/index.js';
import { createManualClock } from '../../dist/testing/index.js';

const [path] = process.argv.slice(2);
const clock = createManualClock();
const store = lmdbStore({ path, clock });
let following;

const doing = {
  read: ([partition, key]) => store.read(partition, key),
  change: ([partition, change]) => store.change(partition, JSON.parse(change)),
  list: ([partition, index]) => store.list(partition, index),
  sequence: ([partition]) => store.sequence(partition),
  advance: ([ms]) => clock.advance(ms),
  follow() {
    following = store.feed.follow({
      noted: (partition, sequence, notes) => process.send({ noted: [partition, sequence, notes] }),
      missed: (partition) => process.send({ missed: [partition] }),
    });
  },
  unfollow: () => following?.stop(),
  close: () => store.close(),
};

process.on('message', async ({ id, name, args }) => {
  const answer = await Promise.resolve()
    .then(() => doing[name](args))
    .then(
      (value) => ({
        value:
          name === 'read' && value !== undefined ? { ...value, fields: Object.entries(value.fields) } : value,
      }),
      (error) => ({ error: { code: error.code, message: error.message } }),
    );
  process.send({ id, ...answer, position: following?.position(0) });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
