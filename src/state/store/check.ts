import { StickyError } from '../../base/errors.js';
import { TTL_MAX_MS, type Change } from './change.js';

const KEY_CHARACTERS_MAX = 512;
const STEPS_MAX = 256;

/** A name that every store can take. Who lets users name things hashes what is longer. */
export function checkKey(key: string): void {
  if (key.length > 0 && key.length <= KEY_CHARACTERS_MAX) return;
  throw invalid(`A key of a store has 1 to ${KEY_CHARACTERS_MAX} characters; this one has ${key.length}.`);
}

/** Throws for a change that no store could run: a fault of the caller's, never of the data. */
export function checkChange({ steps, requires = [], notes = [] }: Change): void {
  if (steps.length > STEPS_MAX || requires.length > STEPS_MAX || notes.length > STEPS_MAX) {
    throw invalid(`A change has at most ${STEPS_MAX} steps, requirements and notes each; this one has ${steps.length}, ${requires.length} and ${notes.length}.`);
  }
  for (const { key } of requires) checkKey(key);
  for (const step of steps) {
    checkKey('key' in step ? step.key : step.index);
    if ('member' in step) checkKey(step.member);
    if ('ttlMs' in step && step.ttlMs !== undefined) checkTime(step.ttlMs);
    if ('endsInMs' in step && step.endsInMs !== undefined) checkTime(step.endsInMs);
  }
}

function checkTime(ms: number): void {
  if (ms > 0 && ms <= TTL_MAX_MS) return;
  throw invalid(`A time to live must be above 0 and at most 400 days; this one is ${ms} ms.`);
}

function invalid(message: string): StickyError {
  return new StickyError('STICKY_STORE_MISUSED', message);
}
