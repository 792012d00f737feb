import type { Change, Changed, Requirement, Step } from './change.js';
import type { RecordFields } from './record.js';

/** A record as an embedded store keeps it, with instants of the store's own clock. */
export interface KeptRecord {
  readonly fields: RecordFields;
  readonly version: number;
  readonly expiresAtMs: number;
  readonly endsAtMs: number;
}

/** Where an embedded store keeps one partition. Expired entries may be given; they are passed over here. */
export interface Shelf {
  get(key: string): KeptRecord | undefined;
  put(key: string, record: KeptRecord): void;
  remove(key: string): void;
  /** When a member's link expires, by member. */
  linked(index: string): ReadonlyMap<string, number>;
  link(index: string, member: string, expiresAtMs: number): void;
  unlink(index: string, member: string): void;
}

/** Runs a change on a shelf, whose store makes it atomic. `sequence` is the number that the change gets. */
export function runChange(shelf: Shelf, change: Change, sequence: number, nowMs: number): Changed {
  const failed = (change.requires ?? []).findIndex((requirement) => !holds(shelf, requirement, nowMs));
  if (failed !== -1) return { done: false, failed };
  let removed = 0;
  for (const step of change.steps) removed += runStep(shelf, step, sequence, nowMs);
  return { done: true, version: sequence, removed };
}

export function living(record: KeptRecord | undefined, nowMs: number): KeptRecord | undefined {
  return record !== undefined && record.expiresAtMs > nowMs ? record : undefined;
}

function holds(shelf: Shelf, requirement: Requirement, nowMs: number): boolean {
  const record = living(shelf.get(requirement.key), nowMs);
  switch (requirement.kind) {
    case 'present':
      return record !== undefined;
    case 'absent':
      return record === undefined;
    case 'version':
      return record?.version === requirement.version;
    case 'versionMax':
      return record === undefined || record.version <= requirement.version;
    case 'field':
      return fieldOf(record?.fields, requirement.field) === requirement.text;
  }
}

function runStep(shelf: Shelf, step: Step, version: number, nowMs: number): number {
  switch (step.kind) {
    case 'put': {
      const endsAtMs = nowMs + Math.max(step.ttlMs, step.endsInMs ?? step.ttlMs);
      shelf.put(step.key, {
        fields: Object.assign(bareFields(), step.fields),
        version,
        expiresAtMs: nowMs + step.ttlMs,
        endsAtMs,
      });
      return 0;
    }
    case 'merge': {
      const record = living(shelf.get(step.key), nowMs);
      if (record === undefined) return 0;
      const fields = Object.assign(bareFields(), record.fields);
      for (const name of step.unset ?? []) delete fields[name];
      Object.assign(fields, step.set);
      const expiresAtMs =
        step.ttlMs === undefined ? record.expiresAtMs : Math.min(nowMs + step.ttlMs, record.endsAtMs);
      shelf.put(step.key, { fields, version, expiresAtMs, endsAtMs: record.endsAtMs });
      return 0;
    }
    case 'remove':
      shelf.remove(step.key);
      return 0;
    case 'link':
      shelf.link(step.index, step.member, nowMs + step.ttlMs);
      return 0;
    case 'unlink':
      shelf.unlink(step.index, step.member);
      return 0;
    case 'removeLinked': {
      let removed = 0;
      for (const [member, expiresAtMs] of [...shelf.linked(step.index)]) {
        if (member === step.except) continue;
        shelf.unlink(step.index, member);
        if (expiresAtMs <= nowMs || living(shelf.get(member), nowMs) === undefined) continue;
        shelf.remove(member);
        removed++;
      }
      return removed;
    }
  }
}

function fieldOf(fields: RecordFields | undefined, name: string): string | undefined {
  return fields?.[name];
}

/** Without a prototype, so that a field may have any name. */
export function bareFields(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}
