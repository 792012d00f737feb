import { StickyError } from '../../base/errors.js';
import { TTL_MAX_MS, type Change, type Requirement, type Step } from './change.js';
import type { RecordFields } from './record.js';

const KEY_CHARACTERS_MAX = 512;
const STEPS_MAX = 256;
const FIELDS_MAX = 1024;
const NOTE_CHARACTERS_MAX = 4096;
const RECORDS_MAX = 1e12;
const STEPS = { put: 1, merge: 1, remove: 1, link: 1, unlink: 1, removeLinked: 1 } satisfies Record<
  Step['kind'],
  1
>;
const REQUIREMENTS = { present: 1, absent: 1, version: 1, versionMax: 1, field: 1 } satisfies Record<
  Requirement['kind'],
  1
>;

/** A name that every store can take. Who lets users name things hashes what is longer. */
export function checkKey(key: string): void {
  checkText(key);
  if (key.length > 0 && key.length <= KEY_CHARACTERS_MAX) return;
  throw invalid(`A key of a store has 1 to ${KEY_CHARACTERS_MAX} characters; this one has ${key.length}.`);
}

export function checkPartition(partition: number, partitions: number): void {
  if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return;
  throw invalid(`This store has partitions 0 to ${partitions - 1}, and none ${partition}.`);
}

/** Throws for a change that no store could run: a fault of the caller's, never of the data. */
export function checkChange(change: Change): void {
  if (typeof change !== 'object' || change === null)
    throw invalid('A change must be an object with `steps`.');
  const { steps, requires = [], notes = [] } = change;
  if (!Array.isArray(steps) || !Array.isArray(requires) || !Array.isArray(notes))
    throw invalid('`steps`, `requires` and `notes` of a change must be lists.');
  if (steps.length > STEPS_MAX || requires.length > STEPS_MAX || notes.length > STEPS_MAX) {
    throw invalid(
      `A change has at most ${STEPS_MAX} steps, requirements and notes each; this one has ${steps.length}, ${requires.length} and ${notes.length}.`,
    );
  }
  for (const requirement of requires as readonly Requirement[]) {
    checkPart(requirement, REQUIREMENTS, 'requirement');
    if ('version' in requirement && !Number.isSafeInteger(requirement.version))
      throw invalid('The version of a requirement must be a whole number.');
    checkKey(requirement.key);
    if ('field' in requirement) checkText(requirement.field);
    if ('text' in requirement && requirement.text !== undefined) checkText(requirement.text);
  }
  for (const note of notes as readonly string[]) {
    checkText(note);
    if (note.length > NOTE_CHARACTERS_MAX)
      throw invalid(`A note has at most ${NOTE_CHARACTERS_MAX} characters; this one has ${note.length}.`);
  }
  for (const step of steps as readonly Step[]) {
    checkPart(step, STEPS, 'step');
    checkKey('key' in step ? step.key : step.index);
    if ('member' in step) checkKey(step.member);
    if ('ttlMs' in step && step.ttlMs !== undefined) checkTime(step.ttlMs);
    if ('endsInMs' in step && step.endsInMs !== undefined) checkTime(step.endsInMs);
    if (step.kind === 'put') checkFields(step.fields);
    if (step.kind === 'merge') checkFields(step.set ?? {}, step.unset);
  }
}

/** How many records a store may hold. */
export function checkMax(max: number): void {
  if (Number.isInteger(max) && max >= 1 && max <= RECORDS_MAX) return;
  throw invalid('`max` must be a whole number above 0.');
}

function checkPart(part: { readonly kind: string }, kinds: object, what: string): void {
  if (typeof part === 'object' && part !== null && Object.hasOwn(kinds, part.kind)) return;
  throw invalid(`A ${what} of a change has a \`kind\`, one of ${Object.keys(kinds).join(', ')}.`);
}

/** Names that begin with `#` are what stores keep of their own beside the fields. */
function checkFields(fields: RecordFields, unset: readonly string[] = []): void {
  if (typeof fields !== 'object' || fields === null || !Array.isArray(unset))
    throw invalid('`fields` and `set` are objects of texts, and `unset` is a list of names.');
  const names = Object.keys(fields);
  if (names.length + unset.length > FIELDS_MAX)
    throw invalid(
      `A step sets and unsets at most ${FIELDS_MAX} fields; this one has ${names.length + unset.length}.`,
    );
  for (const name of [...names, ...unset]) {
    checkText(name);
    if (name.startsWith('#')) throw invalid("The name of a field can't begin with #.");
  }
  for (const name of names) checkText(fields[name]!);
}

/** Half of a character (a lone surrogate) can't be written as UTF-8: two keys could become one. */
function checkText(text: string): void {
  // In Node 20, which is the least that we run on; not yet in the types.
  if (typeof text === 'string' && (text as string & { isWellFormed(): boolean }).isWellFormed()) return;
  throw invalid('A store keeps text; this is none, or holds half of a character.');
}

function checkTime(ms: number): void {
  if (typeof ms === 'number' && ms > 0 && ms <= TTL_MAX_MS) return;
  throw invalid(`A time to live must be above 0 and at most 400 days; this one is ${ms} ms.`);
}

function invalid(message: string): StickyError {
  return new StickyError('STICKY_STORE_MISUSED', message);
}
