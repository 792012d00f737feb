import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../src/state/store/memory/index.js';
import { REFUSED, SECRET, clock, forge, make, HEADER, CLAIMS } from './forged-tokens.js';

describe('what stands in the place of a token', () => {
  const own = () => make({ store: memoryStore({ clock }), refresh: {} });
  const INVALID = expect.objectContaining({ name: 'StickyError', code: 'STICKY_TOKEN_INVALID' });
  const MISUSED = expect.objectContaining({ name: 'StickyError', code: 'STICKY_TOKEN_MISUSED' });

  test('a logout by fields that anybody can read in an access token', async () => {
    const tokens = own();
    const alice = await tokens.issue({ sub: 'alice' });
    const claims = await tokens.verify(alice.accessToken);
    const read = JSON.parse(Buffer.from(alice.accessToken.split('.')[1]!, 'base64url').toString()) as object;
    for (const body of [
      read,
      { ...claims },
      Object.create(claims),
      new Proxy(claims, {}),
      { sub: claims.sub, jti: claims.jti },
      { sub: claims.sub, jti: 'x', sid: claims.sid },
      [alice.refreshToken],
      { toString: () => alice.refreshToken },
      new String(alice.refreshToken),
      undefined,
      null,
      0,
      true,
      () => alice.refreshToken,
    ])
      await expect(tokens.logout(body as never)).rejects.toEqual(INVALID);
    for (const text of ['', 'x', alice.accessToken, alice.jti, alice.sid!, `${alice.refreshToken} `])
      expect(await tokens.logout(text), text).toBe(false);
    await expect(tokens.verify(alice.accessToken)).resolves.toBe(claims);
    const next = await tokens.refresh(alice.refreshToken!);
    expect(await tokens.logout(claims)).toBe(true);
    for (const { accessToken } of [alice, next])
      await expect(tokens.verify(accessToken)).rejects.toMatchObject({ code: 'STICKY_TOKEN_REVOKED' });
    tokens.close();
  });

  test('claims that other keys vouched for', async () => {
    const [tokens, theirs] = [own(), make({ keys: [{ id: 'x', alg: 'HS256', secret: `other ${SECRET}` }] })];
    const alice = await tokens.issue({ sub: 'alice' });
    const { sid, jti } = alice;
    const forged = forge({ ...HEADER, kid: 'x' }, { ...CLAIMS, sid, jti }, `other ${SECRET}`);
    await expect(tokens.logout(await theirs.verify(forged))).rejects.toEqual(INVALID);
    await expect(tokens.verify(alice.accessToken)).resolves.toBeDefined();
    tokens.close();
    theirs.close();
  });

  test('anything but text where a token belongs is no token; anything else that is not as it should be is told', async () => {
    const tokens = own();
    const { refreshToken } = await tokens.issue({ sub: 'alice' });
    for (const odd of [undefined, null, 1, {}, [], [refreshToken], new String(refreshToken), Symbol('x')]) {
      await expect(tokens.verify(odd as never)).rejects.toEqual(INVALID);
      await expect(tokens.refresh(odd as never)).rejects.toEqual(INVALID);
      expect(tokens.peek(odd as never)).toBeUndefined();
    }
    const calls: readonly (() => Promise<unknown>)[] = [
      ...[undefined, null, 'alice', 5, {}].map((options) => () => tokens.issue(options as never)),
      ...[{ tl: '1m' }, { refresh: 'no' }, { refresh: 0 }, { claims: null }].map(
        (options) => () => tokens.issue({ sub: 'alice', ...options } as never),
      ),
      ...[null, 5, { claim: () => ({}) }, { claims: {} }, { claims: 'x' }].map(
        (options) => () => tokens.refresh(refreshToken!, options as never),
      ),
      ...[undefined, null, 5, {}, ['x'], ''].flatMap((name) => [
        () => tokens.revoke(name as never),
        () => tokens.revokeUser(name as never),
      ]),
      ...[
        null,
        5,
        clock.now(),
        { befor: 5 },
        ...['2026-01-01', null, true, '', {}].map((before) => ({ before })),
      ].map((options) => () => tokens.revokeUser('alice', options as never)),
    ];
    for (const [at, call] of calls.entries()) await expect(call(), `call ${at}`).rejects.toEqual(MISUSED);
    for (const keys of [undefined, null, [], {}, [undefined]])
      expect(() => tokens.setKeys(keys as never)).toThrow(REFUSED);
    await expect(tokens.refresh(refreshToken!)).resolves.toBeDefined();
    tokens.close();
  });
});
