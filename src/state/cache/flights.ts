import type { Fill } from '../coherence/fill.js';
import type { TierOne } from '../coherence/tier-one.js';
import type { EntryKey } from './entry-key.js';
import type { Seen } from './seen.js';

/** Something that is being found out, for all who ask meanwhile. */
export interface Flight {
  readonly fill: Fill;
  /** What is known so far of what it will bring: the version of the record that it found or marked. */
  version: number;
  tags: readonly string[];
  /** What goes on after those who wait were answered. It never rejects. */
  background: Promise<unknown> | undefined;
}

interface Underway<Outcome> {
  readonly flight: Flight;
  readonly outcome: Promise<Outcome>;
}

/**
 * One flight for a key at a time. Who comes later joins it, unless it began too early for that: before an
 * invalidation that is known of, or when the feed can't vouch for that, or before what this user has seen.
 * Then a new flight takes its place.
 */
export class Flights<Outcome> {
  readonly #tierOne: Pick<TierOne<unknown>, 'begin' | 'end' | 'isCurrent'>;
  readonly #underway = new Map<string, Underway<Outcome>>();

  constructor(tierOne: Pick<TierOne<unknown>, 'begin' | 'end' | 'isCurrent'>) {
    this.#tierOne = tierOne;
  }

  join(
    { name, partition }: EntryKey,
    seen: Seen | undefined,
    fly: (flight: Flight) => Promise<Outcome>,
  ): Promise<Outcome> {
    const known = this.#underway.get(name);
    if (known !== undefined && this.#mayJoin(known.flight, seen)) return known.outcome;
    const flight: Flight = {
      fill: this.#tierOne.begin(partition, name),
      version: 0,
      tags: [],
      background: undefined,
    };
    const underway = { flight, outcome: fly(flight) };
    this.#underway.set(name, underway);
    const land = (): void => this.#land(underway);
    underway.outcome.then(land, land);
    return underway.outcome;
  }

  #mayJoin({ fill, version, tags }: Flight, seen: Seen | undefined): boolean {
    return (
      this.#tierOne.isCurrent(fill, version, tags) && seen?.allows(fill.partition, version, fill) !== false
    );
  }

  #land(underway: Underway<Outcome>): void {
    const { fill, background } = underway.flight;
    if (background !== undefined) {
      underway.flight.background = undefined;
      // However it ends: an entry whose flight never lands is frozen.
      const land = (): void => this.#land(underway);
      background.then(land, land);
      return;
    }
    this.#tierOne.end(fill);
    if (this.#underway.get(fill.name) === underway) this.#underway.delete(fill.name);
  }
}
