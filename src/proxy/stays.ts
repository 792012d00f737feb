import type { Clock, Timer } from '../base/clock.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';
import { turnIn } from '../route/pool/standing.js';
import type { Decision } from '../route/router.js';

/** How often it is looked whose turn has come. */
const LOOK_MS = 250;
/** However short a drain is: so many connections that are made anew at once would be a stampede. */
const SPREAD_MS_MIN = 5000;

/** What lasts at an upstream for one user: a tunnel, an event stream, an upload. */
export interface Stay {
  readonly upstreamId: string;
  /** Who the user is, as sweeps know it. */
  readonly user: string;
  /** Uploads are waited for; the others end with their user. */
  readonly isUpload: boolean;
  /** The user has left the upstream: ends it. Called once. */
  leave(): void;
}

/** What lasts at the upstreams of a pool. It ends when its user leaves: nobody is in two places at once. */
export class Stays {
  readonly #clock: Clock;
  readonly #snapshot: () => PoolSnapshot;
  readonly #byUser = new Map<string, Set<Stay>>();
  #timer: Timer | undefined;

  constructor(clock: Clock, snapshot: () => PoolSnapshot) {
    this.#clock = clock;
    this.#snapshot = snapshot;
  }

  add(stay: Stay): void {
    const stays = this.#byUser.get(stay.user);
    if (stays === undefined) this.#byUser.set(stay.user, new Set([stay]));
    else stays.add(stay);
    this.#timer ??= this.#clock.every(LOOK_MS, () => this.#look());
  }

  delete(stay: Stay): void {
    const stays = this.#byUser.get(stay.user);
    if (stays === undefined || !stays.delete(stay) || stays.size > 0) return;
    this.#byUser.delete(stay.user);
    if (this.#byUser.size > 0) return;
    this.#timer?.stop();
    this.#timer = undefined;
  }

  /** An upload is not torn apart: its user leaves when it is over. */
  holdBack(decision: Decision): void {
    if (decision.outcome !== 'moved' || decision.user === undefined) return;
    for (const { isUpload, upstreamId } of this.#byUser.get(decision.user) ?? [])
      if (isUpload && upstreamId === decision.from) {
        decision.stay();
        return;
      }
  }

  /** A request has moved its user. */
  moved({ user, from }: Pick<Decision, 'user' | 'from'>): void {
    const stays = user === undefined ? undefined : this.#byUser.get(user);
    if (stays !== undefined && from !== undefined) this.#end(stays, from);
  }

  #look(): void {
    const { standings, upstreams } = this.#snapshot();
    standings.forEach((standing, index) => {
      if (typeof standing === 'string') return;
      const { leaving } = standing;
      const untilMs = Math.max(leaving.untilMs, leaving.fromMs + SPREAD_MS_MIN);
      const now = this.#clock.now();
      if (now < leaving.fromMs) return;
      for (const [user, stays] of this.#byUser)
        if (now >= turnIn({ ...leaving, untilMs }, user)) this.#end(stays, upstreams[index]!.id);
    });
  }

  #end(stays: ReadonlySet<Stay>, upstreamId: string): void {
    for (const stay of [...stays]) {
      if (stay.isUpload || stay.upstreamId !== upstreamId) continue;
      this.delete(stay);
      stay.leave();
    }
  }
}
