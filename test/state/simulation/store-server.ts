import { living, runChange, type KeptRecord, type Shelf } from '../../../src/state/store/change-run.js';
import type { Change, Changed } from '../../../src/state/store/change.js';
import { checkChange } from '../../../src/state/store/check.js';
import type { FeedReply, FeedNote, FeedQuestion } from '../../../src/state/store/feed-follower.js';
import type { StoredRecord } from '../../../src/state/store/record.js';
import type { World } from './world.js';

/** So few that a link that was cut for a while finds the chain broken. */
const LOG_MAX = 12;

interface Partition {
  run: string;
  life: string;
  sequence: number;
  lastNoted: number;
  log: FeedNote[];
  records: Map<string, KeptRecord>;
  links: Map<string, Map<string, number>>;
}

export interface Faults {
  /** The store does what it is told whatever is required of it. */
  readonly ignoresRequirements?: boolean;
}

/** The one store of a simulation, as its own machine sees it. */
export class StoreServer {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #partitions: Partition[];
  /** Told of each change that was made, and of its number. */
  onChange: (partition: number, sequence: number, change: Change) => void = () => {};
  onNoted: (partition: number, run: string, noted: FeedNote) => void = () => {};
  #lives = 0;

  constructor(world: World, partitions: number, faults: Faults = {}) {
    this.#world = world;
    this.#faults = faults;
    this.#partitions = Array.from({ length: partitions }, () => this.#empty());
  }

  read(partition: number, key: string): StoredRecord | undefined {
    const { nowMs } = this.#world;
    const record = living(this.#partitions[partition]!.records.get(key), nowMs);
    return (
      record && {
        fields: record.fields,
        version: record.version,
        expiresInMs: record.expiresAtMs - nowMs,
        endsInMs: record.endsAtMs - nowMs,
      }
    );
  }

  change(partition: number, change: Change): Changed {
    checkChange(change);
    const at = this.#partitions[partition]!;
    const { requires: _, ...rest } = change;
    const changed = runChange(
      shelf(at),
      this.#faults.ignoresRequirements === true ? rest : change,
      at.sequence + 1,
      this.#world.nowMs,
    );
    if (!changed.done) return changed;
    at.sequence = changed.version;
    const { notes = [] } = change;
    if (notes.length > 0) {
      const noted = { sequence: at.sequence, previous: at.lastNoted, notes };
      at.lastNoted = at.sequence;
      at.log.push(noted);
      if (at.log.length > LOG_MAX) at.log.shift();
      this.onNoted(partition, at.run, noted);
    }
    this.onChange(partition, at.sequence, change);
    return changed;
  }

  sequence(partition: number): number {
    return this.#partitions[partition]!.sequence;
  }

  answer({ partition, after }: FeedQuestion): FeedReply {
    const { run, life, sequence, lastNoted, log } = this.#partitions[partition]!;
    return {
      run,
      life,
      sequence,
      lastNoted,
      noted: after === undefined ? [] : log.filter((noted) => noted.sequence > after),
    };
  }

  /** Comes back with everything, or with nothing. */
  restart(losesData: boolean): void {
    for (const at of this.#partitions)
      Object.assign(at, losesData ? this.#empty() : { life: `life-${this.#lives++}` });
  }

  /** Forgets a record early, as a store may that runs out of memory. */
  evict(): void {
    const { records } = this.#world.pick(this.#partitions);
    const keys = [...records.keys()];
    if (keys.length > 0) records.delete(this.#world.pick(keys));
  }

  #empty(): Partition {
    const life = `life-${this.#lives++}`;
    return {
      run: `run-${life}`,
      life,
      sequence: 0,
      lastNoted: 0,
      log: [],
      records: new Map(),
      links: new Map(),
    };
  }
}

function shelf({ records, links }: Partition): Shelf {
  return {
    get: (key) => records.get(key),
    put: (key, record) => void records.set(key, record),
    remove: (key) => void records.delete(key),
    linked: (index) => links.get(index) ?? new Map<string, number>(),
    link: (index, member, expiresAtMs) => {
      let members = links.get(index);
      if (members === undefined) links.set(index, (members = new Map()));
      members.set(member, expiresAtMs);
    },
    unlink: (index, member) => void links.get(index)?.delete(member),
  };
}
