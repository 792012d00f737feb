import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { rendezvous, ring } from '../../src/route/placement/index.js';
import { request } from '../support/raw-client.js';
import { startUpstream, startUpstreams, type FakeUpstream, type SeenRequest } from '../support/upstream.js';
import { mixedVisits, onlyHomes, printedSeed, spread, users, type User, type Visit } from './crowd.js';
import { startTestGateway } from './gateway.js';

const IDS = ['api-1', 'api-2', 'api-3'];
const USERS = 100;
const REQUESTS_EACH = 10;
const SECRET = 'the secret that the app and the gateway share, for tests';

const random = printedSeed();
const placement = rendezvous(IDS);
let upstreams: FakeUpstream[];
beforeAll(async () => {
  upstreams = await startUpstreams(3);
});

function urls(): Record<string, string> {
  return Object.fromEntries(upstreams.map(({ id, url }) => [id, url]));
}

/**
 * 1 000 requests of 100 users; fails unless each saw one upstream, by both accounts, and each upstream has
 * its share of users.
 */
async function eachKeepsOneUpstream(
  port: number,
  everybody: readonly User[],
): Promise<{ visits: Visit[]; home: Map<string, string> }> {
  const visits = await mixedVisits(port, everybody, REQUESTS_EACH, random);
  expect(visits).toHaveLength(USERS * REQUESTS_EACH);
  expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
  const home = onlyHomes(visits);
  expect(visits.filter(({ upstream, servedBy }) => upstream !== servedBy)).toEqual([]);
  expect(home.size).toBe(USERS);
  const counts = spread(home);
  console.log(`${expect.getState().currentTestName!.split(' > ').at(-1)}: ${JSON.stringify(counts)}`);
  expect(IDS.map((id) => counts[id] ?? 0).filter((count) => count < 15)).toEqual([]);
  return { visits, home };
}

/** The same for a rule that finds a key: the placement library names every user's upstream beforehand. */
async function eachIsPlacedBy(
  rule: string,
  affinity: unknown,
  everybody: readonly User[],
  keyOf: (user: User) => string,
  more: object = {},
): Promise<void> {
  const gateway = await startTestGateway({ upstreams: urls(), affinity: [affinity], ...more });
  const { visits, home } = await eachKeepsOneUpstream(gateway.port, everybody);
  expect(new Set(visits.map((each) => each.affinity))).toEqual(new Set([`keyed by ${rule}`]));
  expect(Object.fromEntries(home)).toEqual(
    Object.fromEntries(everybody.map((user) => [user.name, placement.get(keyOf(user))])),
  );
  expect(visits.some(({ setsCookie }) => setsCookie)).toBe(false);
  await gateway.close();
}

describe('1 000 requests of 100 users over mixed connections: each user has one upstream, and all upstreams have users', () => {
  it('ip: by the address that the connection comes from', async () => {
    const address = (at: number): string => `127.0.1.${at + 1}`;
    const everybody = users(USERS, (_, at) => ({ localAddress: address(at) }));
    await eachIsPlacedBy('ip', { ip: {} }, everybody, (user) => user.request.localAddress!);
  });

  it('ip: by the address that a trusted proxy forwards, IPv4 and IPv6', async () => {
    const everybody = users(USERS, (_, at) => ({
      headers: { 'x-forwarded-for': at % 2 === 0 ? `203.0.113.${at}` : `2001:db8::${at.toString(16)}` },
    }));
    await eachIsPlacedBy(
      'ip',
      { ip: {} },
      everybody,
      (user) => (user.request.headers as Record<string, string>)['x-forwarded-for']!,
      { trustedProxies: ['127.0.0.1'] },
    );
  });

  it('header', async () => {
    const everybody = users(USERS, (name) => ({ headers: { 'X-User-Id': name } }));
    await eachIsPlacedBy('header', { header: 'x-user-id' }, everybody, ({ name }) => name);
  });

  it('query', async () => {
    const everybody = users(USERS, (name) => ({ target: `/load-balancer-test?page=1&user_id=${name}%20x` }));
    await eachIsPlacedBy('query', { query: 'user_id' }, everybody, ({ name }) => `${name} x`);
  });

  it('path', async () => {
    const everybody = users(USERS, (name) => ({ target: `/api/users/${name}/orders?page=2` }));
    await eachIsPlacedBy('path', { path: '/api/users/:id' }, everybody, ({ name }) => name);
  });

  it('jwt, checked with a secret', async () => {
    const secret = new TextEncoder().encode(SECRET);
    const tokens = await Promise.all(
      users(USERS).map(({ name }) =>
        new SignJWT({ sub: name }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('30m').sign(secret),
      ),
    );
    const everybody = users(USERS, (_, at) => ({ headers: { authorization: `Bearer ${tokens[at]!}` } }));
    await eachIsPlacedBy('jwt', { jwt: { claim: 'sub', secret: SECRET } }, everybody, ({ name }) => name);
  });

  it('jwt, checked with the keys that an issuer publishes', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] });
    let fetches = 0;
    const issuer = createServer((_, response) => {
      fetches++;
      response.setHeader('content-type', 'application/json').end(keySet);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void issuer.close());
    await once(issuer, 'listening');
    const jwks = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks.json`;
    const tokens = await Promise.all(
      users(USERS).map(({ name }) =>
        new SignJWT({ uid: name })
          .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
          .setExpirationTime('30m')
          .sign(privateKey),
      ),
    );
    const everybody = users(USERS, (_, at) => ({ headers: { authorization: `bearer ${tokens[at]!}` } }));
    await eachIsPlacedBy('jwt', { jwt: { claim: 'uid', jwks } }, everybody, ({ name }) => name);
    expect(fetches).toBe(1);
  });

  it('jwt, trust: unverified', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const everybody = users(USERS, (name) => ({
      headers: { authorization: `Bearer ${part({ alg: 'HS256' })}.${part({ sub: name })}.c2lnbmF0dXJl` },
    }));
    await eachIsPlacedBy(
      'jwt',
      { jwt: { claim: 'sub', trust: 'unverified' } },
      everybody,
      ({ name }) => name,
    );
  });

  it('cookie: the gateway writes it on the first answer, and on no other (S2, first form)', async () => {
    const gateway = await startTestGateway({
      upstreams: urls(),
      affinity: [{ cookie: { name: 'srv_id', idle: '1h', absolute: '12h' } }],
    });
    const everybody = users(USERS, () => ({ target: '/load-balancer-test' }));
    const { visits } = await eachKeepsOneUpstream(gateway.port, everybody);
    const first = visits.slice(0, USERS);
    expect(new Set(first.map((each) => each.affinity))).toEqual(new Set(['balanced']));
    expect(first.every(({ setsCookie }) => setsCookie)).toBe(true);
    expect(new Set(visits.slice(USERS).map((each) => each.affinity))).toEqual(new Set(['bound by cookie']));
    expect(visits.slice(USERS).filter(({ setsCookie }) => setsCookie)).toEqual([]);
  });

  it('routeCookie: the app writes it, and the gateway follows it (S2, second form)', async () => {
    const apps = await Promise.all(
      IDS.map((id) => startUpstream({ id, behaviour: (asked) => writesOwnCookie(id, asked) })),
    );
    const gateway = await startTestGateway({
      upstreams: Object.fromEntries(apps.map(({ id, url }) => [id, url])),
      affinity: [{ routeCookie: 'backend' }],
    });
    const everybody = users(USERS);
    const { visits } = await eachKeepsOneUpstream(gateway.port, everybody);
    expect(new Set(visits.slice(USERS).map((each) => each.affinity))).toEqual(
      new Set(['bound by routeCookie']),
    );

    // By hand to another one; and a name that means nothing falls back to the balance.
    for (const id of IDS)
      expect(
        (await request(gateway.port, { headers: { cookie: `backend=${id}` } })).header('x-upstream'),
      ).toBe(id);
    const unknown = await request(gateway.port, { headers: { cookie: 'backend=api-9' } });
    expect([unknown.status, unknown.header('x-affinity')]).toEqual([200, 'rehomed by routeCookie (gone)']);
    expect((await request(gateway.port)).header('x-affinity')).toBe('balanced');
  });

  it('cookie + header: placed by the key, then remembered by the cookie, also when the key is no longer sent', async () => {
    const gateway = await startTestGateway({
      upstreams: urls(),
      affinity: ['cookie', { header: 'x-user-id' }],
    });
    const everybody = users(USERS, (name) => ({ headers: { 'x-user-id': name } }));
    const { visits, home } = await eachKeepsOneUpstream(gateway.port, everybody);
    expect(new Set(visits.slice(0, USERS).map((each) => each.affinity))).toEqual(
      new Set(['keyed by header']),
    );
    expect(new Set(visits.slice(USERS).map((each) => each.affinity))).toEqual(new Set(['bound by cookie']));
    for (const user of everybody) expect(home.get(user.name)).toBe(placement.get(user.name));
    const withoutKey = everybody.map((user): User => ({ ...user, request: {} }));
    expect(onlyHomes(await mixedVisits(gateway.port, withoutKey, 1, random))).toEqual(home);
  });
});

function writesOwnCookie(id: string, asked: SeenRequest) {
  const isBound = /(?:^|; )backend=/.test(asked.header('cookie') ?? '');
  return isBound
    ? { kind: 'answer' as const }
    : {
        kind: 'answer' as const,
        headers: [['Set-Cookie', `backend=${id}; Max-Age=3600; HttpOnly; SameSite=Lax`]] as const,
      };
}

describe('the textbook schemes of session affinity', () => {
  it('S1: the upstream is told Host, X-Real-IP and X-Forwarded-For, and a client can say nothing of its own address', async () => {
    const gateway = await startTestGateway({ upstreams: urls(), affinity: ['ip'] });
    const headers = { Host: 'shop.example', 'X-Forwarded-For': '198.51.100.7', 'X-Real-IP': '198.51.100.7' };
    const answer = await request(gateway.port, { headers, localAddress: '127.0.1.50' });
    const { id, headers: seen } = answer.json() as { id: string; headers: Record<string, string> };
    expect(seen).toMatchObject({
      host: 'shop.example',
      'x-real-ip': '127.0.1.50',
      'x-forwarded-for': '127.0.1.50',
      'x-forwarded-proto': 'http',
    });
    expect(id).toBe(placement.get('127.0.1.50'));
  });

  it('S1: users behind one network stay together with a prefix length', async () => {
    const gateway = await startTestGateway({ upstreams: urls(), affinity: [{ ip: { prefix4: 24 } }] });
    const served = await Promise.all(
      [7, 77, 177, 250].map(async (last) =>
        (await request(gateway.port, { localAddress: `127.0.1.${last}` })).header('x-upstream'),
      ),
    );
    expect(new Set(served).size).toBe(1);
  });

  it('S5: a ring of 150 points, with backups in the order that the library names, and 503 when none is left', async () => {
    const own = await startUpstreams(3);
    const gateway = await startTestGateway({
      upstreams: Object.fromEntries(own.map(({ id, url }) => [id, url])),
      affinity: [{ path: '/api/users/:id' }, { query: 'user_id' }],
      placement: { ring: { points: 150 } },
      passive: { maxFails: 1, failTimeout: '1h' },
    });
    const placed = ring(IDS, { points: 150 });
    const names = users(30).map(({ name }) => name);
    const served = async (name: string, at: number): Promise<string | undefined> =>
      (
        await request(gateway.port, { target: at % 2 === 0 ? `/api/users/${name}` : `/page?user_id=${name}` })
      ).header('x-upstream');
    let left = IDS;
    while (left.length > 0) {
      const expected = names.map((name) => placed.candidates(name).find((id) => left.includes(id)));
      expect(await Promise.all(names.map(served)), `${left.length} upstreams`).toEqual(expected);
      await own.find(({ id }) => id === left[0])!.stop();
      left = left.slice(1);
    }
    const answer = await request(gateway.port, { target: '/api/users/7' });
    expect([answer.status, answer.header('x-affinity')]).toEqual([503, 'rejected by path (down)']);
    expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
  });

  it('S6: one endpoint serves a bearer of a token, the holder of a cookie and a stranger, each by a rule of their own', async () => {
    const gateway = await startTestGateway({
      upstreams: urls(),
      affinity: [{ jwt: { claim: 'sub', secret: SECRET } }, 'cookie', 'ip'],
    });
    const token = await new SignJWT({ sub: 'carol' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('30m')
      .sign(new TextEncoder().encode(SECRET));
    const target = '/api/data';
    const bearer = await request(gateway.port, { target, headers: { authorization: `Bearer ${token}` } });
    expect([bearer.header('x-affinity'), bearer.header('x-upstream')]).toEqual([
      'keyed by jwt',
      placement.get('carol'),
    ]);
    const stranger = await request(gateway.port, { target, localAddress: '127.0.1.9' });
    expect([stranger.header('x-affinity'), stranger.header('x-upstream')]).toEqual([
      'keyed by ip',
      placement.get('127.0.1.9'),
    ]);
    const cookie = stranger.header('set-cookie')!.split(';')[0]!;
    // From elsewhere, so that only the cookie can be what leads there.
    const elsewhere = users(50)
      .map((_, at) => `127.0.2.${at + 1}`)
      .find((address) => placement.get(address) !== placement.get('127.0.1.9'))!;
    const holder = await request(gateway.port, { target, headers: { cookie }, localAddress: elsewhere });
    expect([holder.header('x-affinity'), holder.header('x-upstream')]).toEqual([
      'bound by cookie',
      placement.get('127.0.1.9'),
    ]);
  });

  it('a token that someone else signed, or that has expired, chooses nothing', async () => {
    const gateway = await startTestGateway({
      upstreams: urls(),
      affinity: [{ jwt: { claim: 'sub', secret: SECRET } }, { query: 'user_id' }],
    });
    const sign = (secret: string, life: string): Promise<string> =>
      new SignJWT({ sub: 'carol' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(life)
        .sign(new TextEncoder().encode(secret));
    const other = users(50).find(({ name }) => placement.get(name) !== placement.get('carol'))!.name;
    const ask = async (token: string): Promise<unknown[]> => {
      const answer = await request(gateway.port, {
        target: `/?user_id=${other}`,
        headers: { authorization: `Bearer ${token}` },
      });
      return [answer.status, answer.header('x-upstream'), answer.header('x-affinity')];
    };
    expect(await ask(await sign(`${SECRET}!`, '30m'))).toEqual([
      200,
      placement.get(other),
      'keyed by query (unreadable)',
    ]);
    expect(await ask(await sign(SECRET, '-1h'))).toEqual([
      200,
      placement.get(other),
      'keyed by query (expired)',
    ]);
    expect(await ask('no.to-ken')).toEqual([200, placement.get(other), 'keyed by query (unreadable)']);
    expect(await ask(await sign(SECRET, '30m'))).toEqual([200, placement.get('carol'), 'keyed by jwt']);
  });
});
