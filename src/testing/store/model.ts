import assert from 'node:assert/strict';
import { HOUR_MS } from '../../base/duration.js';
import type { Random } from '../../base/random.js';
import type { Change, Requirement, Step } from '../../state/store/change.js';
import { seededRandom } from '../seeded-random.js';
import { fieldsOf, members, type StoreCase } from './subject.js';

const CHANGES = 400;
const KEYS = ['a', 'b', 'c', 'd'];
const INDEXES = ['i', 'j'];
const FIELDS = ['x', 'y', 'z', '__proto__'];

/** What a store must be like, as simply as it can be said. Nothing expires in it. */
class Model {
  readonly records = new Map<string, { fields: Map<string, string>; version: number }>();
  readonly indexes = new Map<string, Set<string>>(INDEXES.map((index) => [index, new Set()]));
  version = 0;

  holds(requirement: Requirement): boolean {
    const record = this.records.get(requirement.key);
    if (requirement.kind === 'present') return record !== undefined;
    if (requirement.kind === 'absent') return record === undefined;
    if (requirement.kind === 'version') return record?.version === requirement.version;
    if (requirement.kind === 'versionMax')
      return record === undefined || record.version <= requirement.version;
    return record?.fields.get(requirement.field) === requirement.text;
  }

  step(step: Step, version: number): number {
    if (step.kind === 'put')
      this.records.set(step.key, { fields: new Map(Object.entries(step.fields)), version });
    else if (step.kind === 'remove') this.records.delete(step.key);
    else if (step.kind === 'link') this.indexes.get(step.index)!.add(step.member);
    else if (step.kind === 'unlink') this.indexes.get(step.index)!.delete(step.member);
    else if (step.kind === 'merge') {
      const record = this.records.get(step.key);
      if (record === undefined) return 0;
      for (const name of step.unset ?? []) record.fields.delete(name);
      for (const [name, text] of Object.entries(step.set ?? {})) record.fields.set(name, text);
      record.version = version;
    } else {
      const named = [...this.indexes.get(step.index)!].filter((member) => member !== step.except);
      for (const member of named) this.indexes.get(step.index)!.delete(member);
      return named.filter((member) => this.records.delete(member)).length;
    }
    return 0;
  }
}

/** A long seeded walk through changes of every kind, with a model that is asked the same. */
export function modelCase(seed: number): StoreCase {
  return {
    name: `agrees with a simple model through ${CHANGES} random changes (seed ${seed})`,
    async run({ store, other = store }) {
      const random = seededRandom(seed);
      const model = new Model();
      for (let at = 0; at < CHANGES; at++) {
        const change = randomChange(random, model);
        const told = `change ${at} of seed ${seed}: ${JSON.stringify(change)}`;
        const changed = await (random.below(2) === 0 ? store : other).change(0, change);
        const failed = change.requires!.findIndex((requirement) => !model.holds(requirement));
        if (failed !== -1) {
          assert.deepEqual(changed, { done: false, failed }, told);
          continue;
        }
        assert.ok(changed.done && changed.version > model.version, told);
        model.version = changed.version;
        let removed = 0;
        for (const step of change.steps) removed += model.step(step, changed.version);
        assert.equal(changed.removed, removed, told);
        if (at % 10 === 0 || at === CHANGES - 1) {
          const reader = random.below(2) === 0 ? store : other;
          for (const key of KEYS) {
            const record = model.records.get(key);
            assert.deepEqual(
              await fieldsOf(reader, key),
              record === undefined ? undefined : Object.fromEntries(record.fields),
              told,
            );
            assert.equal((await reader.read(0, key))?.version, record?.version, told);
          }
          for (const index of INDEXES)
            assert.deepEqual(await members(reader, index), [...model.indexes.get(index)!].sort(), told);
          assert.equal(await reader.sequence(0), model.version, told);
        }
      }
    },
  };
}

function randomChange(random: Random, model: Model): Change & { readonly requires: readonly Requirement[] } {
  const one = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const fields = (): Record<string, string> =>
    Object.fromEntries(
      FIELDS.filter(() => random.below(2) === 0).map((name) => [name, `${random.below(3)}`]),
    );
  // Mostly of what is so, or hardly any change would be made.
  const version = (key: string): number =>
    (model.records.get(key)?.version ?? 1) - (random.below(4) === 0 ? 1 : 0);
  const requirement = (): Requirement => {
    const key = one(KEYS);
    const isThere = model.records.has(key) !== (random.below(6) === 0);
    switch (random.below(4)) {
      case 0:
        return { kind: isThere ? 'present' : 'absent', key };
      case 1:
        return { kind: isThere ? 'version' : 'versionMax', key, version: version(key) };
      case 2:
        return { kind: 'versionMax', key, version: version(key) };
      default: {
        const field = one(FIELDS);
        return {
          kind: 'field',
          key,
          field,
          text:
            random.below(4) === 0
              ? one([undefined, '0', '1', '2'])
              : model.records.get(key)?.fields.get(field),
        };
      }
    }
  };
  const step = (): Step => {
    const key = one(KEYS);
    const index = one(INDEXES);
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return {
          kind: 'put',
          key,
          fields: fields(),
          ttlMs: HOUR_MS,
          endsInMs: one([undefined, HOUR_MS * 2]),
        };
      case 3:
      case 4:
        return {
          kind: 'merge',
          key,
          set: fields(),
          unset: FIELDS.filter(() => random.below(3) === 0),
          ttlMs: one([undefined, HOUR_MS]),
        };
      case 5:
        return { kind: 'remove', key };
      case 6:
      case 7:
        return { kind: 'link', index, member: key, ttlMs: HOUR_MS };
      case 8:
        return { kind: 'unlink', index, member: key };
      default:
        return { kind: 'removeLinked', index, except: one([undefined, key]) };
    }
  };
  if (random.below(4) === 0) {
    // The commonest change of all: fields of one record, where some of them are still what they were.
    const key = one(KEYS);
    const compared = FIELDS.filter(() => random.below(3) === 0).map((field): Requirement => ({
      kind: 'field',
      key,
      field,
      text:
        random.below(6) === 0 ? one([undefined, '0', '1', '2']) : model.records.get(key)?.fields.get(field),
    }));
    const requires: Requirement[] =
      random.below(2) === 0 ? compared : [{ kind: 'present', key }, ...compared];
    return { requires, steps: [{ kind: 'merge', key, set: fields(), ttlMs: one([undefined, HOUR_MS]) }] };
  }
  return {
    requires: Array.from({ length: random.below(3) }, requirement),
    steps: Array.from({ length: random.below(5) }, step),
    notes: random.below(3) === 0 ? ['changed'] : [],
  };
}
