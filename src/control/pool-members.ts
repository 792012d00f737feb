import { MEMBERS_MAX } from '../route/placement/members.js';
import { type Upstream, UPSTREAM_FIELDS } from '../route/pool/upstream.js';
import type { PoolConfig } from './config/config.js';
import type { FollowedSource } from './sources/followed-source.js';

/** What a change did to the members of a pool, by their ids. */
export interface MembersChange {
  readonly came: readonly string[];
  /** Their source names them no more: no new users. Those who are bound still come, while it is healthy. */
  readonly leaving: readonly string[];
  /** Their source names them again. */
  readonly back: readonly string[];
  readonly gone: readonly string[];
  /** The id has stayed, and something else of it is another: its URL, its weight. */
  readonly changed: readonly string[];
}

/** An upstream that its source names no more. */
interface Absent {
  /** As it was, but `draining`. */
  readonly upstream: Upstream;
  readonly sinceMs: number;
}

/** Who is in one pool: what its configuration lists, what its sources say, and who is leaving. */
export class PoolMembers {
  readonly config: PoolConfig;
  readonly sources: readonly FollowedSource[];
  /** What is known of the pool until all of its sources have answered. */
  readonly #before: readonly Upstream[];
  /** All that are listed or named, without those that are absent. */
  #named: readonly Upstream[] = [];
  #origins: ReadonlyMap<string, FollowedSource> = new Map();
  #absent: ReadonlyMap<string, Absent>;
  #upstreams: readonly Upstream[];

  constructor(config: PoolConfig, sources: readonly FollowedSource[], before?: PoolMembers) {
    this.config = config;
    this.sources = sources;
    // Without sources the configuration alone decides, at once.
    this.#before = before === undefined || sources.length === 0 ? [] : before.#named;
    this.#absent = before === undefined || sources.length === 0 ? new Map() : before.#absent;
    this.#upstreams = before === undefined ? [] : before.#upstreams;
  }

  /** The listed ones as they are written, then all others by id. */
  get upstreams(): readonly Upstream[] {
    return this.#upstreams;
  }

  get hasAnswered(): boolean {
    return this.sources.every(({ upstreams }) => upstreams !== undefined);
  }

  get hasAbsent(): boolean {
    return this.#absent.size > 0;
  }

  /** Ids of those that are there and can't serve, as their source says. */
  get down(): ReadonlySet<string> {
    return new Set(this.sources.flatMap(({ down }) => [...down]));
  }

  originOf(id: string): FollowedSource | undefined {
    return this.#origins.get(id);
  }

  absentSinceMs(id: string): number | undefined {
    return this.#absent.get(id)?.sinceMs;
  }

  /** Takes what the sources say now; undefined when it is what they said before. */
  renew(nowMs: number): MembersChange | undefined {
    const named = new Naming(this.config.upstreams);
    for (const source of this.sources) named.add(source.upstreams ?? [], source);
    if (!this.hasAnswered) named.add(this.#before, undefined);
    const absent = new Map<string, Absent>();
    const leave = (id: string, each: Absent): void => {
      const isThere = named.ids.has(id) || named.urls.has(each.upstream.url);
      if (!isThere && this.config.lingerMs > 0) absent.set(id, each);
    };
    for (const [id, each] of this.#absent) leave(id, each);
    for (const upstream of this.#named)
      if (this.#origins.has(upstream.id))
        leave(upstream.id, { upstream: { ...upstream, draining: true }, sinceMs: nowMs });
    const origins = new Map([...this.#origins].filter(([id]) => absent.has(id)));
    for (const [id, source] of named.origins) origins.set(id, source);
    this.#origins = origins;
    return this.#set(named.upstreams, absent);
  }

  /** Lets go of the absent ones that nobody is kept for; undefined when there is none. */
  endAbsent(nowMs: number, isHealthy: (id: string) => boolean): MembersChange | undefined {
    const kept = [...this.#absent].filter(
      ([id, { sinceMs }]) => nowMs - sinceMs < this.config.lingerMs && isHealthy(id),
    );
    return kept.length === this.#absent.size ? undefined : this.#set(this.#named, new Map(kept));
  }

  #set(named: readonly Upstream[], absent: ReadonlyMap<string, Absent>): MembersChange | undefined {
    const before = this.#upstreams;
    const wasAbsent = this.#absent;
    this.#named = named;
    this.#absent = absent;
    const listed = this.config.upstreams.length;
    const room = Math.max(0, MEMBERS_MAX - named.length);
    // The oldest go first.
    const left = [...absent.values()].slice(Math.max(0, absent.size - room)).map(({ upstream }) => upstream);
    const others = [...named.slice(listed), ...left];
    this.#upstreams = [...named.slice(0, listed), ...others.sort((a, b) => (a.id < b.id ? -1 : 1))];
    return difference(before, this.#upstreams, wasAbsent, absent);
  }
}

/** Joins lists: an id or a URL that two of them name belongs to the first. */
class Naming {
  readonly upstreams: Upstream[];
  readonly ids: Set<string>;
  readonly urls: Set<string>;
  readonly origins = new Map<string, FollowedSource>();

  constructor(listed: readonly Upstream[]) {
    this.upstreams = [...listed];
    this.ids = new Set(listed.map(({ id }) => id));
    this.urls = new Set(listed.map(({ url }) => url));
  }

  add(upstreams: readonly Upstream[], source: FollowedSource | undefined): void {
    for (const upstream of upstreams) {
      const { id, url } = upstream;
      if (this.ids.has(id) || this.urls.has(url) || this.upstreams.length >= MEMBERS_MAX) continue;
      this.ids.add(id);
      this.urls.add(url);
      this.upstreams.push(upstream);
      if (source !== undefined) this.origins.set(id, source);
    }
  }
}

function difference(
  before: readonly Upstream[],
  after: readonly Upstream[],
  wasAbsent: ReadonlyMap<string, Absent>,
  isAbsent: ReadonlyMap<string, Absent>,
): MembersChange | undefined {
  const old = new Map(before.map((upstream) => [upstream.id, upstream]));
  const came: string[] = [];
  const leaving: string[] = [];
  const back: string[] = [];
  const changed: string[] = [];
  for (const upstream of after) {
    const { id } = upstream;
    const was = old.get(id);
    old.delete(id);
    if (was === undefined) came.push(id);
    else if (isAbsent.has(id) !== wasAbsent.has(id)) (isAbsent.has(id) ? leaving : back).push(id);
    else if (was !== upstream && UPSTREAM_FIELDS.some((field) => was[field] !== upstream[field]))
      changed.push(id);
  }
  const gone = [...old.keys()];
  const all = [came, leaving, back, gone, changed];
  return all.some(({ length }) => length > 0) ? { came, leaving, back, gone, changed } : undefined;
}
