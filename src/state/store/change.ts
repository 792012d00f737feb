import { DAY_MS } from '../../base/duration.js';
import type { RecordFields } from './record.js';

/** Something that must be true of a record for a change to happen. An expired record counts as absent. */
export type Requirement =
  | { readonly kind: 'present'; readonly key: string }
  | { readonly kind: 'absent'; readonly key: string }
  /** Nobody changed it since it was read at this version. */
  | { readonly kind: 'version'; readonly key: string; readonly version: number }
  /** Absent, or not changed after this sequence number. */
  | { readonly kind: 'versionMax'; readonly key: string; readonly version: number }
  /** One field of it is this text; undefined: it has no such field, or the record is absent. */
  | {
      readonly kind: 'field';
      readonly key: string;
      readonly field: string;
      readonly text: string | undefined;
    };

/** What a change does, in order. A time to live is above 0 and at most 400 days. */
export type Step =
  /**
   * The whole record anew. It lives for `ttlMs`; a merge may extend that, up to `endsInMs` from now (`ttlMs`
   * unless set).
   */
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly fields: RecordFields;
      readonly ttlMs: number;
      readonly endsInMs?: number | undefined;
    }
  /**
   * Some fields of a record, which must be there (else the step does nothing). `ttlMs`: lives for so long
   * from now, within its end.
   */
  | {
      readonly kind: 'merge';
      readonly key: string;
      readonly set?: RecordFields | undefined;
      readonly unset?: readonly string[] | undefined;
      readonly ttlMs?: number | undefined;
    }
  | { readonly kind: 'remove'; readonly key: string }
  /** A member of an index names a record of the same partition by its key. */
  | { readonly kind: 'link'; readonly index: string; readonly member: string; readonly ttlMs: number }
  | { readonly kind: 'unlink'; readonly index: string; readonly member: string }
  /** Removes every record that the index names, and their links; `except` one. */
  | { readonly kind: 'removeLinked'; readonly index: string; readonly except?: string | undefined };

export interface Change {
  /** All must hold, or nothing happens. */
  readonly requires?: readonly Requirement[];
  readonly steps: readonly Step[];
  /** Texts for those who follow the feed, sent in the same atomic step. */
  readonly notes?: readonly string[];
}

export type Changed =
  | {
      readonly done: true;
      readonly version: number;
      /** How many records `removeLinked` removed. */ readonly removed: number;
    }
  | {
      readonly done: false;
      /** Which requirement did not hold, as its place in `requires`. */ readonly failed: number;
    };

export const TTL_MAX_MS = 400 * DAY_MS;

/**
 * True for a change that leaves less than it finds: somebody logs out, a record is deleted. A store that is
 * full takes it all the same, else nobody could end anything, or make room. What such a change puts beside
 * (the mark that something was ended) is small.
 */
export function freesRoom({ steps }: Change): boolean {
  return (
    steps.some(({ kind }) => kind === 'remove' || kind === 'removeLinked') ||
    (steps.length > 0 &&
      steps.every((step) => step.kind === 'unlink' || (step.kind === 'merge' && isEmpty(step.set))))
  );
}

function isEmpty(fields: RecordFields | undefined): boolean {
  return fields === undefined || Object.keys(fields).length === 0;
}
