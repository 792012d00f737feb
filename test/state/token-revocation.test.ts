import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Random } from '../../src/base/random.js';
import {
  createTokens,
  type TokenEvent,
  type TokenOptions,
  type Tokens,
} from '../../src/state/token/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { FleetStore } from '../support/fleet-store.js';
import { storeWith } from '../support/store-with.js';
import { draws } from '../support/draws.js';

const SECOND = 1_000;

const open: Tokens[] = [];
afterEach(() => open.splice(0).forEach((tokens) => tokens.close()));

function setUp(options: Partial<TokenOptions> = {}, partitions = 3) {
  const clock = createManualClock();
  const fleet = new FleetStore(clock, partitions);
  const events: TokenEvent[] = [];
  const join = (more: Partial<TokenOptions> = {}) => {
    const link = fleet.join();
    const keys = [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }] as const;
    const tokens = createTokens({
      keys,
      issuer: 'https://auth.example',
      audience: 'api',
      store: link.store,
      clock,
      onEvent: (event) => events.push(event),
      ...options,
      ...more,
    });
    open.push(tokens);
    return { link, tokens };
  };
  return { clock, fleet, events, join };
}

const refusedAs = (code: string) => expect.objectContaining({ name: 'StickyError', code: `STICKY_${code}` });

/** Lets what waits for nothing but others' answers come to its end. */
async function settle() {
  for (let count = 0; count < 3; count++) await turn();
}

describe('another process', () => {
  test('learns of a revocation as soon as it is pushed', async () => {
    const { join } = setUp();
    const [here, there] = [join(), join()];
    await settle();
    const { accessToken, jti } = await here.tokens.issue({ sub: 'alice' });
    await there.tokens.verify(accessToken);
    await here.tokens.revoke(jti);
    expect(there.tokens.peek(accessToken)).toBeUndefined();
    await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('learns of one whose push was lost when it next asks', async () => {
    const { join, clock } = setUp();
    const [here, there] = [join(), join()];
    await settle();
    there.link.hearsPushes = false;
    const { accessToken } = await here.tokens.issue({ sub: 'alice' });
    await there.tokens.verify(accessToken);
    await here.tokens.revokeUser('alice');
    expect(there.tokens.peek(accessToken)?.sub).toBe('alice');
    clock.advance(250);
    await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('learns of one that is no longer told of from the store, and asks that meanwhile', async () => {
    const { join, clock, fleet } = setUp();
    const [here, there] = [join(), join()];
    await settle();
    there.link.isUp = false;
    const [one, two] = [await here.tokens.issue({ sub: 'alice' }), await here.tokens.issue({ sub: 'bob' })];
    await here.tokens.revoke(one.jti);
    await here.tokens.revokeUser('bob');
    fleet.forget();
    there.link.isUp = true;
    clock.advance(250);
    for (const { accessToken } of [one, two])
      await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await settle();
    // By now it needs no store for that.
    there.link.isUp = false;
    for (const { accessToken } of [one, two])
      await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('that begins later knows what was revoked before, however much', async () => {
    const { join } = setUp({ refresh: {} });
    const here = join();
    const issued = await Promise.all(
      Array.from({ length: 300 }, (_, at) => here.tokens.issue({ sub: `user-${at}` })),
    );
    await Promise.all(
      issued.map(({ sub, jti, refreshToken }, at) =>
        [
          () => here.tokens.revoke(jti),
          () => here.tokens.revokeUser(sub),
          () => here.tokens.logout(refreshToken!),
        ][at % 3]!(),
      ),
    );
    const late = join();
    for (const { accessToken } of issued.slice(0, 3))
      await expect(late.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await settle();
    late.link.isUp = false;
    for (const { accessToken } of issued)
      await expect(late.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('that can not read what was revoked says so, asks for each token, and tries again', async () => {
    const { join, clock, events } = setUp();
    const here = join();
    const { accessToken, jti } = await here.tokens.issue({ sub: 'alice' });
    await here.tokens.revoke(jti);
    let fails = true;
    const { store } = join().link;
    const late = join({
      store: storeWith(store, {
        list: async (...all) => (fails ? Promise.reject(new Error('no list')) : await store.list(...all)),
      }),
    });
    await expect(late.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await settle();
    expect(events).toContainEqual({ type: 'storeDown', error: new Error('no list') });
    const good = await here.tokens.issue({ sub: 'bob' });
    await late.tokens.verify(good.accessToken);
    expect(late.tokens.peek(good.accessToken)).toBeUndefined();
    fails = false;
    clock.advance(SECOND);
    await settle();
    expect(late.tokens.peek(good.accessToken)?.sub).toBe('bob');
  });
});

test('a login that meets a revocation, of which its process has not heard, counts as one after it', async () => {
  const { join, fleet } = setUp({ refresh: {} });
  const here = join();
  const link = fleet.join();
  let meanwhile: (() => Promise<void>) | undefined = () => here.tokens.revokeUser('alice');
  const store = storeWith(link.store, {
    read: async (...all) => {
      const record = await link.store.read(...all);
      const task = meanwhile;
      meanwhile = undefined;
      await task?.();
      return record;
    },
  });
  const there = join({ store });
  await settle();
  link.hearsPushes = false;
  const { accessToken, refreshToken } = await there.tokens.issue({ sub: 'alice' });
  await expect(here.tokens.verify(accessToken)).resolves.toBeDefined();
  await expect(
    here.tokens.verify((await there.tokens.refresh(refreshToken!)).accessToken),
  ).resolves.toBeDefined();
});

test('a process that asks finds what ended a whole login', async () => {
  const { join, clock } = setUp({ refresh: {} });
  const [here, there] = [join(), join()];
  await settle();
  const { accessToken, refreshToken } = await here.tokens.issue({ sub: 'alice' });
  await there.tokens.verify(accessToken);
  there.link.isUp = false;
  await here.tokens.logout(refreshToken!);
  clock.advance(SECOND + 1);
  there.link.isUp = true;
  await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
});

describe('what a process knows', () => {
  test('outlives a store that lost everything, is added to by lower numbers, and keeps nobody from logging in', async () => {
    const { join, clock, fleet } = setUp();
    const [here, there] = [join(), join()];
    await settle();
    const [one, two] = [await here.tokens.issue({ sub: 'alice' }), await here.tokens.issue({ sub: 'bob' })];
    for (let count = 0; count < 5; count++) await here.tokens.revokeUser('bob');
    await here.tokens.revoke(one.jti);
    fleet.loseEverything();
    clock.advance(250);
    await settle();
    for (const { accessToken } of [one, two])
      await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    const again = await there.tokens.issue({ sub: 'bob' });
    for (const { tokens } of [here, there])
      await expect(tokens.verify(again.accessToken)).resolves.toBeDefined();
    await here.tokens.revokeUser('bob');
    await settle();
    for (const { tokens } of [here, there])
      await expect(tokens.verify(again.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('does not count as whole when a reading of it was overtaken by a gap', async () => {
    const { join, clock, fleet } = setUp({}, 1);
    const here = join();
    const link = fleet.join();
    const gates: (() => void)[] = [];
    const store = storeWith(link.store, {
      list: async (...all) => {
        const listed = await link.store.list(...all);
        await new Promise<void>((open) => gates.push(open));
        return listed;
      },
    });
    const slow = join({ store });
    await settle();
    const { accessToken, jti } = await here.tokens.issue({ sub: 'alice' });
    link.hearsPushes = false;
    await here.tokens.revoke(jti);
    fleet.forget();
    clock.advance(250);
    await settle();
    expect(gates.length).toBe(2);
    gates[0]!();
    await settle();
    await expect(slow.tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('has a bound, beyond which the store is asked, until there is room again', async () => {
    const { join, clock, fleet } = setUp({ ttl: '1m', tolerance: 0 }, 1);
    const here = join();
    const flood = fleet.join();
    await settle();
    const good = await here.tokens.issue({ sub: 'alice', ttl: '1m' });
    await here.tokens.verify(good.accessToken);
    expect(here.tokens.peek(good.accessToken)?.sub).toBe('alice');
    for (let count = 0; count < 2_000; count++)
      await flood.store.change(0, {
        steps: [],
        notes: Array.from({ length: 256 }, (_, at) => `t:j:${count}-${at}`),
      });
    expect(here.tokens.peek(good.accessToken)).toBeUndefined();
    await expect(here.tokens.verify(good.accessToken)).resolves.toBeDefined();
    clock.advance(2 * 61 * SECOND);
    await settle();
    const later = await here.tokens.issue({ sub: 'alice' });
    await here.tokens.verify(later.accessToken);
    expect(here.tokens.peek(later.accessToken)?.sub).toBe('alice');
  });
});

describe('a process that can not be sure', () => {
  async function cutOff(onUncertain?: 'ask' | 'reject' | 'accept') {
    const { join, clock, events } = setUp({
      bound: '1s',
      ...(onUncertain === undefined ? {} : { onUncertain }),
    });
    const [here, there] = [join(), join()];
    await settle();
    const [good, bad] = [await here.tokens.issue({ sub: 'alice' }), await here.tokens.issue({ sub: 'bob' })];
    for (const { accessToken } of [good, bad]) await there.tokens.verify(accessToken);
    there.link.isUp = false;
    await here.tokens.revokeUser('bob');
    const pass = (ms: number) => clock.advance(ms);
    return { here, there, good, bad, pass, events };
  }

  test('is one after the bound, and not before', async () => {
    const { there, bad, pass } = await cutOff();
    pass(SECOND);
    expect(there.tokens.peek(bad.accessToken)?.sub).toBe('bob');
    pass(1);
    expect(there.tokens.peek(bad.accessToken)).toBeUndefined();
  });

  test('asks the store, unless told otherwise, and fails where that can not be reached', async () => {
    const { there, good, bad, pass, events } = await cutOff();
    pass(SECOND + 1);
    for (const { accessToken } of [good, bad])
      await expect(there.tokens.verify(accessToken)).rejects.toEqual(refusedAs('STORE_DOWN'));
    expect(events.filter(({ type }) => type === 'uncertain')).toEqual([
      { type: 'uncertain', outcome: 'ask' },
    ]);
    // The store can be asked again, the feed has not been yet.
    there.link.isUp = true;
    await expect(there.tokens.verify(good.accessToken)).resolves.toBeDefined();
    await expect(there.tokens.verify(bad.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test('rejects with reject', async () => {
    const { there, good, pass } = await cutOff('reject');
    pass(SECOND + 1);
    there.link.isUp = true;
    await expect(there.tokens.verify(good.accessToken)).rejects.toEqual(refusedAs('STORE_DOWN'));
    pass(250);
    await expect(there.tokens.verify(good.accessToken)).resolves.toBeDefined();
  });

  test('accepts with accept, apart from what it knows', async () => {
    const { here, there, good, bad, pass, events } = await cutOff('accept');
    pass(SECOND + 1);
    expect(there.tokens.peek(bad.accessToken)?.sub).toBe('bob');
    expect((await there.tokens.verify((await here.tokens.issue({ sub: 'carol' })).accessToken)).sub).toBe(
      'carol',
    );
    expect(events).toContainEqual({ type: 'uncertain', outcome: 'accept' });
    there.link.isUp = true;
    pass(250);
    there.link.isUp = false;
    pass(SECOND + 1);
    await expect(there.tokens.verify(bad.accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    await expect(there.tokens.verify(good.accessToken)).resolves.toBeDefined();
  });
});

test('whatever is lost, no process accepts a token later than the bound after its revocation, and none refuses another', async () => {
  const seed = Number(process.env['SIM_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  for (let run = 0; run < draws(12); run++)
    await expect(simulate(seededRandom(seed + run)), `SIM_SEED=${seed + run}`).resolves.toEqual([]);
});

/** Three processes, bad links, and 150 things that happen. Resolves to what went wrong. */
async function simulate(random: Random): Promise<string[]> {
  const boundMs = 400 + random.below(1_000);
  const { clock, fleet, join } = setUp(
    { bound: boundMs, refresh: {}, ttl: '30s', random: { below: random.below, id: random.id } },
    1 + random.below(4),
  );
  // Clocks that differ by no more than the tolerance.
  const processes = [0, 2_400, -2_400].map((offsetMs) =>
    join({ clock: { ...clock, now: () => clock.now() + offsetMs } }),
  );
  const issued: {
    accessToken: string;
    sub: string;
    jti: string;
    sid: string;
    issuedAtMs: number;
    revokedAtMs: number;
    isDoubtful: boolean;
  }[] = [];
  const wrong: string[] = [];
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const revoked = (which: (token: (typeof issued)[number]) => boolean) => {
    for (const token of issued)
      if (which(token)) token.revokedAtMs = Math.min(token.revokedAtMs, clock.monotonic());
  };
  for (let event = 0; event < 150; event++) {
    const { tokens, link } = pick(processes);
    switch (random.below(8)) {
      case 0:
      case 1:
        try {
          const { accessToken, sub, jti, sid } = await tokens.issue({ sub: pick(['alice', 'bob', 'carol']) });
          issued.push({
            accessToken,
            sub,
            jti,
            sid: sid!,
            issuedAtMs: clock.monotonic(),
            revokedAtMs: Infinity,
            isDoubtful: false,
          });
        } catch {
          /* The link is down. */
        }
        break;
      case 2: {
        const token = issued.length > 0 ? pick(issued) : undefined;
        try {
          const kind = random.below(5);
          if (token === undefined) break;
          if (kind === 0) {
            await tokens.revokeUser(token.sub);
            revoked(({ sub }) => sub === token.sub);
          } else if (kind === 1) {
            await tokens.logout(await tokens.verify(token.accessToken));
            revoked(({ sid }) => sid === token.sid);
          } else {
            await tokens.revoke(token.jti);
            revoked(({ jti }) => jti === token.jti);
          }
        } catch {
          /* The link is down, or it was over already. */
        }
        break;
      }
      case 3:
        link.isUp = !link.isUp;
        break;
      case 4:
        link.hearsPushes = random.below(2) === 0;
        break;
      case 5:
        if (random.below(3) === 0) fleet.forget();
        break;
      case 6:
        clock.advance(random.below(600));
        break;
      default:
        await settle();
    }
    for (const token of issued) {
      const ageMs = clock.monotonic() - token.issuedAtMs;
      const each = pick(processes).tokens;
      const peeked = each.peek(token.accessToken) !== undefined;
      const code = await each.verify(token.accessToken).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
      const isLate = clock.monotonic() - token.revokedAtMs > boundMs;
      if ((peeked || code === 'ok') && isLate)
        wrong.push(
          `accepted ${clock.monotonic() - token.revokedAtMs} ms after its revocation (bound ${boundMs})`,
        );
      if (code === 'STICKY_TOKEN_REVOKED' && token.revokedAtMs === Infinity)
        wrong.push('refused, though not revoked');
      if (code === 'STICKY_TOKEN_INVALID' || (code === 'STICKY_TOKEN_EXPIRED' && ageMs < 30 * SECOND))
        wrong.push(code);
    }
  }
  for (const { tokens } of processes) tokens.close();
  return [...new Set(wrong)];
}
