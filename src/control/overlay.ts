import type { Members } from '../route/pool/pool-event.js';
import { firstStanding, isSameStanding } from '../route/pool/standing.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { SavedWord, Word } from './word.js';

/**
 * What operators said while the gateway runs, over what the sources say: by pool, id and URL. Reloads leave
 * it alone. A word ends with its upstream, and when the upstream's source says the same. A source that no
 * longer names an upstream says nothing of it.
 */
export class Overlay {
  readonly #words = new Map<string, ReadonlyMap<string, Word>>();
  /** Of before the start, about upstreams that no source has named yet. */
  #waiting: readonly SavedWord[] = [];

  word(pool: string, { id, url }: Upstream): Word | undefined {
    const word = this.#words.get(pool)?.get(id);
    return word?.url === url ? word : undefined;
  }

  /** What was said before the start. It goes for each upstream as soon as a source names it. */
  restore(words: readonly SavedWord[]): void {
    this.#waiting = words;
  }

  /** Forgets what waits for upstreams of these pools that can't come any more, and answers it. */
  dropWaiting(isFinal: (pool: string) => boolean): readonly SavedWord[] {
    const dropped = this.#waiting.filter(({ pool }) => isFinal(pool));
    this.#waiting = this.#waiting.filter(({ pool }) => !isFinal(pool));
    return dropped;
  }

  /** Every word, for a file. */
  get all(): readonly SavedWord[] {
    const said = [...this.#words].flatMap(([pool, words]) =>
      [...words].map(([upstream, word]) => ({ pool, upstream, ...word })),
    );
    return [...said, ...this.#waiting];
  }

  #adopt(pool: string, upstreams: readonly Upstream[]): void {
    if (this.#waiting.length === 0) return;
    const urls = new Map(upstreams.map(({ id, url }) => [id, url]));
    this.#waiting = this.#waiting.filter((word) => {
      if (word.pool !== pool || urls.get(word.upstream) !== word.url) return true;
      const { url, standing, weight } = word;
      const known = this.#words.get(pool);
      if (!known?.has(word.upstream))
        this.#words.set(pool, new Map(known).set(word.upstream, { url, standing, weight }));
      return false;
    });
  }

  /** Answers what takes the word back, for when it turns out to be impossible. */
  say(pool: string, upstream: Upstream, said: Pick<Word, 'standing' | 'weight'>): () => void {
    const before = this.#words.get(pool);
    const word = { url: upstream.url, ...this.word(pool, upstream), ...said };
    this.#words.set(pool, new Map(before).set(upstream.id, word));
    return () => this.#words.set(pool, before ?? new Map());
  }

  /** The upstreams of a pool's sources, as operators want them. */
  over(pool: string, upstreams: readonly Upstream[]): Required<Members> {
    this.#adopt(pool, upstreams);
    const words = upstreams.map((upstream) => this.word(pool, upstream));
    return {
      upstreams: upstreams.map((upstream, index) => {
        const weight = words[index]?.weight;
        return weight === undefined || weight === upstream.weight ? upstream : { ...upstream, weight };
      }),
      standings: upstreams.map((upstream, index) => words[index]?.standing ?? firstStanding(upstream)),
    };
  }

  /**
   * Forgets what has ended. `pools`: what the sources say now. An upstream that is absent leaves because
   * nobody names it: that is no word of its source.
   */
  prune(
    pools: ReadonlyMap<string, readonly Upstream[]>,
    isAbsent: (pool: string, id: string) => boolean,
  ): void {
    for (const [name, upstreams] of pools) this.#adopt(name, upstreams);
    for (const name of this.#words.keys()) {
      const kept = (pools.get(name) ?? []).flatMap((upstream): [string, Word][] => {
        const word = this.word(name, upstream);
        if (word === undefined) return [];
        const { url } = word;
        const isSame =
          word.standing !== undefined &&
          isSameStanding(word.standing, firstStanding(upstream)) &&
          !isAbsent(name, upstream.id);
        const standing = isSame ? undefined : word.standing;
        const weight = word.weight === upstream.weight ? undefined : word.weight;
        return standing === undefined && weight === undefined
          ? []
          : [[upstream.id, { url, standing, weight }]];
      });
      if (kept.length === 0) this.#words.delete(name);
      else this.#words.set(name, new Map(kept));
    }
  }
}
