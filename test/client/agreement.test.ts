import { describe, expect, it } from 'vitest';
import { createClient, type Client, type CallKey } from '../../src/client/index.js';
import { toByteString } from '../../src/base/framed-key.js';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { connect } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { startTestGateway } from '../e2e/gateway.js';

const KEYS = 10_000;
const CONNECTIONS = 4;
/** Requests sent before the first answer is read. */
const AHEAD = 50;
const SEED = 5_005;

/** A field's or a path's text for the wire, and the key that stands for the same user in code. */
interface Case {
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key: CallKey;
}

const TEXTS = ['user:', 'u-', 'Zoë ', '王', 'a+b%', '', 'order/7 '];

/** Distinct keys as users have them: numbers, names, ids, in ASCII and not. */
function keys(): string[] {
  const random = seededRandom(SEED);
  const all = new Set<string>();
  while (all.size < KEYS)
    all.add(
      `${TEXTS[random.below(TEXTS.length)]!}${random.below(2) === 0 ? random.below(1e9) : random.id()}`,
    );
  return [...all];
}

/** What each key's user reaches through the gateway. */
async function throughGateway(port: number, cases: readonly Case[]): Promise<string[]> {
  const reached: string[] = new Array(cases.length);
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, from) => {
      const client = await connect(port);
      const mine = cases.map((_case, at) => at).filter((at) => at % CONNECTIONS === from);
      for (let start = 0; start < mine.length; start += AHEAD) {
        const batch = mine.slice(start, start + AHEAD);
        for (const at of batch) client.send(cases[at]!);
        for (const at of batch) {
          const answer = await client.response();
          reached[at] =
            answer.status === 200 && answer.header('x-affinity')!.startsWith('keyed')
              ? answer.json().id
              : `${answer.status} ${answer.header('x-affinity')}`;
        }
      }
      client.destroy();
    }),
  );
  return reached;
}

/** The same by the client, over sockets too. */
async function throughClient(client: Client, cases: readonly Case[]): Promise<string[]> {
  const reached: string[] = new Array(cases.length);
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, from) => {
      for (let at = from; at < cases.length; at += CONNECTIONS) {
        const response = await client.fetch(cases[at]!.key, '/internal');
        reached[at] = ((await response.json()) as { id: string }).id;
        if (response.upstream !== reached[at])
          throw new Error(`response.upstream is ${response.upstream}, and ${reached[at]} answered`);
      }
    }),
  );
  return reached;
}

describe(`a gateway and a client with the same upstreams, for ${KEYS} keys`, () => {
  // The client's calls go over sockets for every key once, and for some with each other rule and placement.
  it.each<[string, unknown, unknown, number, (text: string) => Case]>([
    [
      'a header',
      { header: 'x-user-id' },
      'rendezvous',
      KEYS,
      (text) => ({ target: '/', headers: { 'x-user-id': toByteString(text) }, key: text }),
    ],
    [
      'a path',
      { path: '/users/:id' },
      { ring: { points: 150 } },
      500,
      (text) => ({ target: `/users/${encodeURIComponent(text)}/orders`, key: Buffer.from(text) }),
    ],
    [
      'a path with two names',
      { path: '/:tenant/users/:id' },
      'maglev',
      500,
      (text) => ({ target: `/acme%20%C3%A9/users/${encodeURIComponent(text)}`, key: ['acme é', text] }),
    ],
  ])(
    'agree on every one by %s',
    async (_, rule, placement, calls, toCase) => {
      const upstreams = await startUpstreams(5);
      const pool = Object.fromEntries(
        upstreams.map(({ id, url }, at) => [id, { url, weight: 1 + (at % 3) }]),
      );
      const gateway = await startTestGateway({
        upstreams: pool,
        affinity: [rule],
        placement,
        accessLog: false,
      });
      // Another order of the same upstreams: ids and weights are what counts.
      const client = createClient({
        upstreams: Object.fromEntries(Object.entries(pool).reverse()),
        placement: placement as string,
      });
      const cases = keys().map(toCase);
      const expected = await throughGateway(gateway.port, cases);
      expect(new Set(expected), `seed ${SEED}`).toEqual(new Set(upstreams.map(({ id }) => id)));
      const own = cases.map(({ key }) => client.owner(key));
      expect(
        own.filter((id, at) => id !== expected[at]),
        `seed ${SEED}: ${cases[own.findIndex((id, at) => id !== expected[at])]?.target}`,
      ).toEqual([]);
      expect(
        (await throughClient(client, cases.slice(0, calls))).filter((id, at) => id !== expected[at]),
      ).toEqual([]);
      await client.close();
      await gateway.close();
    },
    120_000,
  );
});

it('both send the users of a dead upstream to the same backups', async () => {
  const upstreams = await startUpstreams(5);
  const pool = Object.fromEntries(upstreams.map(({ id, url }) => [id, url]));
  const gateway = await startTestGateway({
    upstreams: pool,
    affinity: [{ header: 'x-user-id' }],
    placement: 'ring',
  });
  const client = createClient({ upstreams: pool, placement: 'ring' });
  await upstreams[0]!.stop();
  await upstreams[3]!.stop();
  const connection = await connect(gateway.port);
  let borrowed = 0;
  for (let at = 0; at < 300; at++) {
    const answer = await connection.request({ headers: { 'x-user-id': `user:${at}` } });
    const response = await client.fetch(`user:${at}`, '/');
    expect([response.upstream, response.outcome]).toEqual([
      answer.header('x-upstream'),
      answer.header('x-affinity')!.split(' ')[0],
    ]);
    if (response.outcome === 'borrowed') borrowed++;
    await response.text();
  }
  expect(borrowed).toBeGreaterThan(50);
  connection.destroy();
});
