import type { Clock, Timer } from '../../base/clock.js';
import type { FeedListener, FeedSubscription } from '../store/feed.js';
import type { Store } from '../store/store.js';
import {
  isUserKey,
  readNote,
  readUserRevocation,
  REVOKED_INDEX,
  type Place,
  type UserRevocation,
} from './revocation-record.js';
import type { TokenSettings } from './token-options.js';

/** What revocations are compared with: one token's names and times. */
export interface TokenMarks {
  readonly token: Place;
  readonly user: Place;
  readonly family: Place | undefined;
  readonly epochMs: number;
  readonly issuedAtMs: number;
  readonly loginAtMs: number;
}

const RETRY_MS = 500;
const READS_AT_ONCE = 64;
/** In one process. With more than this revoked within a token's life, the store is asked instead. */
const KNOWN_MAX = 500_000;

/**
 * All revocations that still matter, in this process's memory: read from the store once, then kept by its
 * feed. A revocation is never undone, so what is known stays known; what can be in doubt is whether all is
 * known, and `isSure` says.
 */
export class Revocations implements FeedListener {
  /** Another one whenever something was learnt. */
  edition = 0;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #settings: TokenSettings;
  readonly #subscription: FeedSubscription;
  readonly #turning: Timer;
  readonly #retries = new Set<Timer>();
  /**
   * By partition: which reading of all revocations counts, and until when (by the monotonic clock) this
   * process is sure.
   */
  readonly #readings: number[];
  readonly #sureUntilMs: number[];
  readonly #isRead: boolean[];
  // Two generations, exchanged whenever all tokens of that time are over: what was learnt stays for one such
  // time at least.
  #young = new Map<string, UserRevocation | true>();
  #old = new Map<string, UserRevocation | true>();
  #isStopped = false;

  constructor(settings: TokenSettings) {
    const { store, clock, outlivedMs } = settings;
    this.#settings = settings;
    this.#store = store;
    this.#clock = clock;
    this.#readings = Array<number>(store.partitions).fill(0);
    this.#sureUntilMs = Array<number>(store.partitions).fill(-Infinity);
    this.#isRead = Array<boolean>(store.partitions).fill(false);
    this.#turning = clock.every(outlivedMs, () => this.#turn());
    this.#subscription = store.feed.follow(this);
    // A feed that has begun already tells of nothing missed.
    for (let partition = 0; partition < store.partitions; partition++) {
      if (this.#readings[partition] === 0 && this.#vouchedAtMs(partition) > -Infinity) this.missed(partition);
    }
  }

  noted(_partition: number, _sequence: number, notes: readonly string[]): void {
    for (const note of notes) {
      const revoked = readNote(note);
      if (revoked !== undefined) this.learn(revoked.key, revoked.user);
    }
  }

  /**
   * Of what was told before, nothing becomes untrue; of what was vouched for neither. From here on all must
   * be read once more.
   */
  missed(partition: number): void {
    this.#isRead[partition] = false;
    const reading = ++this.#readings[partition]!;
    this.#readAll(partition, reading).catch((error: unknown) => {
      if (this.#isStopped || this.#readings[partition] !== reading) return;
      this.#settings.onEvent({ type: 'storeDown', error });
      this.#later(() => this.#readings[partition] === reading && this.missed(partition));
    });
  }

  /** Also for what this process itself revoked, so that it need not wait for the feed. */
  learn(key: string, user?: UserRevocation): void {
    this.edition++;
    if (this.#young.size >= KNOWN_MAX) this.#distrust();
    else if (user === undefined) this.#young.set(key, true);
    else this.#young.set(key, newest(user, this.#known(key)));
  }

  /** True when every revocation acknowledged up to `bound` ago that may concern this token is known here. */
  isSure({ token, user }: TokenMarks): boolean {
    const nowMs = this.#clock.monotonic();
    return (
      (this.#sureUntilMs[token.partition]! >= nowMs || this.#becomesSure(token.partition, nowMs)) &&
      (this.#sureUntilMs[user.partition]! >= nowMs || this.#becomesSure(user.partition, nowMs))
    );
  }

  /** As far as is known here. */
  isRevoked({ token, user, family, ...marks }: TokenMarks): boolean {
    if (this.#known(token.key) !== undefined) return true;
    if (family !== undefined && this.#known(family.key) !== undefined) return true;
    const known = this.#known(user.key);
    return typeof known === 'object' && this.#ends(known, marks);
  }

  /** As the store has it. Rejects with `STICKY_STORE_DOWN`. */
  async ask({ token, user, family, ...marks }: TokenMarks): Promise<boolean> {
    const [ofToken, ofUser, ofFamily] = await Promise.all(
      [token, user, family].map(
        async (place) => place && (await this.#store.read(place.partition, place.key)),
      ),
    );
    if (ofToken !== undefined || ofFamily !== undefined) return true;
    return ofUser !== undefined && this.#ends(readUserRevocation(ofUser.fields), marks);
  }

  stop(): void {
    this.#isStopped = true;
    this.#subscription.stop();
    this.#turning.stop();
    for (const timer of this.#retries) timer.stop();
  }

  /**
   * What a new token of a user is to carry: the epoch that the store has, or a newer one that is known here
   * alone. That is so when the store lost what it held; the processes that still know would take the new
   * token for an old one.
   */
  newestEpochMs(userKey: string, stored: string | undefined): number | undefined {
    return newest(
      { epochMs: stored === undefined ? undefined : Number(stored), beforeMs: undefined },
      this.#known(userKey),
    ).epochMs;
  }

  /**
   * A token made since a revocation carries its epoch, so that no two clocks need be compared: not even
   * tokens of one second. Those made much later need not carry it; by then nobody holds an older one, and the
   * store has forgotten the epoch.
   */
  #ends(
    { epochMs, beforeMs }: UserRevocation,
    marks: Pick<TokenMarks, 'epochMs' | 'issuedAtMs' | 'loginAtMs'>,
  ): boolean {
    const { outlivedMs, toleranceMs } = this.#settings;
    if (epochMs !== undefined && marks.epochMs < epochMs && marks.issuedAtMs <= epochMs + outlivedMs)
      return true;
    return beforeMs !== undefined && marks.loginAtMs <= beforeMs + toleranceMs;
  }

  #known(key: string): UserRevocation | true | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  #vouchedAtMs(partition: number): number {
    return this.#subscription.position(partition).vouchedAtMs;
  }

  /**
   * What is vouched for only grows, until something is missed: it is asked for when the last answer is used
   * up.
   */
  #becomesSure(partition: number, nowMs: number): boolean {
    if (!this.#isRead[partition]) return false;
    const untilMs = this.#vouchedAtMs(partition) + this.#settings.boundMs;
    this.#sureUntilMs[partition] = untilMs;
    return untilMs >= nowMs;
  }

  async #readAll(partition: number, reading: number): Promise<void> {
    const linked = await this.#store.list(partition, REVOKED_INDEX);
    const users: string[] = [];
    for (const { member } of linked) {
      if (isUserKey(member)) users.push(member);
      else this.learn(member);
    }
    for (let start = 0; start < users.length; start += READS_AT_ONCE) {
      await Promise.all(
        users.slice(start, start + READS_AT_ONCE).map(async (key) => {
          const record = await this.#store.read(partition, key);
          if (record !== undefined) this.learn(key, readUserRevocation(record.fields));
        }),
      );
    }
    if (this.#readings[partition] === reading && this.#young.size < KNOWN_MAX) this.#isRead[partition] = true;
  }

  /** There are too many to remember. What is asked of the store is always right. */
  #distrust(): void {
    for (let partition = 0; partition < this.#isRead.length; partition++) {
      this.#readings[partition]!++;
      this.#isRead[partition] = false;
      this.#sureUntilMs[partition] = -Infinity;
    }
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new Map();
    for (let partition = 0; partition < this.#isRead.length; partition++)
      if (!this.#isRead[partition]) this.missed(partition);
  }

  #later(task: () => void): void {
    const timer = this.#clock.after(RETRY_MS, () => {
      this.#retries.delete(timer);
      task();
    });
    this.#retries.add(timer);
  }
}

/**
 * Instants of a user's revocations only grow, so that it does not matter in which order they are heard of.
 */
function newest(user: UserRevocation, known: UserRevocation | true | undefined): UserRevocation {
  return typeof known === 'object'
    ? { epochMs: later(user.epochMs, known.epochMs), beforeMs: later(user.beforeMs, known.beforeMs) }
    : user;
}

function later(oneMs: number | undefined, otherMs: number | undefined): number | undefined {
  return oneMs === undefined || (otherMs !== undefined && otherMs > oneMs) ? otherMs : oneMs;
}
