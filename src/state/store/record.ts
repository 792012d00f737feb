/** Text under names. What the text means is the caller's; a store keeps it as it was given. */
export type RecordFields = Readonly<Record<string, string>>;

/**
 * A record as it was read. Times are by the store's clock, as what is left of them: machines' clocks are
 * never compared.
 */
export interface StoredRecord {
  readonly fields: RecordFields;
  /** The sequence number of the change that wrote it last. No two changes of a partition share one. */
  readonly version: number;
  /** Until it is gone, if nothing extends it. Good to a second. */
  readonly expiresInMs: number;
  /** Until it is gone for good; the same as `expiresInMs` where nothing may extend it. Good to a second. */
  readonly endsInMs: number;
}

/** A member of an index. */
export interface Linked {
  readonly member: string;
  readonly expiresInMs: number;
}
