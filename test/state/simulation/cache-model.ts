import type { Cache, CacheScope, FoundEntry, LoadOptions } from '../../../src/state/cache/index.js';
import { EntryKeys, type EntryKey } from '../../../src/state/cache/entry-key.js';
import { seededRandom } from '../../../src/testing/seeded-random.js';
import { BOUND_MS, Fleet, PARTITIONS, type FleetFaults, type Member } from './fleet.js';
import { Register } from './register.js';
import { User, type Request } from './user.js';
import { World, type SimulatedProcess } from './world.js';

const LASTS_MS = 4_000;
const OPERATIONS = 30;
const RUSHES = 3;
const PROCESSES = 3;
/**
 * Loaded from a database and invalidated when that changes; and entries that are only written. Each of
 * nobody, and of every user.
 */
const LOADED = ['l1', 'l2'];
const WRITTEN = ['w'];

/** An entry, and what is true of it. */
interface Entry {
  readonly key: string;
  readonly user: User | undefined;
  readonly stored: EntryKey;
  readonly isWritten: boolean;
  readonly register: Register;
  /** Of its record, as last seen. */
  version: number;
}

/** Who asks: somebody with what they have seen, or a job that brings nothing along. */
interface Visit {
  readonly member: Member;
  readonly entry: Entry;
  readonly user: User | undefined;
  readonly request: Request | undefined;
  /** What the user had seen or written of the entry when it asked. */
  readonly floor: number | undefined;
  readonly door: Cache | CacheScope;
}

export class Violation extends Error {}

/**
 * One run of a fleet, drawn from a seed: reads, writes, loads and deletions in every process, while messages
 * are lost, links are cut, and processes are paused and restarted. Every answer is held against what was
 * true; throws a `Violation` where a promise was broken.
 */
export async function runModel(seed: number, faults: FleetFaults = {}): Promise<ReadonlyMap<string, number>> {
  return await new ModelRun(seed, faults).toTheEnd();
}

class ModelRun {
  readonly #seed: number;
  readonly #world: World;
  readonly #fleet: Fleet;
  readonly #users: readonly User[];
  readonly #entries: Entry[] = [];
  /** Most of what happens is about this one. */
  readonly #hot: Entry;
  readonly #underway = new Map<SimulatedProcess, number>();
  /** How often each level answered. */
  readonly #levels = new Map<string, number>();
  #violation: Violation | undefined;
  #lostAtMs = -Infinity;
  #names = 0;

  constructor(seed: number, faults: FleetFaults) {
    this.#seed = seed;
    this.#world = new World(seededRandom(seed));
    this.#fleet = new Fleet(this.#world, PROCESSES, faults);
    this.#fleet.server.onChange = () => this.#observe();
    this.#users = ['ada', 'bob'].map((id) => new User(id, this.#world, faults.forgetsVersions === true));
    const keys = new EntryKeys('cache', PARTITIONS);
    for (const user of [undefined, ...this.#users]) {
      for (const key of [...LOADED, ...WRITTEN]) {
        const stored = user === undefined ? keys.entry(key) : keys.scoped(user.id, key);
        this.#entries.push({
          key,
          user,
          stored,
          isWritten: WRITTEN.includes(key),
          register: new Register(WRITTEN.includes(key) ? undefined : '0'),
          version: 0,
        });
      }
    }
    this.#hot = this.#world.pick(this.#entries);
  }

  async toTheEnd(): Promise<ReadonlyMap<string, number>> {
    const world = this.#world;
    // Most happens at once: races are what is looked for.
    const rushes = Array.from({ length: RUSHES }, () => world.between(0, LASTS_MS));
    for (let n = 0; n < OPERATIONS; n++)
      world.at(
        world.chance(70) ? world.pick(rushes) + world.between(0, 40) : world.between(0, LASTS_MS),
        () => this.#operate(),
      );
    for (let n = world.between(0, 5); n > 0; n--) world.at(world.between(0, LASTS_MS), () => this.#disturb());
    // Every trouble is over after two seconds, and everything that was begun has ended.
    await this.#run(LASTS_MS + 2_600);
    for (const member of this.#fleet.members)
      for (const entry of this.#entries)
        this.#read(
          {
            member: { ...member },
            entry,
            user: undefined,
            request: undefined,
            floor: undefined,
            door: this.#door(member, entry),
          },
          entry.isWritten ? 'get' : 'load',
        );
    await this.#run(world.nowMs + 1_500);
    return this.#levels;
  }

  async #run(untilMs: number): Promise<void> {
    await this.#world.run(untilMs, () => {
      if (this.#violation !== undefined) throw this.#violation;
    });
    for (const count of this.#underway.values())
      if (count > 0) throw this.#broken('an operation never ended');
  }

  #operate(): void {
    const world = this.#world;
    const entry = world.chance(60) ? this.#hot : world.pick(this.#entries);
    const member = world.pick(this.#fleet.members);
    // Entries of a user are also written by others: an admin, a job. And a browser waits for its answer
    // before it asks again.
    const user = entry.user?.isBusy === true || world.chance(15) ? undefined : entry.user;
    user?.underway.push(member.process);
    const request = user?.arrive(member);
    const floor = user?.floors.get(entry);
    // A paused process takes the request, and looks at it when it goes on.
    member.process.in(0, () => {
      const visit = {
        member: { ...member },
        entry,
        user,
        request,
        floor,
        door: request?.scope ?? this.#door(member, entry),
      };
      if (world.chance(60))
        this.#read(
          visit,
          entry.isWritten
            ? world.pick(['get', 'get', 'peek'])
            : world.pick(['load', 'load', 'load', 'get', 'peek']),
        );
      else if (entry.isWritten) this.#write(visit);
      else this.#update(visit);
    });
  }

  #disturb(): void {
    const world = this.#world;
    const member = world.pick(this.#fleet.members);
    switch (world.between(0, 8)) {
      case 0:
        return member.link.cut(world.between(50, 1_900));
      case 1:
      case 2:
        return member.link.losePushes(world.between(100, 4_000));
      case 3:
        return member.process.pause(world.between(50, 900));
      case 4:
        return member.process.pause(world.between(900, 1_900));
      case 5:
        return this.#restart(member);
      case 6:
        return this.#fleet.server.restart(false);
      case 7:
        this.#fleet.server.evict();
        break;
      case 8:
        this.#lose();
    }
    this.#observe();
  }

  #restart(member: Member): void {
    this.#underway.delete(member.process);
    for (const user of this.#users) user.gone(member.process);
    this.#fleet.restart(member);
  }

  #lose(): void {
    this.#fleet.server.restart(true);
    this.#lostAtMs = this.#world.nowMs;
    for (const entry of this.#entries) {
      if (!entry.isWritten) continue;
      entry.register.lose();
      entry.version = 0;
      for (const user of this.#users) user.floors.delete(entry);
    }
  }

  /** What the server holds of the entries that are only written, in the order in which it came to hold it. */
  #observe(): void {
    for (const entry of this.#entries) {
      if (!entry.isWritten) continue;
      const record = this.#fleet.server.read(entry.stored.partition, entry.stored.storeKey);
      const version = record?.version ?? 0;
      if (version === entry.version) continue;
      entry.version = version;
      const text = record?.fields['e'];
      entry.register.write(
        text === undefined ? undefined : (JSON.parse(text.slice('1v0.0.'.length)) as string),
      );
    }
  }

  #read(visit: Visit, how: 'load' | 'get' | 'peek'): void {
    const {
      door,
      entry: { key, register },
      user,
      entry,
      floor,
    } = visit;
    const oldest = Math.max(register.oldestFor(this.#world.nowMs, BOUND_MS), floor ?? 0);
    const beganAtMs = this.#world.nowMs;
    const check = ({ value, level, isShared }: FoundEntry<string>): void => {
      this.#levels.set(level, (this.#levels.get(level) ?? 0) + 1);
      // An entry that is loaded may be missing at any time.
      if (value === undefined && !entry.isWritten) return;
      if (register.indexOf(value, oldest) === undefined) {
        throw this.#broken(
          `${how} of ${this.#title(visit)}, begun at ${beganAtMs}, gave ${value} (${level}), and the oldest allowed was ${register.describe(oldest)}`,
        );
      }
      // For a moment after its store lost everything, a process may take new numbers for old ones.
      if (isShared && value !== undefined && this.#world.nowMs > this.#lostAtMs + BOUND_MS)
        user?.saw(entry, register.indexOf(value)!);
    };
    if (how === 'peek') {
      this.#during(visit, async () => {
        const value = door.peek<string>(key);
        // It does not tell whether a value is shared, so nothing follows from it.
        if (value !== undefined) check({ value, level: 'local', isShared: false });
      });
    } else {
      this.#during(visit, async () =>
        check(
          how === 'get'
            ? await door.lookup<string>(key)
            : await door.lookup<string>(key, () => this.#load(visit), this.#options(visit)),
        ),
      );
    }
  }

  #write(visit: Visit): void {
    const {
      door,
      entry: { key, register },
    } = visit;
    const since = register.newest;
    const value = this.#world.chance(75) ? `${this.#names++}` : undefined;
    this.#during(visit, async () => {
      await (value === undefined ? door.delete(key) : door.set(key, value));
      // Which of several deletions was this one's is not known: the first that it can have been.
      this.#acknowledged(visit, register.firstOf(value, since));
    });
  }

  #update(visit: Visit): void {
    const {
      door,
      entry: { key, register },
    } = visit;
    const state = register.write(`${register.newest + 1}`);
    this.#during(visit, async () => {
      const how = this.#world.between(0, 9);
      if (how < 6) await door.delete(key);
      else if (how < 8 || !('clear' in door)) await door.deleteTag(tagOf(key));
      else await door.clear();
      this.#acknowledged(visit, state);
    });
  }

  #acknowledged({ entry, user }: Visit, state: number | undefined): void {
    // Undefined: the store lost it between doing it and saying so.
    if (state === undefined) return;
    entry.register.acknowledge(state, this.#world.nowMs);
    user?.saw(entry, state);
  }

  async #load({ member, entry: { register } }: Visit): Promise<string> {
    const world = this.#world;
    const isEarly = world.chance(50);
    const isCalm = world.nowMs > LASTS_MS;
    const early = register.value!;
    await new Promise<void>(
      (resolve) =>
        void member.process.in(
          isCalm || world.chance(80) ? world.between(0, 20) : world.between(100, 1_200),
          resolve,
        ),
    );
    if (!isCalm && world.chance(25)) throw new Error('The database is down, as the simulation wants it.');
    return isEarly ? early : register.value!;
  }

  #options({ entry: { key } }: Visit): LoadOptions {
    const world = this.#world;
    return {
      tags: [tagOf(key)],
      ttl: world.pick([200, 1_500, 60_000]),
      grace: world.pick([0, 3_000]),
      soft: world.pick([0, 50]),
      lease: world.pick([0, 0, 400]),
    };
  }

  /** Runs something in a process, to which nothing may come of it once that has been ended. */
  #during({ member: { process }, user, request }: Visit, run: () => Promise<void>): void {
    this.#underway.set(process, (this.#underway.get(process) ?? 0) + 1);
    void run()
      .catch((error: unknown) => {
        if (error instanceof Violation) this.#violation ??= error;
        else if (!(error instanceof Error) || !error.message.endsWith('as the simulation wants it.'))
          this.#violation ??= this.#broken(`${String(error)} ${(error as Error).stack}`);
      })
      .then(() => {
        const count = this.#underway.get(process);
        if (count === undefined) return;
        this.#underway.set(process, count - 1);
        if (request !== undefined) user?.leave(request);
      });
  }

  #door({ cache }: Member, { user }: Entry): Cache | CacheScope {
    return user === undefined ? cache : cache.scope(user.id);
  }

  #title({ member: { name }, entry, user }: Visit): string {
    return `${entry.user?.id ?? 'nobody'}'s ${entry.key} ${user === undefined ? 'by another' : 'by its user'} in process ${name}`;
  }

  #broken(what: string): Violation {
    return new Violation(`seed ${this.#seed}, at ${this.#world.nowMs} ms: ${what}`);
  }
}

function tagOf(key: string): string {
  return `tag of ${key}`;
}
