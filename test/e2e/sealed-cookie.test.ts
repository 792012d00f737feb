import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { CookieSeal, type SealedBinding } from '../../src/route/affinity/sealed-cookie.js';
import { connect, request, type RawResponse } from '../support/raw-client.js';
import { startUpstreams, type FakeUpstream } from '../support/upstream.js';
import { printedSeed } from './crowd.js';
import { KEY, startTestGateway, type TestGateway } from './gateway.js';

const ROUTE = 'default';
const HOUR = 3_600_000;
/** It takes nobody new, so whoever reaches it was led there by a cookie. */
const RESERVED = 'api-3';

const random = printedSeed();
let upstreams: FakeUpstream[];
let gateway: TestGateway;
beforeAll(async () => {
  upstreams = await startUpstreams(3);
  gateway = await startTestGateway(config());
});

function config(more: object = {}): object {
  const entries = upstreams.map(({ id, url }) => [id, id === RESERVED ? { url, draining: true } : url]);
  return {
    upstreams: Object.fromEntries(entries),
    affinity: [{ cookie: { idle: '1h', absolute: '12h' } }],
    ...more,
  };
}

/** A cookie as the gateway seals it, with some of it chosen otherwise. */
function sealed({
  key = KEY,
  route = ROUTE,
  id = RESERVED,
  ...times
}: { key?: string; route?: string; id?: string } & Partial<SealedBinding> = {}): string {
  const now = Date.now();
  return new CookieSeal(route, [key]).seal(id, {
    issuedAtMs: now,
    refreshedAtMs: now,
    idleMs: HOUR,
    absoluteMs: 12 * HOUR,
    nonce: 1,
    incarnation: 0,
    ...times,
  });
}

async function ask(cookie: string, to = gateway): Promise<RawResponse> {
  return await request(to.port, { headers: { cookie } });
}

function told(answer: RawResponse): unknown[] {
  return [answer.status, answer.header('x-upstream'), answer.header('x-affinity')];
}

/** The value that an answer sets for `sr`. */
function written(answer: RawResponse): string | undefined {
  const all = answer.headers('set-cookie').filter((text) => text.startsWith('sr='));
  expect(all.length).toBeLessThan(2);
  return all[0] === undefined ? undefined : /^sr=([^;]*)/.exec(all[0])![1]!;
}

/** What counts as absent: someone else serves it, and a good cookie takes its place. */
async function isReplaced(value: string, why: string, to = gateway): Promise<void> {
  const answer = await ask(`sr=${value}`, to);
  expect([answer.status, answer.header('x-affinity')], value.slice(0, 100)).toEqual([
    200,
    `balanced (${why})`,
  ]);
  expect(answer.header('x-upstream')).not.toBe(RESERVED);
  const fresh = written(answer)!;
  expect(fresh).not.toBe(value);
  expect(told(await ask(`sr=${fresh}`, to))).toEqual([200, answer.header('x-upstream'), 'bound by cookie']);
}

describe("a cookie that is not the gateway's own word is never followed, and is replaced", () => {
  it('a genuine one is followed, so that the rest of this file means something', async () => {
    const answer = await ask(`sr=${sealed()}`);
    expect(told(answer)).toEqual([200, RESERVED, 'bound by cookie']);
    expect(answer.headers('set-cookie')).toEqual([]);
  });

  it('forged: any one character of a genuine one changed', async () => {
    const genuine = sealed();
    const client = await connect(gateway.port);
    for (let at = 0; at < genuine.length; at++) {
      const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter(
        (letter) => letter !== genuine[at],
      );
      const forged = genuine.slice(0, at) + letters[random.below(letters.length)]! + genuine.slice(at + 1);
      const answer = await client.request({ headers: { cookie: `sr=${forged}` } });
      expect(
        [
          answer.status,
          answer.header('x-affinity'),
          answer.header('x-upstream') === RESERVED,
          answer.headers('set-cookie').length,
        ],
        forged,
      ).toEqual([200, 'balanced (unreadable)', false, 1]);
    }
  });

  it("truncated, lengthened, an upstream's name or address in clear", async () => {
    const genuine = sealed();
    const inClear = upstreams.find(({ id }) => id === RESERVED)!;
    const address = inClear.url.slice('http://'.length);
    for (const value of [
      genuine.slice(0, -1),
      genuine.slice(0, 40),
      'A',
      `${genuine}A`,
      `${genuine}==`,
      genuine + genuine,
      genuine.toLowerCase(),
      RESERVED,
      inClear.url,
      address,
      Buffer.from(address).toString('base64url'),
      '!!!!',
      '%00'.repeat(24),
    ]) {
      await isReplaced(value, 'unreadable');
    }
  });

  it('sealed with a key that is not ours, or for another route', async () => {
    await isReplaced(sealed({ key: `${KEY}!` }), 'unreadable');
    await isReplaced(sealed({ route: 'other' }), 'unreadable');
  });

  it('past its idle or its absolute limit, or from the future', async () => {
    const now = Date.now();
    await isReplaced(sealed({ issuedAtMs: now - 2 * HOUR, refreshedAtMs: now - HOUR - 1000 }), 'expired');
    await isReplaced(sealed({ issuedAtMs: now - 12 * HOUR - 1000, refreshedAtMs: now - 1000 }), 'expired');
    await isReplaced(sealed({ issuedAtMs: now + HOUR, refreshedAtMs: now + HOUR }), 'unreadable');
    // A limit that was shortened since counts for the cookies out there, too.
    const strict = await startTestGateway(config({ affinity: [{ cookie: { idle: '10s' } }] }));
    await isReplaced(sealed({ refreshedAtMs: now - 11_000 }), 'expired', strict);
    await strict.close();
  });

  it('for an upstream that the pool no longer has', async () => {
    const answer = await ask(`sr=${sealed({ id: 'api-9' })}`);
    expect([answer.status, answer.header('x-affinity')]).toEqual([200, 'rehomed by cookie (gone)']);
    expect(told(await ask(`sr=${written(answer)!}`))).toEqual([
      200,
      answer.header('x-upstream'),
      'bound by cookie',
    ]);
  });

  it('oversized, many of them, and more than a head may hold: the gateway goes on', async () => {
    await isReplaced('A'.repeat(8000), 'unreadable');
    await isReplaced(`${sealed()}${'A'.repeat(8000)}`, 'unreadable');
    const many = Array.from({ length: 200 }, () => `sr=${sealed({ key: `${KEY}!` })}`).join('; ');
    const crowded = await connect(gateway.port);
    expect((await crowded.request({ headers: { cookie: many.slice(0, 15_000) } })).header('x-affinity')).toBe(
      'balanced (unreadable)',
    );
    expect((await ask(`sr=${'A'.repeat(40_000)}`)).status).toBe(431);
    expect(told(await ask(`sr=${sealed()}`))).toEqual([200, RESERVED, 'bound by cookie']);
  });

  it('a genuine one is found behind a forged one of the same name', async () => {
    expect(told(await ask(`a=b; sr=${sealed({ key: `${KEY}!` })}; sr=${sealed()}`))).toEqual([
      200,
      RESERVED,
      'bound by cookie',
    ]);
  });
});

describe('what is written, and when', () => {
  it('shows no id, address or port of any upstream, however it is read', async () => {
    const words = upstreams.flatMap(({ id, port }) => [id, '127.0.0.1', 'localhost', String(port)]);
    for (let at = 0; at < 20; at++) {
      const value = written(await request(gateway.port))!;
      const bytes = Buffer.from(value, 'base64url');
      for (const text of [value, bytes.toString('latin1')]) {
        for (const word of words) expect(text).not.toContain(word);
      }
      for (const { port } of upstreams) {
        const address = Buffer.from([127, 0, 0, 1, port >> 8, port & 255]);
        expect(bytes.includes(address) || bytes.includes(Buffer.from(address).reverse())).toBe(false);
      }
    }
  });

  it('it is written once: not again on any of the next answers', async () => {
    const client = await connect(gateway.port);
    const value = written(await client.request())!;
    for (let at = 0; at < 50; at++)
      expect((await client.request({ headers: { cookie: `sr=${value}` } })).headers('set-cookie')).toEqual(
        [],
      );
  });

  it('it is written again when a tenth of the idle time has passed, for the same upstream, with the old beginning', async () => {
    const gate = await startTestGateway(config({ affinity: [{ cookie: { idle: '20s', absolute: '60s' } }] }));
    const now = Date.now();
    const limits = { idleMs: 20_000, absoluteMs: 60_000 };
    const recent = await ask(
      `sr=${sealed({ ...limits, issuedAtMs: now - 30_000, refreshedAtMs: now - 500 })}`,
      gate,
    );
    expect([...told(recent), written(recent)]).toEqual([200, RESERVED, 'bound by cookie', undefined]);
    const due = await ask(
      `sr=${sealed({ ...limits, issuedAtMs: now - 30_000, refreshedAtMs: now - 5000 })}`,
      gate,
    );
    expect(told(due)).toEqual([200, RESERVED, 'bound by cookie']);
    expect(due.header('set-cookie')).toContain('; Max-Age=20');
    const opened = new CookieSeal(ROUTE, [KEY]).open(written(due)!)!;
    expect(opened.issuedAtMs).toBe(now - 30_000);
    expect(opened.refreshedAtMs).toBeGreaterThan(now - 1000);
    expect(written(await ask(`sr=${written(due)!}`, gate))).toBeUndefined();
    await gate.close();
  });

  it('keys rotate: the first seals, all open, a cookie of an old key is followed and sealed anew, and one of a dropped key is not', async () => {
    const next = 'the next key for tests, of thirty-two characters or more';
    const gate = await startTestGateway(config());
    const old = sealed({ issuedAtMs: Date.now() - 1000 });
    await gate.reload(config({ keys: [next, KEY] }));
    const answer = await ask(`sr=${old}`, gate);
    expect(told(answer)).toEqual([200, RESERVED, 'bound by cookie']);
    const renewed = written(answer)!;
    expect(new CookieSeal(ROUTE, [next]).open(renewed)).toBeDefined();
    expect(written(await ask(`sr=${renewed}`, gate))).toBeUndefined();
    await gate.reload(config({ keys: [next] }));
    expect(told(await ask(`sr=${renewed}`, gate))).toEqual([200, RESERVED, 'bound by cookie']);
    await isReplaced(old, 'unreadable', gate);
    await gate.close();
  });

  it('another gateway with the same keys follows it', async () => {
    const other = await startTestGateway(config());
    const answer = await request(gateway.port);
    expect(told(await ask(`sr=${written(answer)!}`, other))).toEqual([
      200,
      answer.header('x-upstream'),
      'bound by cookie',
    ]);
    await other.close();
  });
});

describe('its attributes', () => {
  const attributesOf = async (
    to: TestGateway,
    options: Parameters<typeof request>[1] = {},
  ): Promise<string> => (await request(to.port, options)).header('set-cookie')!.replace(/^sr=[^;]*/, '');

  it('are safe without a word, and as configured', async () => {
    expect(await attributesOf(gateway)).toBe('; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600');
    const gate = await startTestGateway(
      config({
        affinity: [
          {
            cookie: {
              domain: 'example.org',
              path: '/app',
              sameSite: 'strict',
              secure: 'always',
              httpOnly: false,
            },
          },
        ],
      }),
    );
    expect(await attributesOf(gate)).toBe('; Path=/app; Domain=example.org; SameSite=Strict; Secure');
    await gate.close();
  });

  it('have Secure by themselves over TLS', async () => {
    const tls = (name: string): string =>
      fileURLToPath(new URL(`../config/tls/${name}.pem`, import.meta.url));
    const gate = await startTestGateway(config({ tls: { cert: tls('cert'), key: tls('key') } }));
    expect(await attributesOf(gate, { tls: {} })).toContain('; Secure');
    await gate.close();
  });

  it("have Secure by a trusted proxy's word, not by anyone's", async () => {
    const https = { headers: { 'X-Forwarded-Proto': 'https' } };
    expect(await attributesOf(gateway, https)).not.toContain('Secure');
    const gate = await startTestGateway(config({ trustedProxies: ['127.0.0.1'] }));
    expect(await attributesOf(gate, https)).toContain('; Secure');
    expect(await attributesOf(gate, { headers: { 'X-Forwarded-Proto': 'http' } })).not.toContain('Secure');
    expect(await attributesOf(gate, { ...https, localAddress: '127.0.0.2' })).not.toContain('Secure');
    await gate.close();
  });
});
