import type { Clock, Timer } from '../base/clock.js';
import { MEMBERS_MAX } from '../route/placement/members.js';
import type { Source, SourceNews } from '../route/pool/source.js';
import type { Upstream } from '../route/pool/upstream.js';

/** A burst of answers becomes one change, as in the gateway. */
const DAMPED_MS = 200;

/** What the sources of a client say, joined with the upstreams that are listed. */
export class ClientSources {
  readonly #clock: Clock;
  readonly #apply: (upstreams: readonly Upstream[], down: ReadonlySet<string>) => void;
  readonly #news: (SourceNews | undefined)[];
  readonly #running: readonly Timer[];
  #listed: readonly Upstream[];
  #damped: Timer | undefined;
  #whenAnswered: (() => void)[] = [];

  /** Starts them. `apply` may throw for upstreams that can't be; the client then keeps those that it has. */
  constructor(
    listed: readonly Upstream[],
    sources: readonly Source[],
    clock: Clock,
    apply: (upstreams: readonly Upstream[], down: ReadonlySet<string>) => void,
  ) {
    this.#listed = listed;
    this.#clock = clock;
    this.#apply = apply;
    this.#news = sources.map(() => undefined);
    this.#running = sources.map((source, at) =>
      source.start({ found: (news) => this.#found(at, news), failed: () => {} }),
    );
  }

  get hasAnswered(): boolean {
    return this.#news.every((news) => news !== undefined);
  }

  /** Resolves when all have answered, or the time is over. */
  answered(waitMs: number): Promise<void> {
    if (this.hasAnswered) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = this.#clock.after(waitMs, resolve);
      this.#whenAnswered.push(() => {
        limit.stop();
        resolve();
      });
    });
  }

  list(listed: readonly Upstream[]): void {
    const before = this.#listed;
    this.#listed = listed;
    try {
      this.#tell();
    } catch (error) {
      this.#listed = before;
      throw error;
    }
  }

  stop(): void {
    this.#damped?.stop();
    for (const timer of this.#running) timer.stop();
    for (const resolve of this.#whenAnswered.splice(0)) resolve();
  }

  #found(at: number, news: SourceNews): void {
    const isFirst = this.#news[at] === undefined;
    this.#news[at] = news;
    const tell = (): void => {
      this.#damped = undefined;
      try {
        this.#tell();
      } catch {
        // It keeps those that it has: what a source says must not end the app.
      }
    };
    if (isFirst) tell();
    else this.#damped ??= this.#clock.after(DAMPED_MS, tell);
    if (this.hasAnswered) for (const resolve of this.#whenAnswered.splice(0)) resolve();
  }

  #tell(): void {
    const ids = new Set(this.#listed.map(({ id }) => id));
    const urls = new Set(this.#listed.map(({ url }) => url));
    const found: Upstream[] = [];
    for (const upstream of this.#news.flatMap((news) => news?.upstreams ?? [])) {
      const { id, url, weight } = upstream;
      // What can't be an upstream is left out, as in the gateway.
      if (id === '' || !(weight > 0 && weight < Infinity) || ids.has(id) || urls.has(url)) continue;
      if (this.#listed.length + found.length >= MEMBERS_MAX) break;
      ids.add(id);
      urls.add(url);
      found.push(upstream);
    }
    found.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#apply([...this.#listed, ...found], new Set(this.#news.flatMap((news) => news?.down ?? [])));
  }
}
