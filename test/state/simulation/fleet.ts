import { createCache, type Cache, type CacheOptions } from '../../../src/state/cache/index.js';
import { StoreLink, type LinkFaults } from './store-link.js';
import { StoreServer, type Faults } from './store-server.js';
import { SimulatedProcess, type World } from './world.js';

export const BOUND_MS = 1_000;
export const PARTITIONS = 2;

export interface FleetFaults extends Faults, LinkFaults {
  /** Clients lose what tells how much they have seen. */
  readonly forgetsVersions?: boolean;
}

export interface Member {
  name: string;
  process: SimulatedProcess;
  link: StoreLink;
  cache: Cache;
}

/** Some processes with a cache each, over one store. */
export class Fleet {
  readonly server: StoreServer;
  readonly members: Member[];
  readonly #world: World;
  readonly #faults: FleetFaults;
  #opened = 0;

  constructor(world: World, size: number, faults: FleetFaults) {
    this.#world = world;
    this.#faults = faults;
    this.server = new StoreServer(world, PARTITIONS, faults);
    this.server.onNoted = (partition, run, noted) => {
      for (const { link } of this.members) link.pushed(partition, run, noted);
    };
    this.members = Array.from({ length: size }, () => this.#open());
  }

  /** Ends a process at once, and starts another in its place. */
  restart(member: Member): void {
    member.process.end();
    member.cache.close();
    Object.assign(member, this.#open());
  }

  #open(): Member {
    const process = new SimulatedProcess(this.#world);
    const link = new StoreLink(this.#world, process, this.server, PARTITIONS, this.#faults);
    const options: CacheOptions = {
      store: link,
      clock: process.clock,
      random: this.#world.random,
      bound: BOUND_MS,
      max: 8,
      onEvent: () => {},
    };
    return { name: `p${++this.#opened}`, process, link, cache: createCache(options) };
  }
}
