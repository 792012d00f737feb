import type { Random } from '../../src/base/random.js';
import { drainOf, turnToLeave, type Drain } from '../../src/route/pool/standing.js';
import type { Decision } from '../../src/route/router.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { drainIn, placeOf, SimGateway, written } from './moving-world.js';

const FROM = 1_800_000_000_000;
const REHOME_AFTER_MS = 300_000;
const SKEW_MS_MAX = 2000;
const STEPS = 45;
const USERS = 6;

interface User {
  cookie: string | undefined;
  identity: number | undefined;
  /** What it has left on purpose. */
  readonly left: Map<string, Drain>;
}

/** Something may be under way for a while: an answer that comes behind that of a later request. */
interface Answer {
  readonly user: User;
  readonly cookie: string;
  readonly askedMs: number;
  readonly dueMs: number;
}

/** A drawn history of a few users before a few gateways. Throws when something does not hold. */
export class MovingSchedule {
  readonly #random: Random;
  readonly #ids: readonly string[];
  readonly #gateways: readonly SimGateway[];
  readonly #users: readonly User[];
  readonly #down = new Set<string>();
  #answers: Answer[] = [];
  #nowMs = FROM;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#ids = Array.from({ length: 3 + random.below(3) }, (_, at) => `api-${at + 1}`);
    // Half of `idle` is longer than a schedule: nothing has to be written for its sake.
    const options = { idle: '4h', onFailure: ['rehome', 'borrow', 'reject'][random.below(3)]! };
    this.#gateways = Array.from(
      { length: 2 + random.below(2) },
      () => new SimGateway(this.#ids, options, random.below(2 * SKEW_MS_MAX + 1) - SKEW_MS_MAX, random),
    );
    this.#users = Array.from({ length: USERS }, () => ({
      cookie: undefined,
      identity: undefined,
      left: new Map<string, Drain>(),
    }));
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      const isBusy = this.#answers.length > 0;
      this.#nowMs += this.#random.below(isBusy ? 2000 : this.#random.below(4) === 0 ? 120_000 : 8000);
      this.#deliver();
      const draw = this.#random.below(100);
      if (draw < 75) this.#request();
      else if (draw < 81) this.#drain();
      else if (draw < 86) this.#enable();
      else if (draw < 98) this.#fail();
      else this.#oneOf(this.#gateways).restart();
    }
  }

  #deliver(): void {
    for (const { user, cookie, askedMs, dueMs } of this.#answers) {
      if (dueMs > this.#nowMs) continue;
      user.cookie = cookie;
      // An answer that was under way when a drain began may undo its move: nobody knew of it then.
      for (const [id, { fromMs }] of user.left) if (askedMs <= fromMs) user.left.delete(id);
    }
    this.#answers = this.#answers.filter(({ dueMs }) => dueMs > this.#nowMs);
  }

  #request(): void {
    // Those who wait for an answer ask for more meanwhile.
    const busy = this.#answers[0]?.user;
    const user = busy !== undefined && this.#random.below(2) === 0 ? busy : this.#oneOf(this.#users);
    const gateway = this.#oneOf(this.#gateways);
    const decision = gateway.ask(this.#nowMs, user.cookie, this.#random.below(3) === 0);
    this.#judge(user, gateway, decision);
    const cookie = written(decision);
    if (cookie === undefined) return;
    const isSlow = user.cookie !== undefined && decision.outcome === 'bound' && this.#random.below(3) === 0;
    const dueMs = this.#nowMs + (isSlow ? this.#random.below(5000) : 0);
    if (isSlow) this.#answers.push({ user, cookie, askedMs: this.#nowMs, dueMs });
    else user.cookie = cookie;
  }

  #judge(user: User, gateway: SimGateway, decision: Decision): void {
    const { outcome, from, identity } = decision;
    const place = placeOf(decision);
    const now = this.#nowMs + gateway.skewMs;
    if (user.cookie === undefined) {
      user.left.clear();
      if (place !== undefined && drainIn(gateway, place) !== undefined)
        fail(`somebody new came to ${place}, which is leaving`);
      return;
    }
    // A binding that nobody could read any more would be another's.
    user.identity ??= identity;
    if (identity !== user.identity) fail('the identity changed');
    if (place === undefined) return;
    const drain = drainIn(gateway, place);
    if (drain !== undefined && user.left.get(place)?.seed === drain.seed)
      fail(`was moved from ${place} and went back`);
    if (drain !== undefined && outcome !== 'bound') fail(`${outcome} to ${place}, which is leaving`);
    if (outcome === 'moved') this.#judgeMove(user, gateway, from!, now);
    if (outcome === 'rehomed') {
      const since = gateway.pool.awaySince[gateway.pool.indexOf(from!)!]!;
      if (since === 0 || now - since < REHOME_AFTER_MS) fail(`rehomed from ${from} after a short failure`);
    }
    if (outcome === 'borrowed' && !this.#down.has(from!)) fail(`borrowed from ${from}, which is up`);
  }

  #judgeMove(user: User, gateway: SimGateway, from: string, now: number): void {
    const drain = drainIn(gateway, from);
    if (drain === undefined) return fail(`moved from ${from}, which nobody empties`);
    if (user.left.get(from)?.seed === drain.seed) fail(`moved from ${from} twice`);
    const isEarly = turnToLeave(drain, user.identity!, now) === 'later';
    if (isEarly && !this.#down.has(from)) fail(`moved from ${from} before its turn`);
    // A failure moves it before its turn, when an older answer may still write its binding again.
    if (!isEarly) user.left.set(from, drain);
  }

  /** The same instants for all gateways; each hears of it when it hears of it. */
  #drain(): void {
    const id = this.#oneOf(this.#ids);
    const others = this.#ids.filter(
      (other) => other !== id && drainIn(this.#gateways[0]!, other) === undefined,
    );
    if (others.length === 0 || drainIn(this.#gateways[0]!, id) !== undefined) return;
    const fromMs = this.#nowMs;
    const untilMs = fromMs + 1000 + this.#random.below(this.#random.below(2) === 0 ? 20_000 : 600_000);
    const quietMs = this.#random.below(3) === 0 ? this.#random.below(120_000) : 0;
    const leaving = drainOf(id, { fromMs, untilMs, quietMs });
    for (const gateway of this.#gateways) gateway.stand(id, { leaving });
  }

  #enable(): void {
    const id = this.#oneOf(this.#ids);
    for (const gateway of this.#gateways) gateway.stand(id, 'in');
    for (const { left } of this.#users) left.delete(id);
  }

  /** One at a time, and never the last that takes users. */
  #fail(): void {
    const [downed] = this.#down;
    if (downed !== undefined) {
      this.#down.clear();
      for (const gateway of this.#gateways) gateway.see(downed, 'up', this.#nowMs);
      return;
    }
    const open = this.#ids.filter((id) => drainIn(this.#gateways[0]!, id) === undefined);
    const id = this.#oneOf(this.#ids);
    if (open.filter((other) => other !== id).length === 0) return;
    this.#down.add(id);
    for (const gateway of this.#gateways) gateway.see(id, 'down', this.#nowMs);
  }

  #oneOf<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}

function fail(what: string): never {
  throw new Error(what);
}
