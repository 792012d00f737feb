import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import type { Requirement, Step } from '../../state/store/change.js';
import { done, fieldsOf, members, SHORT_MS, type StoreCase } from './subject.js';

// A real store's clock goes on by itself. So nothing here is expected to be there that lives for a short
// time: a slow machine must not fail, and what extends a short life stands in the same change as what gave
// it.
const short = (key: string, endsInMs?: number): Step => ({
  kind: 'put',
  key,
  fields: { x: '1' },
  ttlMs: SHORT_MS,
  endsInMs,
});
const long = (key: string): Step => ({ kind: 'put', key, fields: { x: '1' }, ttlMs: HOUR_MS });

export const timeCases: readonly StoreCase[] = [
  {
    name: 'forgets a record when its time is over, and no other',
    async run({ store, advance }) {
      await store.change(0, { steps: [short('a'), long('b')] });
      await advance(SHORT_MS);
      assert.equal(await store.read(0, 'a'), undefined);
      assert.deepEqual(await fieldsOf(store, 'b'), { x: '1' });
    },
  },
  {
    name: 'counts an expired record as absent in every requirement and step',
    async run({ store, advance }) {
      const { version } = done(await store.change(0, { steps: [short('a')] }));
      await advance(SHORT_MS);
      const failing: Requirement[] = [
        { kind: 'present', key: 'a' },
        { kind: 'version', key: 'a', version },
        { kind: 'field', key: 'a', field: 'x', text: '1' },
      ];
      for (const requirement of failing)
        assert.deepEqual(
          await store.change(0, { requires: [requirement], steps: [] }),
          { done: false, failed: 0 },
          requirement.kind,
        );
      const holding: Requirement[] = [
        { kind: 'absent', key: 'a' },
        { kind: 'versionMax', key: 'a', version: 0 },
        { kind: 'field', key: 'a', field: 'x', text: undefined },
      ];
      assert.ok(
        (
          await store.change(0, {
            requires: holding,
            steps: [{ kind: 'merge', key: 'a', set: { y: '2' }, ttlMs: HOUR_MS }],
          })
        ).done,
      );
      assert.equal(await store.read(0, 'a'), undefined, 'a merge does not bring it back');
      await store.change(0, {
        requires: holding,
        steps: [{ kind: 'put', key: 'a', fields: { z: '3' }, ttlMs: HOUR_MS }],
      });
      assert.deepEqual(await fieldsOf(store, 'a'), { z: '3' });
    },
  },
  {
    name: 'extends a life by a merge that says so, up to its end and no further',
    async run({ store, advance }) {
      const extend = (key: string): Step => ({ kind: 'merge', key, ttlMs: HOUR_MS });
      await store.change(0, {
        steps: [
          short('extended', 2 * HOUR_MS),
          extend('extended'),
          short('ended', SHORT_MS * 2),
          extend('ended'),
          short('fixed'),
          extend('fixed'),
          short('left', HOUR_MS),
          { kind: 'merge', key: 'left', set: { x: '2' } },
        ],
      });
      await advance(SHORT_MS);
      assert.equal(
        await store.read(0, 'fixed'),
        undefined,
        'where nothing is said of an end, the first life is the end',
      );
      assert.equal(await store.read(0, 'left'), undefined, 'a merge without a time leaves the time');
      await advance(SHORT_MS);
      assert.equal(await store.read(0, 'ended'), undefined, 'nothing lives beyond its end');
      const { expiresInMs, endsInMs } = (await store.read(0, 'extended'))!;
      assert.ok(Math.abs(expiresInMs - HOUR_MS) < 2_000, `expires in ${expiresInMs}`);
      assert.ok(Math.abs(endsInMs - 2 * HOUR_MS) < 2_000, `ends in ${endsInMs}`);
    },
  },
  {
    name: 'extends and shortens a life also by a merge that is all of a change',
    async run({ store, advance }) {
      const merge = (ttlMs: number | undefined) =>
        store.change(0, {
          requires: [{ kind: 'present', key: 'a' }],
          steps: [{ kind: 'merge', key: 'a', set: { x: '2' }, ttlMs }],
        });
      await store.change(0, {
        steps: [{ kind: 'put', key: 'a', fields: { x: '1' }, ttlMs: HOUR_MS, endsInMs: 3 * HOUR_MS }],
      });
      for (const [ttlMs, livesMs] of [
        [2 * HOUR_MS, 2 * HOUR_MS],
        [undefined, 2 * HOUR_MS],
        [4 * HOUR_MS, 3 * HOUR_MS],
      ] as const) {
        assert.ok((await merge(ttlMs)).done);
        const { expiresInMs, endsInMs } = (await store.read(0, 'a'))!;
        assert.ok(Math.abs(expiresInMs - livesMs) < 2_000, `expires in ${expiresInMs}`);
        assert.ok(Math.abs(endsInMs - 3 * HOUR_MS) < 2_000, `ends in ${endsInMs}`);
      }
      await merge(SHORT_MS);
      await advance(SHORT_MS);
      assert.equal(await store.read(0, 'a'), undefined);
      assert.deepEqual(await merge(HOUR_MS), { done: false, failed: 0 });
      assert.ok(
        (
          await store.change(0, {
            requires: [{ kind: 'field', key: 'a', field: 'x', text: undefined }],
            steps: [{ kind: 'merge', key: 'a', set: { x: '3' }, ttlMs: HOUR_MS }],
          })
        ).done,
      );
      assert.equal(await store.read(0, 'a'), undefined, 'a merge does not bring it back');
    },
  },
  {
    name: 'shortens a life by a merge that says so',
    async run({ store, advance }) {
      await store.change(0, { steps: [long('a'), { kind: 'merge', key: 'a', ttlMs: SHORT_MS }] });
      await advance(SHORT_MS);
      assert.equal(await store.read(0, 'a'), undefined);
    },
  },
  {
    name: 'gives a record that is put anew a new life',
    async run({ store, advance }) {
      await store.change(0, { steps: [short('a'), long('a'), long('b'), short('b')] });
      await advance(SHORT_MS);
      assert.deepEqual(await fieldsOf(store, 'a'), { x: '1' });
      assert.equal(await store.read(0, 'b'), undefined);
    },
  },
  {
    name: 'forgets a link when its time is over, and names nothing by it',
    async run({ store, advance }) {
      await store.change(0, {
        steps: [
          long('a'),
          long('b'),
          long('c'),
          { kind: 'link', index: 'i', member: 'a', ttlMs: SHORT_MS },
          { kind: 'link', index: 'i', member: 'b', ttlMs: HOUR_MS },
          { kind: 'link', index: 'i', member: 'c', ttlMs: SHORT_MS },
          { kind: 'link', index: 'i', member: 'c', ttlMs: HOUR_MS },
          { kind: 'link', index: 'only', member: 'a', ttlMs: SHORT_MS },
        ],
      });
      await advance(SHORT_MS);
      assert.deepEqual(await members(store, 'i'), ['b', 'c']);
      assert.deepEqual(await members(store, 'only'), []);
      assert.equal(done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'i' }] })).removed, 2);
      assert.deepEqual(await fieldsOf(store, 'a'), { x: '1' });
      assert.equal(await store.read(0, 'b'), undefined);
    },
  },
  {
    name: 'removes no expired record that an index still names',
    async run({ store, advance }) {
      await store.change(0, {
        steps: [
          short('a'),
          long('b'),
          ...['a', 'b'].map((member): Step => ({ kind: 'link', index: 'i', member, ttlMs: HOUR_MS })),
        ],
      });
      await advance(SHORT_MS);
      assert.deepEqual(await members(store, 'i'), ['a', 'b']);
      assert.equal(done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'i' }] })).removed, 1);
      assert.deepEqual(await members(store, 'i'), []);
    },
  },
];
