import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.js';
import type { Feed, FeedPosition, FeedSubscription } from '../store/feed.js';
import { Fill } from './fill.js';

/** What a note of the feed is about. */
export type Named = { readonly kind: 'entry' | 'tag'; readonly name: string };

export interface TierOneOptions {
  readonly feed: Feed;
  readonly partitions: number;
  /** How many entries it holds at most. */
  readonly max: number;
  /** What their `bytes` may come to. */
  readonly bytesMax: number;
  /**
   * An entry is given only while every change that was acknowledged longer ago than this is known not to
   * concern it.
   */
  readonly boundMs: number;
  readonly clock: Clock;
  /**
   * What a note is about; undefined for one of somebody else's. Unless set, a note is the name of an entry.
   */
  readonly named?: ((note: string) => Named | undefined) | undefined;
  /** Told after an entry was changed by anyone, whether or not it is here. */
  readonly onChanged?: ((name: string) => void) | undefined;
}

/** What is kept of an entry besides its value. */
export interface Facts {
  /** The number of the change that made it; 0 where it came past the store. */
  readonly version: number;
  /** From the beginning of the fill. */
  readonly lifeMs: number;
  readonly tags?: readonly string[] | undefined;
  readonly bytes: number;
}

/** An entry of tier 1. */
export class Kept<Value> {
  readonly value: Value;
  readonly name: string;
  readonly partition: number;
  readonly version: number;
  readonly tags: readonly string[];
  /** It holds everything that was acknowledged before this instant. */
  readonly asOfMs: number;
  readonly expiresAtMs: number;
  readonly lane: Lane;
  readonly generation: number;

  constructor(value: Value, fill: Fill, lane: Lane, { version, lifeMs, tags = [] }: Facts) {
    this.value = value;
    this.name = fill.name;
    this.partition = fill.partition;
    this.lane = lane;
    this.version = version;
    this.tags = tags;
    this.asOfMs = fill.begunAtMs;
    this.expiresAtMs = fill.begunAtMs + lifeMs;
    this.generation = lane.generation;
  }
}

/** What is known of a partition. */
interface Lane {
  /** Counts how often the feed missed something: what was kept before is nobody's any more. */
  generation: number;
  /** Until when the feed's word, as last asked for, is good. */
  vouchedUntilMs: number;
  readonly fills: Set<Fill>;
}

/**
 * Tier 1: copies of what the store holds, in this process, that are never served later than a bound after
 * they became old. It follows the store's feed, and an entry is given only while the feed vouches for its
 * partition, or the entry itself is younger than the bound.
 */
export class TierOne<Value> {
  readonly #boundMs: number;
  readonly #clock: Clock;
  readonly #named: (note: string) => Named | undefined;
  readonly #onChanged: ((name: string) => void) | undefined;
  readonly #lanes: readonly Lane[];
  readonly #kept: LRUCache<string, Kept<Value>>;
  /** The names of entries, by tag. */
  readonly #tagged = new Map<string, Set<string>>();
  readonly #subscription: FeedSubscription;
  #isClosed = false;

  constructor({ feed, partitions, max, bytesMax, boundMs, clock, named, onChanged }: TierOneOptions) {
    this.#boundMs = boundMs;
    this.#clock = clock;
    this.#named = named ?? ((name) => ({ kind: 'entry', name }));
    this.#onChanged = onChanged;
    this.#lanes = Array.from({ length: partitions }, () => ({
      generation: 0,
      vouchedUntilMs: -Infinity,
      fills: new Set<Fill>(),
    }));
    this.#kept = new LRUCache<string, Kept<Value>>({
      max,
      maxSize: bytesMax,
      dispose: (kept) => this.#untag(kept),
    });
    this.#subscription = feed.follow({
      noted: (partition, sequence, notes) => {
        for (const note of notes) this.#note(partition, sequence, note);
      },
      missed: (partition) => this.missed(partition),
    });
  }

  /** The entry, if it is here, lives, and can't be older than the bound allows. */
  get(name: string): Kept<Value> | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    const nowMs = this.#clock.monotonic();
    const { lane } = kept;
    if (nowMs >= kept.expiresAtMs || kept.generation !== lane.generation) {
      this.#kept.delete(name);
      return undefined;
    }
    return nowMs <= lane.vouchedUntilMs || this.#isVouched(kept.partition, kept.asOfMs, nowMs)
      ? kept
      : undefined;
  }

  position(partition: number): FeedPosition {
    return this.#subscription.position(partition);
  }

  /**
   * Before the store, or whoever else knows, is asked for an entry, or told of one. To be ended whatever
   * comes of it.
   */
  begin(partition: number, name: string): Fill {
    const { sequence, run } = this.position(partition);
    const fill = new Fill(
      partition,
      name,
      this.#clock.monotonic(),
      sequence,
      run,
      this.#lanes[partition]!.generation,
    );
    this.#lanes[partition]!.fills.add(fill);
    return fill;
  }

  end(fill: Fill): void {
    this.#lanes[fill.partition]!.fills.delete(fill);
  }

  /** Keeps what a fill found, unless something newer is known by now. */
  keep(fill: Fill, value: Value, facts: Facts): Kept<Value> | undefined {
    const lane = this.#lanes[fill.partition]!;
    const { generation } = lane;
    if (this.#isClosed || facts.lifeMs <= 0 || !fill.isNewest(generation, facts.version, facts.tags ?? []))
      return undefined;
    const known = this.#kept.peek(fill.name);
    if (
      known !== undefined &&
      known.generation === generation &&
      known.version > facts.version &&
      !this.#mayReplace(known, facts)
    )
      return undefined;
    const kept = new Kept(value, fill, lane, facts);
    this.#kept.set(fill.name, kept, { size: Math.max(1, facts.bytes) });
    // It may be larger than everything together may be.
    if (this.#kept.peek(fill.name) !== kept) return undefined;
    for (const tag of kept.tags) {
      const names = this.#tagged.get(tag);
      if (names === undefined) this.#tagged.set(tag, new Set([kept.name]));
      else names.add(kept.name);
    }
    return kept;
  }

  /**
   * True while what a fill found, at this version, would be as good as an entry that is kept: for those who
   * come later and join in.
   */
  isCurrent(fill: Fill, version: number, tags: readonly string[]): boolean {
    return (
      fill.isNewest(this.#lanes[fill.partition]!.generation, version, tags) &&
      this.#isVouched(fill.partition, fill.begunAtMs, this.#clock.monotonic())
    );
  }

  /**
   * A change of this process's own was acknowledged, under this number. `fill` was begun before it was sent.
   * Returns in which life of the partition that was; empty where it is one that the feed has not told of yet.
   */
  acknowledged(fill: Fill, version: number): string {
    if (version > fill.sequence) {
      this.#changed(fill.partition, version, fill.name);
      return fill.run;
    }
    // Numbers only grow, unless the store has lost its data.
    this.missed(fill.partition);
    return '';
  }

  /** Whether a change was made is not known: its sender got no answer. */
  unsure(fill: Fill): void {
    this.#changed(fill.partition, Infinity, fill.name);
  }

  /** Forgets what it has of a partition, and keeps nothing that is under way. */
  missed(partition: number): void {
    const lane = this.#lanes[partition]!;
    lane.generation++;
    lane.vouchedUntilMs = -Infinity;
  }

  /** An own deletion by tag was acknowledged; with Infinity, it may have been done. */
  tagChanged(partition: number, version: number, tag: string): void {
    for (const fill of this.#lanes[partition]!.fills) fill.tagChanged(tag, version);
    for (const name of [...(this.#tagged.get(tag) ?? [])]) {
      const kept = this.#kept.peek(name);
      if (kept !== undefined && kept.partition === partition && kept.version < version)
        this.#kept.delete(name);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription.stop();
    this.#kept.clear();
  }

  /** What came past the store has no version. It is newer than what nobody vouches for. */
  #mayReplace(known: Kept<Value>, { version }: Facts): boolean {
    return version === 0 && !this.#isVouched(known.partition, known.asOfMs, this.#clock.monotonic());
  }

  #isVouched(partition: number, asOfMs: number, nowMs: number): boolean {
    const lane = this.#lanes[partition]!;
    lane.vouchedUntilMs = this.#subscription.position(partition).vouchedAtMs + this.#boundMs;
    return nowMs <= lane.vouchedUntilMs || nowMs - asOfMs <= this.#boundMs;
  }

  #note(partition: number, sequence: number, note: string): void {
    const named = this.#named(note);
    if (named === undefined) return;
    if (named.kind === 'tag') {
      this.tagChanged(partition, sequence, named.name);
      return;
    }
    this.#changed(partition, sequence, named.name);
    this.#onChanged?.(named.name);
  }

  #changed(partition: number, sequence: number, name: string): void {
    for (const fill of this.#lanes[partition]!.fills) if (fill.name === name) fill.changed(sequence);
    const kept = this.#kept.peek(name);
    if (kept !== undefined && kept.partition === partition && kept.version < sequence)
      this.#kept.delete(name);
  }

  #untag({ name, tags }: Kept<Value>): void {
    for (const tag of tags) {
      const names = this.#tagged.get(tag);
      names?.delete(name);
      if (names?.size === 0) this.#tagged.delete(tag);
    }
  }
}
