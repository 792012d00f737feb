import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import type { Requirement } from '../../state/store/change.js';
import type { Store } from '../../state/store/store.js';
import { done, fieldsOf, type StoreCase } from './subject.js';

export const requirementCases: readonly StoreCase[] = [
  {
    name: 'changes only where every requirement holds, and says which one did not',
    async run({ store }) {
      const first = done(
        await store.change(0, {
          steps: [{ kind: 'put', key: 'a', fields: { x: '1', empty: '' }, ttlMs: HOUR_MS }],
        }),
      ).version;
      const version = done(
        await store.change(0, { steps: [{ kind: 'merge', key: 'a', set: { x: '2' } }] }),
      ).version;
      const holding: Requirement[] = [
        { kind: 'present', key: 'a' },
        { kind: 'absent', key: 'none' },
        { kind: 'version', key: 'a', version },
        { kind: 'versionMax', key: 'a', version },
        { kind: 'versionMax', key: 'a', version: version + 1 },
        { kind: 'versionMax', key: 'none', version: 0 },
        { kind: 'field', key: 'a', field: 'x', text: '2' },
        { kind: 'field', key: 'a', field: 'empty', text: '' },
        { kind: 'field', key: 'a', field: 'none', text: undefined },
        { kind: 'field', key: 'none', field: 'x', text: undefined },
      ];
      const failing: Requirement[] = [
        { kind: 'present', key: 'none' },
        { kind: 'absent', key: 'a' },
        { kind: 'version', key: 'a', version: first },
        { kind: 'version', key: 'none', version: 0 },
        { kind: 'versionMax', key: 'a', version: first },
        { kind: 'field', key: 'a', field: 'x', text: '1' },
        { kind: 'field', key: 'a', field: 'x', text: undefined },
        { kind: 'field', key: 'a', field: 'empty', text: undefined },
        { kind: 'field', key: 'a', field: 'none', text: '' },
        { kind: 'field', key: 'none', field: 'x', text: '2' },
      ];
      for (const requirement of holding)
        assert.ok(
          (await store.change(0, { requires: [requirement], steps: [] })).done,
          JSON.stringify(requirement),
        );
      assert.ok((await store.change(0, { requires: holding, steps: [] })).done);
      const before = await store.sequence(0);
      for (const requirement of failing) {
        const changed = await store.change(0, {
          requires: [...holding, requirement, ...failing],
          steps: [
            { kind: 'put', key: 'b', fields: {}, ttlMs: HOUR_MS },
            { kind: 'remove', key: 'a' },
          ],
        });
        assert.deepEqual(changed, { done: false, failed: holding.length }, JSON.stringify(requirement));
      }
      assert.equal(await store.read(0, 'b'), undefined);
      assert.deepEqual(await fieldsOf(store, 'a'), { x: '2', empty: '' });
      assert.equal(await store.sequence(0), before, 'a refused change has no number');
    },
  },
  {
    name: 'looks at requirements before any step',
    async run({ store }) {
      const requires: Requirement[] = [{ kind: 'absent', key: 'a' }];
      assert.ok(
        (await store.change(0, { requires, steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: HOUR_MS }] }))
          .done,
      );
      assert.deepEqual(await store.change(0, { requires, steps: [{ kind: 'remove', key: 'a' }] }), {
        done: false,
        failed: 0,
      });
    },
  },
  {
    name: 'loses none of many parallel changes that compare first',
    async run({ store, other = store }) {
      await store.change(0, { steps: [{ kind: 'put', key: 'count', fields: { n: '0' }, ttlMs: HOUR_MS }] });
      let refused = 0;
      const increment = async (by: Store): Promise<number> => {
        for (;;) {
          const { fields, version } = (await by.read(0, 'count'))!;
          const changed = await by.change(0, {
            requires: [{ kind: 'version', key: 'count', version }],
            steps: [{ kind: 'merge', key: 'count', set: { n: `${Number(fields['n']) + 1}` } }],
          });
          if (changed.done) return changed.version;
          refused++;
        }
      };
      const versions = await Promise.all(
        Array.from({ length: 40 }, (_, at) => increment(at % 2 === 0 ? store : other)),
      );
      assert.equal((await fieldsOf(store, 'count'))?.['n'], '40');
      assert.equal(new Set(versions).size, 40);
      assert.ok(refused > 0, 'they did not meet');
    },
  },
  {
    name: 'lets one of many parallel creations through',
    async run({ store, other = store }) {
      const changes = await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          (at % 2 === 0 ? store : other).change(0, {
            requires: [{ kind: 'absent', key: 'a' }],
            steps: [{ kind: 'put', key: 'a', fields: { by: `${at}` }, ttlMs: HOUR_MS }],
          }),
        ),
      );
      assert.equal(changes.filter((changed) => changed.done).length, 1);
      assert.equal((await fieldsOf(store, 'a'))?.['by'], `${changes.findIndex((changed) => changed.done)}`);
    },
  },
  {
    name: 'keeps every field of parallel merges',
    async run({ store, other = store }) {
      await store.change(0, { steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: HOUR_MS }] });
      await Promise.all(
        Array.from({ length: 30 }, (_, at) =>
          (at % 2 === 0 ? store : other).change(0, {
            requires: [{ kind: 'present', key: 'a' }],
            steps: [{ kind: 'merge', key: 'a', set: { [`f${at}`]: `${at}` } }],
          }),
        ),
      );
      assert.deepEqual(
        await fieldsOf(store, 'a'),
        Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`f${at}`, `${at}`])),
      );
    },
  },
];
