import type { Clock, Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Condition } from '../route/pool/snapshot.js';
import type { StandingWord } from '../route/pool/standing.js';

/** Something that happened to a gateway while it runs, for operators. Names and words are public. */
export type Happening =
  | ({
      readonly kind: 'condition';
      readonly from: Condition;
      readonly to: Condition;
      readonly why: string;
      readonly cause?: string | undefined;
    } & InPool)
  | ({
      readonly kind: 'standing';
      readonly from: StandingWord;
      readonly to: StandingWord;
      /** When it is to be empty. */
      readonly until?: string;
      readonly by: string;
    } & InPool)
  /** The time of a drain is over: nobody is sent there any more. */
  | ({ readonly kind: 'drained' } & InPool)
  | ({ readonly kind: 'weight'; readonly from: number; readonly to: number; readonly by: string } & InPool)
  | ({ readonly kind: 'joined' | 'left'; readonly url: string } & InPool)
  /** `needsRestart`: settings that wait for the next start. */
  | { readonly kind: 'reloaded'; readonly needsRestart: readonly string[]; readonly by: string }
  | { readonly kind: 'reloadFailed'; readonly code: string; readonly by: string }
  /** The certificate that clients get is another one. */
  | { readonly kind: 'certificate'; readonly validUntil: string }
  | {
      readonly kind: 'worker';
      readonly worker: number;
      readonly is: 'listening' | 'ended';
      readonly why?: string;
    };

interface InPool {
  readonly pool: string;
  readonly upstream: string;
}

export type OperatorEvent = Happening & {
  /** Grows by one with each event; the part before the dash is another one after every start. */
  readonly id: string;
  /** As RFC 3339 writes it, in UTC. */
  readonly at: string;
};

const EVENTS_MAX = 1000;

/** The last events of a gateway, and who is told of the next. */
export class EventLog {
  readonly #clock: Clock;
  readonly #life: string;
  readonly #listeners = new Set<(event: OperatorEvent) => void>();
  #events: OperatorEvent[] = [];
  #count = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#life = random.id().slice(0, 8);
  }

  /** The id of the newest event, also when there was none yet. */
  get lastId(): string {
    return `${this.#life}-${this.#count}`;
  }

  add(happening: Happening): void {
    this.#count++;
    const event = { id: this.lastId, at: new Date(this.#clock.now()).toISOString(), ...happening };
    this.#events.push(event);
    // By halves, because to shift a full list by one costs as much as the list is long.
    if (this.#events.length >= 2 * EVENTS_MAX) this.#events = this.#events.slice(-EVENTS_MAX);
    for (const tell of this.#listeners) tell(event);
  }

  /** The oldest first. */
  get recent(): readonly OperatorEvent[] {
    return this.#events.slice(-EVENTS_MAX);
  }

  /** What came after this event; undefined when it is of another life, or so old that some are gone. */
  after(id: string): readonly OperatorEvent[] | undefined {
    const match = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id);
    if (match?.[1] !== this.#life) return undefined;
    const missed = this.#count - Number(match[2]);
    const { recent } = this;
    if (missed < 0 || missed > recent.length) return undefined;
    return missed === 0 ? [] : recent.slice(-missed);
  }

  /** `listener` must not throw. */
  follow(listener: (event: OperatorEvent) => void): Timer {
    this.#listeners.add(listener);
    return { stop: () => void this.#listeners.delete(listener) };
  }
}
