/** Who follows a store's feed. Neither method may throw. */
export interface FeedListener {
  /**
   * What a change noted. Changes of a partition come in their order, each once; those without notes are not
   * told of.
   */
  noted(partition: number, sequence: number, notes: readonly string[]): void;
  /** Notes of this partition may have been missed: nothing learnt of it before may be trusted. */
  missed(partition: number): void;
}

/** How far a follower has got. */
export interface FeedPosition {
  /**
   * An instant of the process's monotonic clock: every change acknowledged to anyone before it has been told
   * of. `-Infinity` until that is known. Who needs to be sure within a bound compares this with the clock.
   */
  readonly vouchedAtMs: number;
  /** Every change of the partition up to this number has been told of. */
  readonly sequence: number;
  /**
   * Names this life of the partition: when a store loses its data, numbers begin anew under another name.
   * Empty until known.
   */
  readonly run: string;
}

export interface FeedSubscription {
  position(partition: number): FeedPosition;
  stop(): void;
}

export interface Feed {
  follow(listener: FeedListener): FeedSubscription;
}
