import { afterAll } from 'vitest';
import {
  connect,
  type ConnectOptions,
  type RawClient,
  type RawResponse,
  type RequestOptions,
} from '../support/raw-client.js';
import { until } from '../support/until.js';
import { type Random } from '../../src/base/random.js';
import { seededRandom, shuffled } from '../../src/testing/seeded-random.js';

/** Someone who sends requests and keeps the cookies that come back, as a browser does. */
export interface User {
  readonly name: string;
  readonly cookies: Map<string, string>;
  /** What is asked for, without cookies. */
  readonly request: RequestOptions & ConnectOptions;
}

export interface Visit {
  readonly user: string;
  readonly startedAt: number;
  readonly status: number;
  /** As `x-upstream` says. */
  readonly upstream: string | undefined;
  /** As the upstream's own answer says. */
  readonly servedBy: string | undefined;
  /** `x-affinity` */
  readonly affinity: string | undefined;
  readonly setsCookie: boolean;
  readonly retryAfter: string | undefined;
}

export interface Failure {
  readonly user: string;
  readonly message: string;
  /** A part of the answer had come. */
  readonly hadBegun: boolean;
}

export function users(
  count: number,
  request: (name: string, at: number) => User['request'] = () => ({}),
): User[] {
  return Array.from({ length: count }, (_, at) => {
    const name = `user-${String(at + 1).padStart(3, '0')}`;
    return { name, cookies: new Map<string, string>(), request: request(name, at) };
  });
}

/** One request of a user on a connection, with the cookies; what the answer sets is kept. */
export async function visit(
  client: RawClient,
  user: User,
): Promise<Visit & { readonly answer: RawResponse }> {
  const startedAt = performance.now();
  const cookie = [...user.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = {
    ...(user.request.headers as Record<string, string> | undefined),
    ...(cookie === '' ? {} : { cookie }),
  };
  const answer = await client.request({ ...user.request, headers }, 15_000);
  const written = answer.headers('set-cookie');
  for (const text of written) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(text)!;
    user.cookies.set(name!, value!);
  }
  return {
    user: user.name,
    startedAt,
    status: answer.status,
    upstream: answer.header('x-upstream'),
    servedBy: nameIn(answer),
    affinity: answer.header('x-affinity'),
    setsCookie: written.length > 0,
    retryAfter: answer.header('retry-after'),
    answer,
  };
}

/** The sample's upstream names itself as `service_name`, or at the start of a stream; a fake one as `id`. */
function nameIn(answer: RawResponse): string | undefined {
  if (answer.status !== 200) return undefined;
  const text = answer.text();
  if (!text.startsWith('{')) return /^\S+/.exec(text)?.[0];
  const { id, service_name } = JSON.parse(text) as { id?: string; service_name?: string };
  return id ?? service_name;
}

/**
 * Requests of all users, `each` of every one, in mixed order over mixed connections: most over a few
 * keep-alive ones that everybody shares, some over new ones; users with an address of their own have a
 * connection of their own. Every user's first request is answered before any second one is sent, as with a
 * browser that opens a page.
 */
export async function mixedVisits(
  port: number,
  everybody: readonly User[],
  each: number,
  random: Random,
): Promise<Visit[]> {
  const visits: Visit[] = [];
  const lanes = await Promise.all(Array.from({ length: 16 }, () => connect(port)));
  const own = new Map<User, RawClient>();
  const rest = Array.from({ length: each - 1 }, () => everybody).flat();
  for (const round of [everybody, rest]) {
    const jobs = shuffled(round, random);
    await Promise.all(
      lanes.map(async (lane) => {
        for (let user = jobs.pop(); user !== undefined; user = jobs.pop()) {
          const isNew = random.below(8) === 0;
          const mine = user.request.localAddress === undefined ? lane : own.get(user);
          if (!isNew && mine !== undefined) {
            visits.push(await visit(mine, user));
            continue;
          }
          const client = await connect(port, user.request);
          visits.push(await visit(client, user));
          if (user.request.localAddress === undefined) client.destroy();
          else own.set(user, client);
        }
      }),
    );
  }
  for (const client of [...lanes, ...own.values()]) client.destroy();
  return visits;
}

const crowds = new Set<Crowd>();
afterAll(() => {
  for (const crowd of crowds) crowd.leave();
});

/**
 * Users who never stop asking, each over a keep-alive connection that is now and then replaced by a new one.
 */
export class Crowd {
  readonly visits: Visit[] = [];
  readonly failures: Failure[] = [];
  /** Users who were told that the gateway goes, or found it gone before they had asked. */
  readonly sentAway = new Set<string>();
  readonly #port: number;
  readonly #users: readonly User[];
  readonly #visitsPerConnection: number;
  readonly #pace: Promise<void>[] = [];
  #isLeaving = false;
  #isGatewayGoing = false;

  constructor(port: number, everybody: readonly User[], visitsPerConnection = 9) {
    this.#port = port;
    this.#users = everybody;
    this.#visitsPerConnection = visitsPerConnection;
    crowds.add(this);
  }

  start(): this {
    for (const user of this.#users) this.#pace.push(this.#come(user));
    return this;
  }

  leave(): void {
    this.#isLeaving = true;
  }

  /**
   * From now on a new connection that is torn down without a byte counts as refused: between a port's last
   * look for connections and its closing, the system may still make one.
   */
  gatewayGoes(): void {
    this.#isGatewayGoing = true;
  }

  /** Everybody finishes the request in hand. */
  async stop(): Promise<void> {
    this.leave();
    await Promise.all(this.#pace);
    crowds.delete(this);
  }

  /**
   * Waits until these users have all been answered `count` times from now on, and returns those visits and
   * any more.
   */
  async seen(
    count: number,
    who: (user: string) => boolean = () => true,
    deadlineMs = 15_000,
  ): Promise<Visit[]> {
    const from = performance.now();
    const waiting = this.#users.filter(({ name }) => who(name)).map(({ name }) => name);
    return await until(
      `${count} more visits of ${waiting.length} users`,
      () => {
        const since = this.visits.filter((each) => each.startedAt >= from && who(each.user));
        const counts = new Map<string, number>();
        for (const { user } of since) counts.set(user, (counts.get(user) ?? 0) + 1);
        return waiting.every((name) => (counts.get(name) ?? 0) >= count) ? since : undefined;
      },
      deadlineMs,
    );
  }

  async #come(user: User): Promise<void> {
    let client: RawClient | undefined;
    let left = 0;
    while (!this.#isLeaving && !this.sentAway.has(user.name)) {
      if (--left === 0) {
        client?.destroy();
        client = undefined;
      }
      if (client === undefined) {
        client = await connect(this.#port, user.request).catch(() => undefined);
        left = this.#visitsPerConnection;
      }
      if (client === undefined) {
        this.sentAway.add(user.name);
        return;
      }
      const used: RawClient = client;
      const before = used.received.length;
      try {
        const { answer, ...rest } = await visit(used, user);
        this.visits.push(rest);
        if (answer.header('connection') === 'close') {
          used.destroy();
          client = undefined;
        }
      } catch (error) {
        const isFirst = left === this.#visitsPerConnection;
        if (this.#isGatewayGoing && isFirst && used.received === '') {
          this.sentAway.add(user.name);
          continue;
        }
        const [message] = (error instanceof Error ? error.message : String(error)).split(' Received: ');
        this.failures.push({ user: user.name, message: message!, hadBegun: used.received.length > before });
        used.destroy();
        client = undefined;
      }
    }
    client?.destroy();
  }
}

/** Who was served where: every user's upstreams, in the order of first visit. */
export function homes(visits: readonly Visit[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { user, upstream = 'none' } of visits) {
    const all = found.get(user) ?? [];
    if (!all.includes(upstream)) found.set(user, [...all, upstream]);
  }
  return found;
}

/** Every user's only upstream; fails where one had several. */
export function onlyHomes(visits: readonly Visit[]): Map<string, string> {
  const found = homes(visits);
  const moved = [...found].filter(([, all]) => all.length > 1);
  if (moved.length > 0)
    throw new Error(
      `${moved.length} of ${found.size} users were served by several upstreams: ${moved
        .slice(0, 5)
        .map(([user, all]) => `${user} by ${all.join(', ')}`)
        .join('; ')}`,
    );
  return new Map([...found].map(([user, [home]]) => [user, home!]));
}

/** Users an upstream. */
export function spread(home: ReadonlyMap<string, string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const id of [...home.values()].sort()) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
}

/**
 * A seed for what a test leaves to chance, printed so that a failure can be had again: `SEED=… npx vitest run
 * FILE`.
 */
export function printedSeed(): Random {
  const seed = Number(process.env['SEED'] ?? Math.floor(performance.now() * 1000) % 2 ** 31);
  console.log(`SEED=${seed}`);
  return seededRandom(seed);
}
