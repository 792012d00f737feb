import type { Clock, Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import { standardKinds, type Kinds } from '../route/kinds.js';
import type { Members } from '../route/pool/pool-event.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { PoolConfig } from './config/config.js';
import { Overlay } from './overlay.js';
import type { SavedWord, Word } from './word.js';
import { PoolMembers, type MembersChange } from './pool-members.js';
import { sourceKind } from './sources/registry.js';
import { FollowedSource, type SourceFollower, type SourceState } from './sources/followed-source.js';

/** A burst of answers becomes one change. */
const DAMPED_MS = 200;
/**
 * A change of thousands of upstreams holds the process: for 10 ms with most placements, and for half a second
 * with `ring`. So changes may take a fiftieth of the time and no more.
 */
const DAMPED_TIMES = 50;
const DAMPED_MS_MAX = 30_000;
/** How often it is looked whether those that are absent may go. */
const ABSENT_MS = 1000;

/** Whom a membership works for. */
export interface MembershipOwner {
  /** Throws for members that can't be; the pool then stays as it was. */
  changed(pool: string, members: Members): void;
  /** The sources named members that can't be. */
  refused(pool: string, error: unknown): void;
  /** These can't serve, as their source says; all others can, as far as sources know. */
  hold(pool: string, down: ReadonlySet<string>): void;
  isUp(pool: string, id: string): boolean;
  /** Who is in the pool has changed, for the log. `why`: the sources that said so, or what else it was. */
  told(pool: string, change: MembersChange, why: string): void;
  /** Undefined: nothing is wrong any more. */
  problem(pool: string, source: string, problem: string | undefined): void;
}

export interface MembershipGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly kinds?: Kinds | undefined;
}

/** A pool with what waits to be told of it. */
interface Followed {
  readonly members: PoolMembers;
  /** What a reload is about to change. */
  reloaded: MembersChange | undefined;
  damped: Timer | undefined;
  /** How long the next burst is waited for. */
  dampMs: number;
  /** The sources that have said something since the last change. */
  readonly speakers: Set<string>;
}

/**
 * Decides who is in a pool: joins what its configuration lists with what its sources say, and lays over it
 * what operators said. A reload changes the sources and nothing of what an operator said.
 */
export class Membership implements SourceFollower {
  readonly #overlay = new Overlay();
  readonly #owner: MembershipOwner;
  readonly #ground: MembershipGround;
  #pools = new Map<string, Followed>();
  /** What a reload is about to follow. */
  #next: Map<string, Followed> | undefined;
  #absent: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(owner: MembershipOwner, ground: MembershipGround) {
    this.#owner = owner;
    this.#ground = ground;
  }

  /** Who will be in the pool under these settings, as far as it is known. Starts nothing. */
  of(pool: PoolConfig): Required<Members> {
    const followed = this.#next?.get(pool.name) ?? this.#pools.get(pool.name);
    return this.#overlay.over(pool.name, followed?.members.upstreams ?? pool.upstreams);
  }

  /**
   * A reload will follow these. Starts the sources that are new, and resolves when all have answered, or when
   * the time is over. `follow` or `abandon` comes next.
   */
  async prepare(pools: readonly PoolConfig[], waitMs: number): Promise<void> {
    this.#next = this.#followed(pools);
    await this.answered(waitMs);
    // What the pools have now counts until a source has answered.
    const now = this.#ground.clock.monotonic();
    for (const followed of this.#next.values()) followed.reloaded = followed.members.renew(now);
  }

  /** The reload came to nothing. */
  abandon(): void {
    const used = sourcesIn(this.#pools);
    for (const source of sourcesIn(this.#next ?? new Map())) if (!used.has(source)) source.stop();
    this.#next = undefined;
  }

  /** These pools are in use from now on: starts their sources, ends those of before, and tells of changes. */
  follow(pools: readonly PoolConfig[]): void {
    const before = this.#pools;
    this.#pools = this.#next ?? this.#followed(pools);
    this.#next = undefined;
    const used = sourcesIn(this.#pools);
    for (const source of sourcesIn(before)) if (!used.has(source)) source.stop();
    for (const { damped } of before.values()) damped?.stop();
    this.#absent ??= this.#ground.clock.every(ABSENT_MS, () => this.#endAbsent());
    for (const [name, { members, reloaded }] of this.#pools) {
      members.renew(this.#ground.clock.monotonic());
      if (reloaded !== undefined && before.has(name)) this.#owner.told(name, reloaded, 'reload');
      this.#tell(name);
    }
  }

  /** Resolves when every source has answered, or the time is over: with those that have not. */
  answered(waitMs: number): Promise<readonly string[]> {
    const missing = (): readonly string[] =>
      [...sourcesIn(this.#next ?? this.#pools)].filter((each) => !each.hasAnswered).map(({ label }) => label);
    if (missing().length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const done = (): void => {
        limit.stop();
        this.#waiting = this.#waiting.filter((each) => each !== look);
        resolve(missing());
      };
      const look = (): void => {
        if (missing().length === 0) done();
      };
      const limit = this.#ground.clock.after(waitMs, done);
      this.#waiting.push(look);
    });
  }

  /** An operator's word. Throws, and forgets it, when the pool can't be as it says. */
  say(pool: string, upstream: Upstream, said: Pick<Word, 'standing' | 'weight'>): void {
    const takeBack = this.#overlay.say(pool, upstream, said);
    try {
      this.#owner.changed(pool, this.#members(pool));
    } catch (error) {
      takeBack();
      throw error;
    }
    this.#prune();
  }

  /** What operators said before the start. */
  restore(words: readonly SavedWord[]): void {
    this.#overlay.restore(words);
  }

  /** What operators said, as it is to be kept for the next start. */
  get words(): readonly SavedWord[] {
    return this.#overlay.all;
  }

  /** Forgets what was restored for upstreams that no source can name, and answers it. */
  dropStaleWords(): readonly SavedWord[] {
    return this.#overlay.dropWaiting((pool) => {
      const followed = this.#pools.get(pool);
      return followed === undefined || followed.members.sources.length === 0;
    });
  }

  /** What an operator said of it, beside what its source says. */
  word(pool: string, upstream: Upstream): Word | undefined {
    return this.#overlay.word(pool, upstream);
  }

  /** How the sources of a pool are. */
  sources(pool: string): readonly SourceState[] {
    return this.#pools.get(pool)?.members.sources.map(({ state }) => state) ?? [];
  }

  /** The source that an upstream comes from; undefined where the configuration lists it. */
  originOf(pool: string, id: string): string | undefined {
    return this.#pools.get(pool)?.members.originOf(id)?.label;
  }

  /** How long its source has not named it, in milliseconds; undefined: its source does. */
  absentMs(pool: string, id: string): number | undefined {
    const since = this.#pools.get(pool)?.members.absentSinceMs(id);
    return since === undefined ? undefined : this.#ground.clock.monotonic() - since;
  }

  stop(): void {
    this.abandon();
    this.#absent?.stop();
    for (const { damped } of this.#pools.values()) damped?.stop();
    for (const source of sourcesIn(this.#pools)) source.stop();
    this.#pools.clear();
  }

  // ---- From the sources ----

  changed(source: FollowedSource): void {
    for (const look of [...this.#waiting]) look();
    for (const [name, followed] of this.#pools) {
      if (!followed.members.sources.includes(source)) continue;
      followed.speakers.add(source.label);
      if (source.answers === 1) this.#renew(name, followed);
      else followed.damped ??= this.#ground.clock.after(followed.dampMs, () => this.#renew(name, followed));
    }
  }

  problem(source: FollowedSource, problem: string | undefined): void {
    for (const [name, { members }] of [...this.#pools, ...(this.#next ?? [])]) {
      if (!members.sources.includes(source)) continue;
      this.#owner.problem(name, source.label, problem);
      return;
    }
  }

  #renew(pool: string, followed: Followed): void {
    followed.damped?.stop();
    followed.damped = undefined;
    const why = [...followed.speakers].join(', ');
    followed.speakers.clear();
    const { clock } = this.#ground;
    const startedAtMs = clock.monotonic();
    this.#apply(pool, followed.members.renew(startedAtMs), why);
    const tookMs = clock.monotonic() - startedAtMs;
    followed.dampMs = Math.min(DAMPED_MS_MAX, Math.max(DAMPED_MS, DAMPED_TIMES * tookMs));
  }

  /** An absent upstream that is not up has nobody whom it could serve. */
  #endAbsent(): void {
    const now = this.#ground.clock.monotonic();
    for (const [name, { members }] of this.#pools)
      if (members.hasAbsent)
        this.#apply(
          name,
          members.endAbsent(now, (id) => this.#owner.isUp(name, id)),
          'absent for long, or absent and down',
        );
  }

  #apply(pool: string, change: MembersChange | undefined, why: string): void {
    if (change !== undefined) this.#owner.told(pool, change, why);
    this.#tell(pool);
  }

  #tell(pool: string): void {
    const members = this.#pools.get(pool)?.members;
    this.#prune();
    try {
      this.#owner.changed(pool, this.#members(pool));
    } catch (error) {
      this.#owner.refused(pool, error);
    }
    if (members !== undefined && members.sources.length > 0) this.#owner.hold(pool, members.down);
  }

  #members(pool: string): Members {
    return this.#overlay.over(pool, this.#pools.get(pool)?.members.upstreams ?? []);
  }

  #prune(): void {
    this.#overlay.prune(
      new Map([...this.#pools].map(([name, { members }]) => [name, members.upstreams])),
      (name, id) => this.#pools.get(name)?.members.absentSinceMs(id) !== undefined,
    );
  }

  /** A source that runs already goes on, with all that it knows. */
  #followed(pools: readonly PoolConfig[]): Map<string, Followed> {
    const { kinds = standardKinds } = this.#ground;
    // Before any of them is started.
    for (const { name } of pools.flatMap(({ sources }) => sources)) sourceKind(kinds, name);
    return new Map(
      pools.map((config): [string, Followed] => {
        const before = this.#pools.get(config.name)?.members;
        const sources = config.sources.map(
          (source) =>
            before?.sources.find((each) => each.isOf(source)) ??
            new FollowedSource(source, kinds, this.#ground, this),
        );
        const members = new PoolMembers(config, sources, before);
        return [
          config.name,
          { members, reloaded: undefined, damped: undefined, dampMs: DAMPED_MS, speakers: new Set() },
        ];
      }),
    );
  }
}

function sourcesIn(pools: ReadonlyMap<string, Followed>): Set<FollowedSource> {
  return new Set([...pools.values()].flatMap(({ members }) => members.sources));
}
