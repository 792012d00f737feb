import { createClient } from '@redis/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { redisStore } from '../../src/state/store/redis/index.js';
import { createTokens, type TokenEvent, type Tokens } from '../../src/state/token/index.js';
import { skipUnless } from '../support/programs.js';
import { startRedis, type RunningRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const BOUND_MS = 1_000;

skipUnless('redis-server')('tokens over a real Redis', () => {
  let redis: RunningRedis;
  const ending: (() => Promise<void> | void)[] = [];
  const events: TokenEvent[] = [];
  let here: Tokens;
  let there: Tokens;

  /** As in a process of its own: nothing is shared with the others but Redis. */
  async function join(): Promise<Tokens> {
    const client = createClient({ url: redis.url });
    client.on('error', () => {});
    await client.connect();
    const store = redisStore(client, { timeout: '500ms', feedEvery: '100ms' });
    const keys = [{ id: '1', alg: 'HS256', secret: 'a shared secret of at least 32 bytes' }] as const;
    const tokens = createTokens({
      keys,
      issuer: 'https://auth.example',
      audience: 'api',
      refresh: {},
      bound: BOUND_MS,
      store,
      onEvent: (event) => events.push(event),
    });
    ending.push(async () => {
      tokens.close();
      await store.close();
      client.destroy();
    });
    return tokens;
  }

  const codeOf = (tokens: Tokens, text: string) =>
    tokens.verify(text).then(
      () => 'ok',
      (error: { code: string }) => error.code,
    );
  /** Until it answers for a token out of its memory. */
  const isSure = (tokens: Tokens, text: string) =>
    until('a process that is sure', async () => {
      await tokens.verify(text).catch(() => {});
      return tokens.peek(text) !== undefined;
    });

  beforeAll(async () => {
    redis = await startRedis();
    [here, there] = [await join(), await join()];
  });

  afterAll(async () => {
    for (const end of ending) await end();
  });

  it('a revocation reaches another process within the bound', async () => {
    for (const revoke of [
      ({ jti }) => here.revoke(jti),
      ({ sub }) => here.revokeUser(sub),
      ({ refreshToken }) => here.logout(refreshToken!),
    ] satisfies ((issued: Awaited<ReturnType<Tokens['issue']>>) => Promise<unknown>)[]) {
      const issued = await here.issue({ sub: 'alice' });
      await isSure(there, issued.accessToken);
      await revoke(issued);
      const revokedAt = performance.now();
      expect(await codeOf(here, issued.accessToken)).toBe('STICKY_TOKEN_REVOKED');
      await until(
        'the revocation there',
        async () => (await codeOf(there, issued.accessToken)) === 'STICKY_TOKEN_REVOKED',
        BOUND_MS,
      );
      expect(performance.now() - revokedAt).toBeLessThan(BOUND_MS);
    }
  });

  it('verifying a token that was seen asks Redis nothing', async () => {
    const { accessToken } = await here.issue({ sub: 'bob' });
    await isSure(there, accessToken);
    const watcher = createClient({ url: redis.url });
    await watcher.connect();
    const seen: string[] = [];
    await watcher.monitor((line) => void seen.push(String(line)));
    for (let count = 0; count < 10_000; count++) await there.verify(accessToken);
    await redis.command('ECHO', 'the end');
    await until('the last command', () => seen.some((line) => line.includes('the end')));
    watcher.destroy();
    // The feed goes on asking how far it is; nothing is read.
    expect(
      seen.filter((line) => /"(HGETALL|HMGET|HGET|GET|ZRANGE\w*)"/i.test(line) && !line.includes('lua')),
    ).toEqual([]);
  });

  it('parallel refreshes in two processes lead to one successor', async () => {
    const { refreshToken } = await here.issue({ sub: 'carol' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? here : there).refresh(refreshToken!)),
    );
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(events.filter(({ type }) => type === 'refreshReused')).toEqual([]);
    await expect(there.refresh(answers[0]!.refreshToken!)).resolves.toBeDefined();
  });

  it('a process that began later knows what was revoked before', async () => {
    const [one, two] = [await here.issue({ sub: 'dave' }), await here.issue({ sub: 'erin' })];
    await here.revoke(one.jti);
    await here.revokeUser('erin');
    const late = await join();
    for (const { accessToken } of [one, two])
      expect(await codeOf(late, accessToken)).toBe('STICKY_TOKEN_REVOKED');
    await isSure(late, (await here.issue({ sub: 'erin' })).accessToken);
  });

  it('while Redis is silent nothing is accepted beyond the bound, and afterwards all is as before', async () => {
    const { accessToken } = await here.issue({ sub: 'frank' });
    await isSure(there, accessToken);
    redis.freeze();
    try {
      await until('a process that is not sure', () => there.peek(accessToken) === undefined, 2 * BOUND_MS);
      expect(await codeOf(there, accessToken)).toBe('STICKY_STORE_DOWN');
    } finally {
      redis.thaw();
    }
    await isSure(there, accessToken);
  });

  it('what was revoked stays so through a Redis that lost everything, and users can log in', async () => {
    const [one, two] = [await here.issue({ sub: 'grace' }), await here.issue({ sub: 'heidi' })];
    await here.revoke(one.jti);
    await here.revokeUser('heidi');
    await until(
      'both revocations there',
      async () =>
        (await codeOf(there, one.accessToken)) === 'STICKY_TOKEN_REVOKED' &&
        (await codeOf(there, two.accessToken)) === 'STICKY_TOKEN_REVOKED',
    );
    await redis.kill();
    await redis.restart();
    const again = await until(
      'a login',
      async () => await here.issue({ sub: 'heidi' }).catch(() => undefined),
      10_000,
    );
    for (const tokens of [here, there]) {
      await isSure(tokens, again.accessToken);
      for (const { accessToken } of [one, two])
        expect(await codeOf(tokens, accessToken)).toBe('STICKY_TOKEN_REVOKED');
    }
  });
});
