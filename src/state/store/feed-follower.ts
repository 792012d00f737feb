import type { FeedListener, FeedPosition } from './feed.js';

/** One noted change, as a store sends it and keeps it for those who come late. */
export interface FeedNote {
  readonly sequence: number;
  /** The number of the noted change before it in the same partition; 0 for the first. */
  readonly previous: number;
  readonly notes: readonly string[];
}

/** What was known when a store was asked "how far are you, and what came since?" */
export interface FeedQuestion {
  readonly partition: number;
  /**
   * The noted change to tell on from; undefined where nothing is known yet and the position alone is wanted.
   */
  readonly after: number | undefined;
  readonly sequence: number;
  readonly askedAtMs: number;
}

/** What it answered. */
export interface FeedReply {
  readonly run: string;
  /** Another one after whatever may have lost acknowledged changes: a restart of the store, a fail-over. */
  readonly life: string;
  /** The numbers of the newest change and of the newest noted one. */
  readonly sequence: number;
  readonly lastNoted: number;
  /** Those after the number asked for that are still kept, oldest first. */
  readonly noted: readonly FeedNote[];
}

interface Progress {
  readonly run: string;
  readonly life: string;
  /** Every change up to this number was told of. */
  sequence: number;
  /** The newest noted change that was told of. */
  lastNoted: number;
  vouchedAtMs: number;
}

const UNKNOWN: FeedPosition = { run: '', sequence: 0, vouchedAtMs: -Infinity };

/**
 * Makes one unbroken telling of a feed that comes in two ways: pushed at once, while all goes well, and asked
 * for again and again, which finds what a push lost. Only an answer moves `vouchedAtMs`, and to when its
 * question was asked: what was acknowledged before that is in the answer.
 */
export class FeedFollower {
  readonly #listener: FeedListener;
  readonly #partitions: (Progress | undefined)[] = [];

  constructor(listener: FeedListener) {
    this.#listener = listener;
  }

  position(partition: number): FeedPosition {
    return this.#partitions[partition] ?? UNKNOWN;
  }

  question(partition: number, askedAtMs: number): FeedQuestion {
    const at = this.#partitions[partition];
    return { partition, after: at?.lastNoted, sequence: at?.sequence ?? 0, askedAtMs };
  }

  /** A pushed note: told when it is the next one; any other is left to the next answer. */
  push(partition: number, run: string, noted: FeedNote): void {
    const at = this.#partitions[partition];
    if (at !== undefined && at.run === run && noted.previous === at.lastNoted)
      this.#tell(partition, at, noted);
  }

  answered(question: FeedQuestion, answer: FeedReply): void {
    const { partition, askedAtMs } = question;
    const at = this.#partitions[partition];
    if (
      at === undefined ||
      at.run !== answer.run ||
      at.life !== answer.life ||
      answer.sequence < question.sequence
    ) {
      this.#startAnew(partition, answer, askedAtMs);
      return;
    }
    for (const noted of answer.noted) {
      if (noted.previous === at.lastNoted) this.#tell(partition, at, noted);
    }
    // The chain broke: some are no longer kept. Pushes may have gone further than this answer, never less
    // far.
    if (at.lastNoted < answer.lastNoted) {
      this.#startAnew(partition, answer, askedAtMs);
      return;
    }
    at.sequence = Math.max(at.sequence, answer.sequence);
    at.vouchedAtMs = Math.max(at.vouchedAtMs, askedAtMs);
  }

  #tell(partition: number, at: Progress, { sequence, notes }: FeedNote): void {
    at.lastNoted = sequence;
    at.sequence = Math.max(at.sequence, sequence);
    this.#listener.noted(partition, sequence, notes);
  }

  #startAnew(partition: number, { run, life, sequence, lastNoted }: FeedReply, askedAtMs: number): void {
    this.#partitions[partition] = { run, life, sequence, lastNoted, vouchedAtMs: askedAtMs };
    this.#listener.missed(partition);
  }
}
