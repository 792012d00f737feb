import type { Change } from '../change.js';
import type { ChangeCall, ChangeHead } from './change-call.js';
import { wholeMs } from './change-call.js';
import type { PartitionKeys } from './keys.js';

/** A change as the script `MERGE` takes it. */
export interface MergeCall extends ChangeCall {
  /** Where the requirements that the script counts stand in the change. */
  readonly indexes: readonly number[];
}

/** Undefined: it is not of this kind, and for the script `CHANGE`. */
export function mergeCall(
  of: PartitionKeys,
  id: string,
  { layout, notAfterMs, markMs }: ChangeHead,
  { requires = [], steps, notes = [] }: Change,
): MergeCall | undefined {
  const [step] = steps;
  if (step?.kind !== 'merge' || steps.length > 1 || notes.length > 0 || (step.unset?.length ?? 0) > 0)
    return undefined;
  const { key, set = {} } = step;
  const absent: string[] = [];
  const compared: string[] = [];
  const texts: string[] = [];
  const indexes: number[] = [];
  for (const [index, requirement] of requires.entries()) {
    if (requirement.key !== key) return undefined;
    // The script leaves an absent record to the other.
    if (requirement.kind === 'present') continue;
    if (requirement.kind !== 'field') return undefined;
    indexes.push(index);
    if (requirement.text !== undefined) {
      compared.push(requirement.field);
      texts.push(requirement.text);
    } else {
      // It looks at these first, and who asks hears of the first that does not hold.
      if (compared.length > 0) return undefined;
      absent.push(requirement.field);
    }
  }
  const tokens = [
    layout,
    notAfterMs.toFixed(0),
    markMs === undefined ? '' : `${markMs}`,
    step.ttlMs === undefined ? '' : wholeMs(step.ttlMs),
    `${absent.length}`,
    `${compared.length}`,
    ...absent,
    ...compared,
    ...texts,
  ];
  for (const name of Object.keys(set)) tokens.push(name, set[name]!);
  const keys = [of.header, of.record(key)];
  if (markMs !== undefined) keys.push(of.mark(id));
  return { keys, tokens, indexes };
}
