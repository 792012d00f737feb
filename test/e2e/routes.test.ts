import { beforeAll, describe, expect, it } from 'vitest';
import { connect, request, type RawResponse } from '../support/raw-client.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { startTestGateway, type TestGateway } from './gateway.js';

let upstreams: FakeUpstream[];
let gateway: TestGateway;

const ROUTES = [
  {
    name: 'shop',
    match: { host: 'shop.example' },
    pool: 'shop',
    affinity: [{ cookie: { name: 'sr-shop' } }],
  },
  {
    name: 'shop-api',
    match: { host: 'shop.example', path: '/api' },
    pool: 'api',
    affinity: [{ cookie: { name: 'sr-api', path: '/api' } }],
  },
  {
    name: 'tenants',
    match: { host: '*.tenants.example' },
    pool: 'api',
    affinity: [{ cookie: { name: 'sr-api' } }],
  },
  { name: 'any', match: { path: '/public' }, pool: 'shop', affinity: [{ header: 'x-user-id' }] },
];

beforeAll(async () => {
  upstreams = await Promise.all(
    ['shop-1', 'shop-2', 'shop-3', 'api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })),
  );
  const pool = (name: string): object => ({
    upstreams: Object.fromEntries(
      upstreams.filter(({ id }) => id.startsWith(name)).map(({ id, url }) => [id, url]),
    ),
  });
  gateway = await startTestGateway({ pools: { shop: pool('shop'), api: pool('api') }, routes: ROUTES });
});

async function get(host: string, target: string, cookie?: string): Promise<RawResponse> {
  return await request(gateway.port, {
    target,
    headers: { host, ...(cookie === undefined ? {} : { cookie }) },
  });
}

function poolOf(answer: RawResponse): string | undefined {
  return answer.status === 200 ? (answer.json() as { id: string }).id.split('-')[0] : String(answer.status);
}

describe('several pools and routes', () => {
  it.each([
    ['shop.example', '/', 'shop'],
    ['SHOP.example:8080', '/index.html', 'shop'],
    ['shop.example.', '/', 'shop'],
    ['shop.example', '/api', 'api'],
    ['shop.example', '/api/users/7?x=/', 'api'],
    ['shop.example', '/apix', 'shop'],
    ['a.tenants.example', '/', 'api'],
    ['a.b.tenants.example', '/api', 'api'],
    ['tenants.example', '/', '404'],
    ['elsewhere.example', '/public', 'shop'],
    ['elsewhere.example', '/public/a', 'shop'],
    ['elsewhere.example', '/publicity', '404'],
    ['elsewhere.example', '/', '404'],
  ])('%s%s goes to %s', async (host, target, pool) => {
    expect(poolOf(await get(host, target))).toBe(pool);
  });

  it('requests of one connection find their routes one by one', async () => {
    const client = await connect(gateway.port);
    const found: (string | undefined)[] = [];
    for (const target of ['/', '/api', '/', '/api/x', '/x'])
      found.push(poolOf(await client.request({ target, headers: { host: 'shop.example' } })));
    expect(found).toEqual(['shop', 'api', 'shop', 'api', 'shop']);
  });

  it("a cookie of one route means nothing to the other, not even under the other's name and for the same pool", async () => {
    const value = async (host: string, target: string): Promise<string> =>
      /=([^;]+)/.exec((await get(host, target)).header('set-cookie')!)![1]!;
    const shop = await value('shop.example', '/');
    const api = await value('shop.example', '/api');
    const tenant = await value('a.tenants.example', '/');
    const outcome = async (host: string, target: string, cookie: string): Promise<string | undefined> =>
      (await get(host, target, cookie)).header('x-affinity');

    expect(await outcome('shop.example', '/', `sr-shop=${shop}`)).toBe('bound by cookie');
    expect(await outcome('shop.example', '/api', `sr-api=${api}`)).toBe('bound by cookie');
    expect(await outcome('b.tenants.example', '/', `sr-api=${tenant}`)).toBe('bound by cookie');
    expect(await outcome('shop.example', '/api', `sr-shop=${shop}`)).toBe('balanced');
    expect(await outcome('shop.example', '/', `sr-shop=${api}`)).toBe('balanced (unreadable)');
    expect(await outcome('shop.example', '/api', `sr-api=${shop}`)).toBe('balanced (unreadable)');
    expect(await outcome('shop.example', '/api', `sr-api=${tenant}`)).toBe('balanced (unreadable)');
    expect(await outcome('a.tenants.example', '/', `sr-api=${api}`)).toBe('balanced (unreadable)');
  });

  it('both cookies of a browser live side by side', async () => {
    const pair = (answer: RawResponse): string => answer.header('set-cookie')!.split(';')[0]!;
    const [shop, api] = [await get('shop.example', '/'), await get('shop.example', '/api')];
    const both = `${pair(shop)}; ${pair(api)}`;
    for (let at = 0; at < 10; at++) {
      expect((await get('shop.example', '/', both)).header('x-upstream')).toBe(shop.header('x-upstream'));
      expect((await get('shop.example', '/api', both)).header('x-upstream')).toBe(api.header('x-upstream'));
    }
  });
});
