import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import type { Step } from '../../state/store/change.js';
import { done, fieldsOf, members, type StoreCase } from './subject.js';

const put = (key: string): Step => ({ kind: 'put', key, fields: { of: key }, ttlMs: HOUR_MS });
const link = (index: string, member: string, ttlMs = HOUR_MS): Step => ({
  kind: 'link',
  index,
  member,
  ttlMs,
});

export const indexCases: readonly StoreCase[] = [
  {
    name: 'lists what is linked, with the time that is left',
    async run({ store, other = store }) {
      await store.change(0, { steps: [link('i', 'a', 60_000), link('i', 'b'), link('j', 'c')] });
      const linked = [...(await other.list(0, 'i'))].sort((x, y) => (x.member < y.member ? -1 : 1));
      assert.deepEqual(
        linked.map(({ member }) => member),
        ['a', 'b'],
      );
      assert.ok(Math.abs(linked[0]!.expiresInMs - 60_000) < 2_000, `expires in ${linked[0]!.expiresInMs}`);
      assert.ok(Math.abs(linked[1]!.expiresInMs - HOUR_MS) < 2_000, `expires in ${linked[1]!.expiresInMs}`);
      await store.change(0, {
        steps: [
          { kind: 'unlink', index: 'i', member: 'a' },
          { kind: 'unlink', index: 'i', member: 'none' },
          { kind: 'unlink', index: 'none', member: 'a' },
        ],
      });
      assert.deepEqual(await members(store, 'i'), ['b']);
      assert.deepEqual(await members(store, 'j'), ['c']);
    },
  },
  {
    name: 'links a member once, with its newest time',
    async run({ store }) {
      await store.change(0, { steps: [link('i', 'a', 60_000), link('i', 'a', 90_000)] });
      await store.change(0, { steps: [link('i', 'a', 30_000)] });
      const linked = await store.list(0, 'i');
      assert.equal(linked.length, 1);
      assert.ok(Math.abs(linked[0]!.expiresInMs - 30_000) < 2_000, `expires in ${linked[0]!.expiresInMs}`);
    },
  },
  {
    name: 'removes every record that an index names, and says how many',
    async run({ store, other = store }) {
      await store.change(0, {
        steps: [
          put('a'),
          put('b'),
          put('c'),
          put('d'),
          link('i', 'a'),
          link('i', 'b'),
          link('i', 'gone'),
          link('j', 'b'),
          link('j', 'c'),
        ],
      });
      assert.equal(done(await other.change(0, { steps: [{ kind: 'removeLinked', index: 'i' }] })).removed, 2);
      assert.equal(await store.read(0, 'a'), undefined);
      assert.equal(await store.read(0, 'b'), undefined);
      assert.deepEqual(await fieldsOf(store, 'd'), { of: 'd' });
      assert.deepEqual(await members(store, 'i'), []);
      assert.deepEqual(await members(store, 'j'), ['b', 'c'], 'an index of another name is left as it is');
      assert.equal(done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'j' }] })).removed, 1);
      assert.equal(
        done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'none' }] })).removed,
        0,
      );
    },
  },
  {
    name: 'spares one record of an index when told',
    async run({ store }) {
      await store.change(0, {
        steps: [put('a'), put('b'), put('c'), link('i', 'a'), link('i', 'b'), link('i', 'c')],
      });
      assert.equal(
        done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'i', except: 'b' }] })).removed,
        2,
      );
      assert.deepEqual(await fieldsOf(store, 'b'), { of: 'b' });
      assert.deepEqual(await members(store, 'i'), ['b']);
      assert.equal(
        done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'i', except: 'none' }] }))
          .removed,
        1,
      );
    },
  },
  {
    name: 'changes an index in the same step as its records, or neither',
    async run({ store }) {
      const steps = [put('a'), link('i', 'a')];
      assert.equal((await store.change(0, { requires: [{ kind: 'present', key: 'a' }], steps })).done, false);
      assert.deepEqual(await members(store, 'i'), []);
      await store.change(0, {
        steps: [...steps, { kind: 'removeLinked', index: 'i' }, put('b'), link('i', 'b')],
      });
      assert.deepEqual(await members(store, 'i'), ['b']);
      assert.equal(await store.read(0, 'a'), undefined);
    },
  },
  {
    name: 'keeps indexes and members of odd names apart',
    async run({ store, other = store }) {
      const names = [
        'a',
        'A',
        'a:b',
        'a\0b',
        '__proto__',
        'constructor',
        '€',
        '😀',
        ' ',
        '\n',
        'x'.repeat(512),
        '€'.repeat(512),
      ];
      for (const index of names)
        await store.change(0, {
          steps: names.filter((name) => name !== index).map((member) => link(index, member)),
        });
      for (const index of names)
        assert.deepEqual(
          await members(other, index),
          names.filter((name) => name !== index).sort(),
          JSON.stringify(index),
        );
    },
  },
  {
    name: 'holds many members',
    async run({ store }) {
      const names = Array.from({ length: 600 }, (_, at) => `m${String(at).padStart(3, '0')}`);
      for (let at = 0; at < names.length; at += 100)
        await store.change(0, {
          steps: names.slice(at, at + 100).flatMap((name) => [put(name), link('i', name)]),
        });
      assert.deepEqual(await members(store, 'i'), names);
      assert.equal(
        done(await store.change(0, { steps: [{ kind: 'removeLinked', index: 'i', except: 'm007' }] }))
          .removed,
        599,
      );
      assert.deepEqual(await members(store, 'i'), ['m007']);
    },
  },
];
