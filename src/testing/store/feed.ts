import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import type { FeedListener } from '../../state/store/feed.js';
import type { Store } from '../../state/store/store.js';
import { done, eventually, type StoreCase } from './subject.js';

interface Heard extends FeedListener {
  /** `partition sequence note` … */
  readonly notes: {
    readonly partition: number;
    readonly sequence: number;
    readonly notes: readonly string[];
  }[];
  readonly missedOf: number[];
}

function listen(): Heard {
  const heard: Heard = {
    notes: [],
    missedOf: [],
    noted: (partition, sequence, notes) => void heard.notes.push({ partition, sequence, notes }),
    missed: (partition) => void heard.missedOf.push(partition),
  };
  return heard;
}

const isKnown = (store: Store, position: (partition: number) => { readonly vouchedAtMs: number }): boolean =>
  Array.from({ length: store.partitions }, (_, partition) => position(partition)).every(
    ({ vouchedAtMs }) => vouchedAtMs > -Infinity,
  );

export const feedCases: readonly StoreCase[] = [
  {
    name: 'tells every note of every process once, in order, and of nothing else',
    async run(subject) {
      const { store, other = store } = subject;
      const here = listen();
      const there = listen();
      const following = [store.feed.follow(here), other.feed.follow(there)];
      await eventually(
        subject,
        'a position',
        () => isKnown(store, following[0]!.position) && isKnown(other, following[1]!.position),
      );
      const missed = here.missedOf.length + there.missedOf.length;
      const sent: { partition: number; sequence: number; notes: string[] }[] = [];
      for (let round = 0; round < 30; round++) {
        const by = round % 2 === 0 ? store : other;
        const partition = (round % 3) % store.partitions;
        const notes = round % 5 === 0 ? [`one ${round}`, '', '€\0\n"'] : [`note ${round}`];
        const { version } = done(
          await by.change(partition, {
            steps: [{ kind: 'put', key: `k${round % 4}`, fields: {}, ttlMs: HOUR_MS }],
            notes,
          }),
        );
        sent.push({ partition, sequence: version, notes });
        await by.change(partition, { steps: [{ kind: 'remove', key: 'k0' }] });
        await by.change(partition, {
          requires: [{ kind: 'present', key: 'none' }],
          steps: [],
          notes: ['refused'],
        });
      }
      for (const [heard, name] of [
        [here, 'here'],
        [there, 'there'],
      ] as const) {
        await eventually(subject, `all notes ${name}`, () => heard.notes.length >= sent.length);
        for (let partition = 0; partition < store.partitions; partition++) {
          const of = (list: readonly { readonly partition: number }[]): unknown[] =>
            list.filter((each) => each.partition === partition);
          assert.deepEqual(of(heard.notes), of(sent), name);
        }
      }
      assert.equal(here.missedOf.length + there.missedOf.length, missed, 'nothing was missed');
      for (const subscription of following) subscription.stop();
    },
  },
  {
    name: 'comes to vouch for all that was acknowledged before',
    async run(subject) {
      const { store, other = store } = subject;
      const heard = listen();
      const following = store.feed.follow(heard);
      await eventually(subject, 'a position', () => isKnown(store, following.position));
      for (let round = 0; round < 5; round++) {
        const { version } = done(await other.change(0, { steps: [], notes: [`${round}`] }));
        await eventually(
          subject,
          'a position that has this change',
          () => following.position(0).sequence >= version,
        );
        const before = following.position(0).vouchedAtMs;
        await eventually(subject, 'a newer position', () => following.position(0).vouchedAtMs > before);
        assert.deepEqual(heard.notes.at(-1), { partition: 0, sequence: version, notes: [`${round}`] });
      }
      const { version } = done(await other.change(0, { steps: [] }));
      await eventually(
        subject,
        'a position that has a change without notes',
        () => following.position(0).sequence >= version,
      );
      assert.notEqual(following.position(0).run, '');
      following.stop();
    },
  },
  {
    name: 'tells several followers of one process alike, and none that stopped',
    async run(subject) {
      const { store } = subject;
      const [first, second, third] = [listen(), listen(), listen()];
      const one = store.feed.follow(first);
      const two = store.feed.follow(second);
      await eventually(
        subject,
        'positions',
        () => isKnown(store, one.position) && isKnown(store, two.position),
      );
      await store.change(0, { steps: [], notes: ['both'] });
      await eventually(
        subject,
        'the first note',
        () => first.notes.length === 1 && second.notes.length === 1,
      );
      one.stop();
      one.stop();
      const three = store.feed.follow(third);
      await store.change(0, { steps: [], notes: ['the others'] });
      await eventually(
        subject,
        'the second note',
        () => second.notes.length === 2 && third.notes.length === 1,
      );
      assert.deepEqual(
        first.notes.map(({ notes }) => notes),
        [['both']],
      );
      two.stop();
      three.stop();
    },
  },
];
