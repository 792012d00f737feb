import type { FiguresView } from '../control/admin/figures-view.js';
import type { PoolStateView, RoutesView, StatusView, UpstreamView } from '../control/admin/admin-views.js';
import { ApiRefusal, askApi, followEvents, forgetToken, hasToken } from './api.js';
import { after, nowMs } from './browser-time.js';
import type { StreamedEvent } from './event-text.js';
import { FiguresWindow } from './figures-window.js';

const EVENTS_KEPT = 200;
const FIGURES_EVERY_MS = 2000;
/** A page that nobody looks at asks seldom. */
const HIDDEN_FIGURES_EVERY_MS = 10_000;
const DETAILS_EVERY_MS = 10_000;
const BACK_MS = 1000;
const BACK_MS_MAX = 30_000;

export type LinkState =
  | { readonly is: 'opening' }
  | { readonly is: 'live' }
  | { readonly is: 'lost'; readonly why: string; readonly againAtMs: number }
  | { readonly is: 'locked'; readonly why: string | undefined };

/** An event as the API tells it; which fields it has depends on its kind. */
export interface Happened {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly pool?: string;
  readonly upstream?: string;
  readonly by?: string;
  readonly [field: string]: unknown;
}

interface Snapshot {
  readonly at: string;
  readonly pools: readonly {
    readonly name: string;
    readonly upstreams: readonly Pick<
      UpstreamView,
      'id' | 'condition' | 'standing' | 'weight' | 'drain' | 'traffic'
    >[];
  }[];
}

/** All that the page knows of the gateway, kept fresh. */
export class LiveState {
  connection: LinkState = { is: 'opening' };
  status: StatusView | undefined;
  pools: readonly PoolStateView[] = [];
  routes: RoutesView['routes'] = [];
  /** The newest first. */
  events: readonly Happened[] = [];
  readonly figures = new FiguresWindow();
  /** What a change of condition or standing says, to those who listen to the page. */
  announcement = '';
  /** The gateway's clock against that of this browser. */
  #aheadMs = 0;
  readonly #changed: () => void;
  #lastId: string | undefined;
  #failures = 0;
  #figuresAtMs = 0;
  #detailsAtMs = 0;
  #isAsking = false;
  #stopWaiting: (() => void) | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The time at the gateway. */
  get nowMs(): number {
    return nowMs() + this.#aheadMs;
  }

  async connect(): Promise<void> {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.connection.is !== 'lost') this.#set({ is: 'opening' });
    try {
      await this.#load();
      await followEvents(this.#lastId, (event) => this.#take(event));
      throw new Error('The gateway ended the stream.');
    } catch (error) {
      this.#lost(error);
    }
  }

  /** After a verb: what it changed is shown at once. */
  async refresh(): Promise<void> {
    await this.#details();
    this.#changed();
  }

  async #load(): Promise<void> {
    const [status, { routes }, { events, lastId }] = await Promise.all([
      askApi<StatusView>('/status'),
      askApi<RoutesView>('/routes'),
      askApi<{ readonly events: readonly Happened[]; readonly lastId: string }>(
        `/events?limit=${EVENTS_KEPT}`,
      ),
      this.#details(),
      this.#figures(),
    ]);
    Object.assign(this, { status, routes, events: [...events].reverse() });
    this.#lastId = lastId;
    this.#changed();
  }

  async #details(): Promise<void> {
    this.#detailsAtMs = nowMs();
    this.pools = (await askApi<{ readonly pools: readonly PoolStateView[] }>('/pools')).pools;
  }

  async #figures(): Promise<void> {
    this.#figuresAtMs = nowMs();
    this.figures.add(await askApi<FiguresView>('/figures'));
  }

  #take({ id, event, data }: StreamedEvent): void {
    if (id !== undefined) this.#lastId = id;
    if (event === 'change') this.#change(JSON.parse(data) as Happened);
    else if (event === 'snapshot') this.#snapshot(JSON.parse(data) as Snapshot);
    else if (event === 'gap') void this.#load().catch(() => {});
  }

  #change(event: Happened): void {
    if (this.events.some(({ id }) => id === event.id)) return;
    this.events = [event, ...this.events].slice(0, EVENTS_KEPT);
    if (event.kind === 'condition' || event.kind === 'standing')
      this.announcement = `${event.upstream} is now ${String(event['to'])}`;
    if (event.kind === 'reloaded') void this.#load().catch(() => {});
    this.#detailsAtMs = 0;
    this.#changed();
  }

  #snapshot({ at, pools }: Snapshot): void {
    this.#failures = 0;
    this.#aheadMs = Date.parse(at) - nowMs();
    if (this.connection.is !== 'live') this.connection = { is: 'live' };
    const known = new Map(pools.map(({ name, upstreams }) => [name, upstreams]));
    let isStale = pools.length !== this.pools.length;
    this.pools = this.pools.map((pool) => {
      const said = new Map((known.get(pool.name) ?? []).map((upstream) => [upstream.id, upstream]));
      isStale ||= said.size !== pool.upstreams.length;
      // A drain that was stopped is not in the snapshot any more.
      const fresh = ({ drain: _, ...each }: UpstreamView): UpstreamView => ({
        ...each,
        ...said.get(each.id),
      });
      return { ...pool, upstreams: pool.upstreams.map((each) => (said.has(each.id) ? fresh(each) : each)) };
    });
    void this.#askWhatIsDue(isStale);
    this.#changed();
  }

  async #askWhatIsDue(isStale: boolean): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const everyMs = document.hidden ? HIDDEN_FIGURES_EVERY_MS : FIGURES_EVERY_MS;
    const isDue = (atMs: number, ms: number): boolean => nowMs() - atMs >= ms - 100;
    try {
      if (isDue(this.#figuresAtMs, everyMs)) await this.#figures();
      if (isStale || isDue(this.#detailsAtMs, DETAILS_EVERY_MS)) await this.#details();
    } catch {
      // The stream says whether the gateway is there.
    } finally {
      this.#isAsking = false;
    }
  }

  #lost(error: unknown): void {
    if (error instanceof ApiRefusal && error.status === 401) {
      const why = hasToken() ? error.message : undefined;
      forgetToken();
      this.#set({ is: 'locked', why });
      return;
    }
    const waitMs = Math.min(BACK_MS_MAX, BACK_MS * 2 ** this.#failures++);
    const why = error instanceof ApiRefusal ? error.message : 'The gateway does not answer.';
    this.#set({ is: 'lost', why, againAtMs: nowMs() + waitMs });
    this.#stopWaiting = after(waitMs, () => void this.connect());
  }

  #set(connection: LinkState): void {
    this.connection = connection;
    this.#changed();
  }
}
