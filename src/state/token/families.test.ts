import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { storeWith } from '../../../test/support/store-with.js';
import { createManualClock } from '../../testing/manual-clock.js';
import { memoryStore } from '../store/memory/memory-store.js';
import { createTokens, type TokenEvent, type TokenOptions, type Tokens } from './index.js';

const SECOND = 1_000;
const DAY = 86_400_000;

const open: Tokens[] = [];
afterEach(() => open.splice(0).forEach((tokens) => tokens.close()));

function setUp(options: Partial<TokenOptions> = {}) {
  const clock = createManualClock();
  const store = memoryStore({ clock });
  const events: TokenEvent[] = [];
  const make = (more: Partial<TokenOptions> = {}) => {
    const keys = [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }] as const;
    const tokens = createTokens({
      keys,
      issuer: 'https://auth.example',
      audience: 'api',
      refresh: {},
      store,
      clock,
      onEvent: (event) => events.push(event),
      ...options,
      ...more,
    });
    open.push(tokens);
    return tokens;
  };
  return { clock, store, events, make, tokens: make() };
}

const refusedAs = (code: string) => expect.objectContaining({ name: 'StickyError', code: `STICKY_${code}` });

describe('a refresh token', () => {
  test('is opaque, with 256 random bits, and stored only as hashes', async () => {
    const { store, make } = setUp();
    const texts: string[] = [];
    const watched = make({
      store: storeWith(store, {
        change: (partition, change) => {
          texts.push(JSON.stringify(change));
          return store.change(partition, change);
        },
      }),
    });
    const first = await watched.issue({ sub: 'alice' });
    const second = await watched.refresh(first.refreshToken!);
    expect(first.refreshToken).toMatch(/^A[0-9a-f]{64}$/);
    expect(second.refreshToken).toMatch(/^A[0-9a-f]{64}$/);
    const secrets = [first, second].flatMap(({ refreshToken }) => [
      refreshToken!.slice(1, 33),
      refreshToken!.slice(33),
    ]);
    expect(new Set(secrets).size).toBe(3);
    expect(secrets.filter((secret) => texts.join().includes(secret))).toEqual([]);
    expect(first.sid).toBe(decodeJwt(first.accessToken)['sid']);
  });

  test('gives new tokens of the same login, once', async () => {
    const { tokens, clock } = setUp();
    const first = await tokens.issue({ sub: 'alice', claims: { role: 'user' } });
    clock.advance(60 * SECOND);
    const second = await tokens.refresh(first.refreshToken!);
    const [one, two] = [await tokens.verify(first.accessToken), await tokens.verify(second.accessToken)];
    expect(two).toEqual({ ...one, iat: one.iat + 60, exp: one.exp + 60, jti: second.jti });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await tokens.refresh(second.refreshToken!)).sid).toBe(first.sid);
  });

  test('takes the claims of today where it is asked to, and they stay', async () => {
    const { tokens } = setUp();
    const first = await tokens.issue({ sub: 'alice', claims: { role: 'user' } });
    const asked: unknown[] = [];
    const second = await tokens.refresh(first.refreshToken!, {
      claims: async (grant) => {
        asked.push(grant);
        return { role: 'admin' };
      },
    });
    expect(asked).toEqual([{ sub: 'alice', sid: first.sid, claims: { role: 'user' } }]);
    const third = await tokens.refresh(second.refreshToken!);
    expect((await tokens.verify(third.accessToken))['role']).toBe('admin');
  });

  test('is not used up where the app refuses', async () => {
    const { tokens } = setUp();
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    const refusal = new Error('locked out');
    await expect(tokens.refresh(refreshToken!, { claims: () => Promise.reject(refusal) })).rejects.toBe(
      refusal,
    );
    await expect(tokens.refresh(refreshToken!)).resolves.toBeDefined();
  });

  test.each([
    '',
    'A',
    `A${'0'.repeat(64)}`,
    `B${'0'.repeat(64)}`,
    `-${'0'.repeat(64)}`,
    `A${'0'.repeat(63)}g`,
    'a.b.c',
    undefined,
    null,
    42,
    {},
  ])('is not %j', async (text) => {
    const { tokens, events } = setUp();
    await tokens.issue({ sub: 'alice' });
    await expect(tokens.refresh(text as string)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    expect(events).toEqual([]);
  });

  test('is not used up where no key can sign', async () => {
    const { tokens, make } = setUp();
    const verifier = make({
      keys: [{ id: '1', alg: 'EdDSA', publicKey: generateKeyPairSync('ed25519').publicKey }],
    });
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    await expect(verifier.refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_MISUSED'));
    expect((await tokens.refresh(refreshToken!)).refreshToken).toBeDefined();
  });

  test('in another spelling is not one', async () => {
    const { tokens } = setUp();
    const text = (await tokens.issue({ sub: 'alice' })).refreshToken!;
    for (const other of [text.toUpperCase(), ` ${text}`, `${text} `, `${text}\n`, text.slice(0, -1)])
      await expect(tokens.refresh(other)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    await expect(tokens.refresh(text)).resolves.toBeDefined();
  });

  test('of another issuer, type or audience is not one', async () => {
    const { tokens, make } = setUp();
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    for (const other of [{ issuer: 'https://other.example' }, { type: 'admin+jwt' }, { audience: 'admin' }])
      await expect(make(other).refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    // Where audiences overlap, it gives what its login gave and no more.
    const wider = await make({ audience: ['api', 'admin'] }).refresh(refreshToken!);
    expect(decodeJwt(wider.accessToken).aud).toBe('api');
  });

  test('is over when nobody used it, and at the end of its login, used or not', async () => {
    const { tokens, clock } = setUp({ refresh: { idle: '2d', absolute: '5d' } });
    const idle = await tokens.issue({ sub: 'alice' });
    let used = await tokens.issue({ sub: 'alice' });
    for (let day = 1; day < 5; day++) {
      clock.advance(DAY - 1);
      used = await tokens.refresh(used.refreshToken!);
      if (day === 3)
        await expect(tokens.refresh(idle.refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    }
    clock.advance(DAY + 4);
    await expect(tokens.refresh(used.refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
  });

  test('needs to be switched on', async () => {
    const { make } = setUp();
    const without = make({ refresh: undefined });
    expect((await without.issue({ sub: 'alice' })).refreshToken).toBeUndefined();
    await expect(without.issue({ sub: 'alice', refresh: true })).rejects.toEqual(refusedAs('TOKEN_MISUSED'));
    await expect(without.refresh(`A${'0'.repeat(64)}`)).rejects.toEqual(refusedAs('TOKEN_MISUSED'));
    expect((await make().issue({ sub: 'alice', refresh: false })).refreshToken).toBeUndefined();
  });
});

describe('used twice', () => {
  test('within the grace, it leads to the same successor: two tabs log nobody out', async () => {
    const { tokens, make, clock, events } = setUp();
    const other = make();
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    const answers = await Promise.all(
      [tokens, other, tokens, other, tokens].map((each) => each.refresh(refreshToken!)),
    );
    clock.advance(10 * SECOND - 1);
    answers.push(await other.refresh(refreshToken!));
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(new Set(answers.map((answer) => answer.accessToken)).size).toBe(answers.length);
    for (const { accessToken } of answers) await expect(tokens.verify(accessToken)).resolves.toBeDefined();
    await expect(tokens.refresh(answers[0]!.refreshToken!)).resolves.toBeDefined();
    expect(events).toEqual([]);
  });

  test('within the grace, it leads over refreshes in between to the one that is current', async () => {
    const { tokens, clock } = setUp();
    const first = await tokens.issue({ sub: 'alice' });
    let newest = first;
    for (let count = 0; count < 4; count++) {
      clock.advance(2 * SECOND);
      newest = await tokens.refresh(newest.refreshToken!);
    }
    expect((await tokens.refresh(first.refreshToken!)).refreshToken).toBe(newest.refreshToken);
  });

  test('after the grace, it ends the family: every refresh and access token of that login, and no other login', async () => {
    const { tokens, make, clock, events } = setUp({ ttl: '1h' });
    const other = make();
    const first = await tokens.issue({ sub: 'alice' });
    const elsewhere = await tokens.issue({ sub: 'alice' });
    const second = await tokens.refresh(first.refreshToken!);
    const third = await tokens.refresh(second.refreshToken!);
    clock.advance(10 * SECOND);
    await expect(other.refresh(first.refreshToken!)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
    expect(events).toEqual([{ type: 'refreshReused', sub: 'alice', sid: first.sid }]);
    for (const { accessToken, refreshToken } of [first, second, third]) {
      for (const each of [tokens, other]) {
        await expect(each.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
        await expect(each.refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
      }
    }
    await expect(tokens.verify(elsewhere.accessToken)).resolves.toBeDefined();
    await expect(tokens.refresh(elsewhere.refreshToken!)).resolves.toBeDefined();
  });

  test('nobody who knows only the `sid` of an access token can end its login by a guess', async () => {
    const { tokens, events } = setUp();
    const { sid, refreshToken } = await tokens.issue({ sub: 'alice' });
    const family = Buffer.from(sid!.slice(1), 'base64url').toString('hex');
    for (const guess of [family.slice(0, 32), family.slice(32)])
      await expect(tokens.refresh(`A${guess}${'0'.repeat(32)}`)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
    expect(events).toEqual([]);
    await expect(tokens.refresh(refreshToken!)).resolves.toBeDefined();
  });
});

describe('a logout', () => {
  test.each(['first', 'second', 'claims'] as const)(
    'by the %s ends tokens within their grace too',
    async (by) => {
      const { tokens, make } = setUp();
      const other = make();
      const first = await tokens.issue({ sub: 'alice' });
      const second = await tokens.refresh(first.refreshToken!);
      const whom =
        by === 'claims' ? await tokens.verify(second.accessToken) : { first, second }[by].refreshToken!;
      expect(await tokens.logout(whom)).toBe(true);
      for (const { accessToken, refreshToken } of [first, second]) {
        for (const each of [tokens, other]) {
          await expect(each.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
          await expect(each.refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
        }
      }
      expect(await tokens.logout(first.refreshToken!)).toBe(false);
    },
  );

  test('without a family ends the access token', async () => {
    const { tokens } = setUp({ refresh: undefined });
    const { accessToken } = await tokens.issue({ sub: 'alice' });
    expect(await tokens.logout(await tokens.verify(accessToken))).toBe(true);
    await expect(tokens.verify(accessToken)).rejects.toEqual(refusedAs('TOKEN_REVOKED'));
  });

  test.each(['logout', 'revokeUser'] as const)('by %s stops a refresh in flight', async (by) => {
    const { store, make } = setUp();
    // It happens between the read of a refresh and its change.
    let meanwhile: (() => Promise<unknown>) | undefined;
    const racing = storeWith(store, {
      read: async (...all) => {
        const record = await store.read(...all);
        const task = meanwhile;
        meanwhile = undefined;
        await task?.();
        return record;
      },
    });
    const tokens = make({ store: racing });
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    meanwhile = () => (by === 'logout' ? make().logout(refreshToken!) : make().revokeUser('alice'));
    await expect(tokens.refresh(refreshToken!)).rejects.toEqual(refusedAs('TOKEN_INVALID'));
  });
});
