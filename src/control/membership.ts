import type { Timer } from '../base/clock.js';
import type { Members } from '../route/pool/pool-event.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { PoolConfig } from './config/config.js';
import { Overlay, type Word } from './overlay.js';
import { listed } from './sources/listed.js';
import type { Source } from './sources/source.js';

/** A source of a pool that runs. */
interface Running {
  readonly source: Source;
  readonly timer: Timer;
}

/**
 * Decides who is in a pool: joins the pool's sources, and lays over them what operators said. A reload
 * changes the sources and nothing of what an operator said.
 */
export class Membership {
  readonly #overlay = new Overlay();
  readonly #changed: (pool: string, members: Members) => void;
  readonly #refused: (pool: string, error: unknown) => void;
  readonly #running = new Map<string, readonly Running[]>();

  /**
   * `changed` is told whenever the members of a pool may be others, and throws for members that can't be;
   * when a source named them, `refused` is told why, and the pool stays as it was.
   */
  constructor(
    changed: (pool: string, members: Members) => void,
    refused: (pool: string, error: unknown) => void,
  ) {
    this.#changed = changed;
    this.#refused = refused;
  }

  /** Who will be in the pool under these settings. Starts nothing. */
  of(pool: PoolConfig): Required<Members> {
    return this.#overlay.over(pool.name, joined(sourcesOf(pool)));
  }

  /** These pools are in use from now on: starts their sources, ends those of before, and tells of changes. */
  follow(pools: readonly PoolConfig[]): void {
    this.stop();
    for (const pool of pools) {
      const { name } = pool;
      this.#running.set(
        name,
        sourcesOf(pool).map((source) => ({ source, timer: source.start(() => this.#sourceChanged(name)) })),
      );
    }
    this.#overlay.prune(this.#found());
    for (const { name } of pools) this.#tell(name);
  }

  /** An operator's word. Throws, and forgets it, when the pool can't be as it says. */
  say(pool: string, upstream: Upstream, said: Pick<Word, 'standing' | 'weight'>): void {
    const takeBack = this.#overlay.say(pool, upstream, said);
    try {
      this.#changed(pool, this.#members(pool));
    } catch (error) {
      takeBack();
      throw error;
    }
    this.#overlay.prune(this.#found());
  }

  /** What an operator said of it, beside what its source says. */
  word(pool: string, upstream: Upstream): Word | undefined {
    return this.#overlay.word(pool, upstream);
  }

  stop(): void {
    for (const sources of this.#running.values()) for (const { timer } of sources) timer.stop();
    this.#running.clear();
  }

  #sourceChanged(pool: string): void {
    this.#overlay.prune(this.#found());
    this.#tell(pool);
  }

  #tell(pool: string): void {
    try {
      this.#changed(pool, this.#members(pool));
    } catch (error) {
      this.#refused(pool, error);
    }
  }

  #members(pool: string): Members {
    return this.#overlay.over(pool, this.#found().get(pool) ?? []);
  }

  #found(): ReadonlyMap<string, readonly Upstream[]> {
    return new Map(
      [...this.#running].map(([name, sources]) => [name, joined(sources.map(({ source }) => source))]),
    );
  }
}

function sourcesOf({ upstreams }: PoolConfig): readonly Source[] {
  return [listed(upstreams)];
}

/** An id or a URL that two sources name belongs to the first of them. */
function joined(sources: readonly Source[]): readonly Upstream[] {
  if (sources.length === 1) return sources[0]!.upstreams;
  const ids = new Set<string>();
  const urls = new Set<string>();
  return sources
    .flatMap(({ upstreams }) => upstreams)
    .filter(({ id, url }) => {
      if (ids.has(id) || urls.has(url)) return false;
      ids.add(id);
      urls.add(url);
      return true;
    });
}
