import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import { StickyError } from '../../base/errors.js';
import type { Change, Step } from '../../state/store/change.js';
import { done, fieldsOf, type StoreCase } from './subject.js';

const put = (key: string, fields: Record<string, string>): Step => ({
  kind: 'put',
  key,
  fields,
  ttlMs: HOUR_MS,
});

const ODD_TEXTS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\r\n',
  'ä',
  '€',
  '日本語',
  '😀',
  '\u2028',
  '{}',
  '"',
  '\\',
  '%s',
  '\u007f\u0080\u00ff',
  'x'.repeat(1 << 20),
  '€'.repeat(100_000),
];
const ODD_NAMES = [
  '',
  ' ',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  '17',
  'run',
  'seq',
  'ä',
  '😀',
  'a\nb',
  'x'.repeat(512),
];

export const recordCases: readonly StoreCase[] = [
  {
    name: 'reads nothing where nothing was put',
    async run({ store }) {
      assert.equal(await store.read(0, 'none'), undefined);
      assert.deepEqual(await store.list(0, 'none'), []);
      assert.equal(await store.sequence(0), 0);
    },
  },
  {
    name: 'reads what was put, with its version and its times',
    async run({ store }) {
      const { version } = done(
        await store.change(0, {
          steps: [{ kind: 'put', key: 'a', fields: { x: '1', y: '2' }, ttlMs: 60_000, endsInMs: HOUR_MS }],
        }),
      );
      const record = await store.read(0, 'a');
      assert.ok(record !== undefined);
      assert.deepEqual({ ...record.fields }, { x: '1', y: '2' });
      assert.equal(record.version, version);
      assert.ok(Math.abs(record.expiresInMs - 60_000) < 2_000, `expires in ${record.expiresInMs}`);
      assert.ok(Math.abs(record.endsInMs - HOUR_MS) < 2_000, `ends in ${record.endsInMs}`);
      assert.equal(await store.sequence(0), version);
    },
  },
  {
    name: 'keeps any text as it was given, under any name',
    async run({ store, other = store }) {
      for (const text of ODD_TEXTS) {
        await store.change(0, { steps: [put('text', { text })] });
        assert.equal((await fieldsOf(other, 'text'))?.['text'], text);
        assert.ok(
          (
            await store.change(0, {
              requires: [{ kind: 'field', key: 'text', field: 'text', text }],
              steps: [],
            })
          ).done,
        );
      }
      const fields = Object.fromEntries(ODD_NAMES.map((name, at) => [name, `${at}`]));
      await store.change(0, { steps: [put('names', fields)] });
      const read = (await other.read(0, 'names'))!.fields;
      assert.deepEqual(Object.keys(read).sort(), [...ODD_NAMES].sort());
      for (const [at, name] of ODD_NAMES.entries()) assert.equal(read[name], `${at}`, JSON.stringify(name));
      await store.change(0, {
        steps: [
          { kind: 'merge', key: 'names', set: { ['__proto__']: 'new' }, unset: ['constructor', 'toString'] },
        ],
      });
      const merged = (await other.read(0, 'names'))!.fields;
      assert.deepEqual(
        Object.keys(merged).sort(),
        ODD_NAMES.filter((name) => name !== 'constructor' && name !== 'toString').sort(),
      );
      assert.equal(Object.entries(merged).find(([name]) => name === '__proto__')?.[1], 'new');
    },
  },
  {
    name: 'has no fields but those that were set',
    async run({ store }) {
      await store.change(0, { steps: [put('a', {})] });
      const { fields } = (await store.read(0, 'a'))!;
      for (const name of ['__proto__', 'constructor', 'toString']) {
        assert.equal(fields[name], undefined);
        assert.ok(
          (
            await store.change(0, {
              requires: [{ kind: 'field', key: 'a', field: name, text: undefined }],
              steps: [],
            })
          ).done,
          name,
        );
      }
    },
  },
  {
    name: 'reads at once what it reads otherwise',
    needsReadNow: true,
    async run({ store, other = store }) {
      const { readNow } = store;
      assert.ok(readNow !== undefined, 'it has no readNow');
      const now = (key: string, partition = 0) => readNow.call(store, partition, key);
      assert.equal(now('a'), undefined);
      for (const x of ['1', '2']) {
        const { version } = done(
          await other.change(0, {
            steps: [{ kind: 'put', key: 'a', fields: { x }, ttlMs: 60_000, endsInMs: HOUR_MS }],
          }),
        );
        const record = now('a');
        assert.ok(record !== undefined);
        assert.deepEqual([{ ...record.fields }, record.version], [{ x }, version]);
        assert.ok(
          record.expiresInMs > 58_000 &&
            record.expiresInMs <= 60_000 &&
            record.endsInMs > HOUR_MS - 2_000 &&
            record.endsInMs <= HOUR_MS,
        );
      }
      await other.change(0, { steps: [{ kind: 'remove', key: 'a' }] });
      assert.equal(now('a'), undefined);
      assert.throws(() => now('a', store.partitions), { code: 'STICKY_STORE_MISUSED' });
      assert.throws(() => now(''), { code: 'STICKY_STORE_MISUSED' });
    },
  },
  {
    name: 'keeps records of odd keys apart',
    async run({ store, other = store }) {
      const keys = [
        'a',
        'A',
        ' a',
        'a ',
        'a\0',
        'a\0b',
        '#',
        '*',
        'a:b',
        'a::b',
        '__proto__',
        '€',
        'é',
        'e\u0301',
        '😀',
        '\n',
        'x'.repeat(512),
        '€'.repeat(512),
        '😀'.repeat(256),
      ];
      for (const key of keys) await store.change(0, { steps: [put(key, { key })] });
      for (const key of keys) assert.equal((await fieldsOf(other, key))?.['key'], key);
    },
  },
  {
    name: 'puts the whole record anew, and merges fields',
    async run({ store }) {
      await store.change(0, { steps: [put('a', { x: '1', y: '1' })] });
      await store.change(0, { steps: [put('a', { y: '2', z: '2' })] });
      assert.deepEqual(await fieldsOf(store, 'a'), { y: '2', z: '2' });
      const { version } = done(
        await store.change(0, {
          steps: [{ kind: 'merge', key: 'a', set: { x: '3', y: '3' }, unset: ['z', 'none'] }],
        }),
      );
      assert.deepEqual(await fieldsOf(store, 'a'), { x: '3', y: '3' });
      assert.equal((await store.read(0, 'a'))?.version, version);
      await store.change(0, { steps: [{ kind: 'merge', key: 'a', set: { x: '4' }, unset: ['x'] }] });
      assert.equal((await fieldsOf(store, 'a'))?.['x'], '4', 'unset comes before set');
      await store.change(0, { steps: [{ kind: 'merge', key: 'a', unset: ['x', 'y'] }] });
      assert.deepEqual(await fieldsOf(store, 'a'), {}, 'a record without fields is there');
      await store.change(0, { steps: [{ kind: 'merge', key: 'none', set: { x: '1' } }] });
      assert.equal(await store.read(0, 'none'), undefined, 'nothing is merged into what is absent');
    },
  },
  {
    name: 'takes many fields',
    async run({ store }) {
      const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`name-${at}`, `${at}`]));
      await store.change(0, { steps: [put('a', fields)] });
      assert.deepEqual(await fieldsOf(store, 'a'), fields);
      await store.change(0, { steps: [{ kind: 'merge', key: 'a', unset: Object.keys(fields).slice(1) }] });
      assert.deepEqual(await fieldsOf(store, 'a'), { 'name-0': '0' });
    },
  },
  {
    name: 'does the steps of a change in order, all under one version',
    async run({ store }) {
      const { version } = done(
        await store.change(0, {
          steps: [
            put('a', { x: '1' }),
            { kind: 'remove', key: 'a' },
            { kind: 'merge', key: 'a', set: { x: '2' } },
            put('b', { x: '3' }),
            put('c', { x: '4' }),
            { kind: 'merge', key: 'c', set: { y: '5' } },
          ],
        }),
      );
      assert.equal(await store.read(0, 'a'), undefined);
      assert.deepEqual(await fieldsOf(store, 'c'), { x: '4', y: '5' });
      assert.equal((await store.read(0, 'b'))?.version, version);
      assert.equal((await store.read(0, 'c'))?.version, version);
    },
  },
  {
    name: 'counts every change with a higher number, whatever became of the record',
    async run({ store, other = store }) {
      const versions: number[] = [];
      for (let round = 0; round < 10; round++) {
        versions.push(done(await store.change(0, { steps: [put('a', {})] })).version);
        versions.push(done(await other.change(0, { steps: [{ kind: 'remove', key: 'a' }] })).version);
      }
      versions.push(done(await store.change(0, { steps: [] })).version);
      assert.deepEqual(
        versions,
        [...new Set(versions)].sort((a, b) => a - b),
      );
      assert.ok(versions.every((version) => Number.isSafeInteger(version) && version > 0));
      assert.equal(await other.sequence(0), versions.at(-1));
    },
  },
  {
    name: 'keeps partitions apart, and knows none above the last',
    async run({ store }) {
      await assert.rejects(async () => store.read(store.partitions, 'a'));
      await store.change(0, {
        steps: [put('a', { in: '0' }), { kind: 'link', index: 'i', member: 'a', ttlMs: HOUR_MS }],
      });
      const last = store.partitions - 1;
      if (last > 0) {
        assert.equal(await store.read(last, 'a'), undefined);
        assert.deepEqual(await store.list(last, 'i'), []);
        await store.change(last, { steps: [put('a', { in: 'last' })] });
        assert.deepEqual(await fieldsOf(store, 'a', last), { in: 'last' });
      }
      assert.deepEqual(await fieldsOf(store, 'a'), { in: '0' });
    },
  },
  {
    name: 'refuses what no store could do, and does nothing of it',
    async run({ store }) {
      const wrong: [string, Change][] = [
        ['an empty key', { steps: [put('a', {}), put('', {})] }],
        ['a long key', { steps: [put('x'.repeat(513), {})] }],
        ['half of a character', { steps: [put('a', { x: '\ud800' })] }],
        [
          'half of a character in a key',
          { requires: [{ kind: 'absent', key: '\udc00' }], steps: [put('a', {})] },
        ],
        ['a reserved name', { steps: [put('a', { '#v': '1' })] }],
        ['a reserved name in a merge', { steps: [put('a', {}), { kind: 'merge', key: 'a', unset: ['#x'] }] }],
        ['no time to live', { steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: 0 }] }],
        ['no number', { steps: [{ kind: 'link', index: 'i', member: 'a', ttlMs: NaN }] }],
        ['a time to live for ever', { steps: [{ kind: 'put', key: 'a', fields: {}, ttlMs: Infinity }] }],
      ];
      for (const [what, change] of wrong) {
        await assert.rejects(
          store.change(0, change),
          (error) => error instanceof StickyError && error.code === 'STICKY_STORE_MISUSED',
          what,
        );
        assert.equal(await store.read(0, 'a'), undefined, what);
      }
      await assert.rejects(store.read(store.partitions, 'a'), { code: 'STICKY_STORE_MISUSED' });
      await assert.rejects(store.read(0, ''), { code: 'STICKY_STORE_MISUSED' });
    },
  },
];
