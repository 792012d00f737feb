import { describe, expect, it } from 'vitest';
import { MemoryGateway, type Answer } from './memory-gateway.js';

/** What a browser does with a Set-Cookie (RFC 6265bis §5.7), as far as one site with one path goes. */
class Jar {
  readonly #cookies = new Map<string, { value: string; isSecure: boolean }>();

  field(isSecure: boolean): string {
    const sent = [...this.#cookies].filter(([, cookie]) => isSecure || !cookie.isSecure);
    return ['app=1', ...sent.map(([name, { value }]) => `${name}=${value}`), 'last=2'].join('; ');
  }

  take(client: string, overTls: boolean): void {
    for (const [, name, value, attributes] of client.matchAll(/^Set-Cookie: ([^=]+)=([^;\r]*)(.*)\r$/gim)) {
      const isSecure = /; Secure(?:;|$)/.test(attributes!);
      if (!overTls && (isSecure || this.#cookies.get(name!)?.isSecure === true)) continue;
      if (name!.startsWith('__Secure-') && !isSecure) continue;
      this.#cookies.set(name!, { value: value!, isSecure });
    }
  }
}

const answered = (fields: string): Answer => ({
  pieces: [`HTTP/1.1 200 OK\r\n${fields}Content-Length: 2\r\n\r\nok`],
});

async function start(
  cookie: object = {},
): Promise<(scheme: string, jar: Jar, fields?: string) => Promise<Visit>> {
  const memory = await MemoryGateway.start({
    affinity: [{ cookie }],
    keys: ['a key of thirty-two characters, no less'],
    trustedProxies: ['127.0.0.1'],
    upstreams: { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2', c: 'http://127.0.0.1:3' },
    expose: true,
  });
  return async (scheme, jar, fields = '') => {
    const head = `GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: ${scheme}\r\nCookie: ${jar.field(scheme === 'https')}\r\n\r\n`;
    const { client, upstream } = await memory.converse([head], answered(fields));
    jar.take(client, scheme === 'https');
    return {
      upstream: /^x-upstream: (\w+)/m.exec(client)![1]!,
      outcome: /^x-affinity: (\w+)/m.exec(client)![1]!,
      cookies: [...client.matchAll(/^Set-Cookie: (.*)\r$/gm)].map(([, value]) => value!),
      control: [...client.matchAll(/^Cache-Control: (.*)\r$/gim)].map(([, value]) => value!),
      forwarded: /^Cookie: (.*)\r$/m.exec(upstream)?.[1],
    };
  };
}

interface Visit {
  readonly upstream: string;
  readonly outcome: string;
  readonly cookies: readonly string[];
  readonly control: readonly string[];
  readonly forwarded: string | undefined;
}

describe('secure: auto, on a site that is reached by both schemes', () => {
  it.each([
    ['https', 'http'],
    ['http', 'https'],
  ])('binds a browser that came by %s when it comes by %s, and keeps it bound on both', async (one, two) => {
    const visit = await start();
    const jar = new Jar();
    for (const scheme of [one, two]) await visit(scheme, jar);
    for (const scheme of [one, two, one, two])
      expect([scheme, await visit(scheme, jar)]).toEqual([
        scheme,
        expect.objectContaining({ outcome: 'bound', cookies: [] }),
      ]);
  });

  it('keeps a browser where it was when it goes from http to https, as at a login', async () => {
    const visit = await start();
    for (let turn = 0; turn < 5; turn++) {
      const jar = new Jar();
      const before = await visit('http', jar);
      const after = await visit('https', jar);
      expect(after).toMatchObject({ upstream: before.upstream, outcome: 'bound' });
      expect(after.cookies).toEqual([expect.stringMatching(/^__Secure-sr=.*; Secure$/)]);
    }
  });

  it('attack: over http somebody plants a binding, which counts for nothing once there is a Secure one', async () => {
    const visit = await start();
    const [victim, attacker] = [new Jar(), new Jar()];
    const { upstream } = await visit('https', victim);
    let planted = upstream;
    while (planted === upstream) planted = (await visit('http', new Jar())).upstream;
    await visit('http', attacker);
    victim.take(`Set-Cookie: ${attacker.field(false).split('; ')[1]}\r\n`, false);
    expect(await visit('https', victim)).toMatchObject({ upstream, outcome: 'bound' });
  });
});

describe('the app', () => {
  it('never sees the cookie, and every other one as it came', async () => {
    const visit = await start();
    const jar = new Jar();
    for (const scheme of ['http', 'https', 'http', 'https'])
      expect((await visit(scheme, jar)).forwarded).toBe('app=1; last=2');
  });
});

describe('an answer that shared caches may keep', () => {
  const SHARED = [
    'Cache-Control: public\r\n',
    'Cache-Control: Public, max-age=60\r\n',
    'Cache-Control: max-age=60\r\n',
    'Cache-Control: max-age=0\r\nCache-Control: s-maxage=5\r\n',
    'cache-control: s-maxage="60"\r\n',
    'CDN-Cache-Control: max-age=60\r\n',
    'Surrogate-Control: max-age=60\r\n',
    'Expires: Fri, 01 Jan 2100 00:00:00 GMT\r\n',
    'Cache-Control : public\r\n',
  ];

  it.each(SHARED)('binds nobody unless told to: %j', async (fields) => {
    const visit = await start();
    const jar = new Jar();
    expect((await visit('http', jar, fields)).cookies).toEqual([]);
    expect((await visit('http', jar)).cookies.length).toBe(1);
    expect((await visit('http', jar, fields)).outcome).toBe('bound');
  });

  it.each(SHARED)('sharedAnswers: private binds, and keeps shared caches from it: %j', async (fields) => {
    const visit = await start({ sharedAnswers: 'private' });
    const jar = new Jar();
    const { cookies, control } = await visit('http', jar, fields);
    expect([cookies.length, control.length]).toEqual([1, 1]);
    expect(control[0]).toMatch(/^private(?:, max-age=\d+)?$/);
    // Bound, it has nothing to write, and the answer stays as it is.
    const later = await visit('http', jar, 'Cache-Control: public\r\n');
    expect([later.cookies, later.control]).toEqual([[], ['public']]);
  });

  it('sharedAnswers: bound writes all the same', async () => {
    const visit = await start({ sharedAnswers: 'bound' });
    const { cookies, control } = await visit('http', new Jar(), 'Cache-Control: public\r\n');
    expect([cookies.length, control]).toEqual([1, ['public']]);
  });

  it.each([
    '',
    'Cache-Control: private, max-age=60\r\n',
    'Cache-Control: no-store, public\r\n',
    'Cache-Control: no-cache\r\n',
    'Cache-Control: max-age=0, must-revalidate\r\n',
    'Cache-Control: max-age=60\r\nCache-Control: private\r\n',
    'Cache-Control: x-public\r\n',
    'Expires: 0\r\n',
    'Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n',
    'Date: Fri, 01 Jan 2100 00:00:00 GMT\r\nExpires: Fri, 01 Jan 2100 00:00:00 GMT\r\n',
  ])('is none of these, which bind: %j', async (fields) => {
    const visit = await start();
    expect((await visit('http', new Jar(), fields)).cookies.length).toBe(1);
  });
});
