import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/base/clock.js';
import { systemRandom } from '../../src/base/random.js';
import { dnsSource } from '../../src/control/sources/dns-source.js';
import type { SourceNews } from '../../src/route/pool/source.js';
import { createManualClock, type ManualClock } from '../../src/testing/manual-clock.js';
import { sourceContract } from '../../src/testing/source-contract.js';
import { a, startDnsServer, type DnsRecord, type DnsServer } from '../support/dns-server.js';
import { until } from '../support/until.js';

/*
 * The clock is manual, and goes on whenever something is waited for. Only c-ares, under Node, goes by the
 * machine's clock. Against real dnsmasq: test/sources/dnsmasq.test.ts
 */

interface Followed {
  readonly found: SourceNews[];
  readonly failures: string[];
  readonly clock: ManualClock;
  /** `id url` of all, as last found. */
  now(): string;
  /** Waits, while time passes. */
  until(what: string, condition: () => boolean): Promise<void>;
}

/** Longer than a test waits: only c-ares, which goes by the machine's clock, may be slow here. */
const LONG = '60s';

function follow(server: DnsServer, written: object, clock: Clock = createManualClock()): Followed {
  const options = dnsSource.options.parse({
    resolvers: [server.address],
    timeout: LONG,
    every: '1s',
    ...written,
  });
  const found: SourceNews[] = [];
  const failures: string[] = [];
  const timer = dnsSource.create(options, { clock, random: systemRandom, folder: '/' }).start({
    found: (news) => void found.push(news),
    failed: (why) => void failures.push(why),
  });
  onTestFinished(() => timer.stop());
  const manual = clock as ManualClock;
  return {
    found,
    failures,
    clock: manual,
    now: () => (found.at(-1)?.upstreams ?? []).map(({ id, url }) => `${id} ${url}`).join('\n'),
    until: async (what, condition) => {
      await until(what, () => {
        manual.advance?.(100);
        return condition();
      });
    },
  };
}

const srv = (target: string, port: number, more: object = {}): DnsRecord => ({
  type: 'SRV',
  target,
  port,
  ...more,
});

describe('the addresses of a name', () => {
  const open = async () => {
    const server = await startDnsServer();
    const clock = createManualClock();
    const numbers = new Map([...'abc'].map((name, place) => [name, `10.0.0.${place + 1}`]));
    const set = (names: readonly string[]): void => {
      server.mood = 'well';
      server.names.set('api.internal', a(...names.map((name) => numbers.get(name)!)));
    };
    set(['a', 'b']);
    const options = {
      name: 'api.internal',
      port: 8080,
      resolvers: [server.address],
      timeout: LONG,
      every: '1s',
    };
    return {
      source: dnsSource.create(dnsSource.options.parse(options), {
        clock,
        random: systemRandom,
        folder: '/',
      }),
      set,
      break: () => void (server.mood = 'servfail'),
      idOf: (name: string) => `api.internal[${numbers.get(name)!}]:8080`,
      pass: () => clock.advance(250),
      close: () => server.close(),
    };
  };
  for (const { name, run } of sourceContract(open)) it(name, run);

  it('are ids with the name and the port, sorted, each once', async () => {
    const server = await startDnsServer({
      'api.internal': [...a('10.0.0.9', '10.0.0.10', '10.0.0.9'), ...a('fd00::2')],
      'six.internal': a('fd00::2', 'fd00::1'),
    });
    const four = follow(server, { name: 'API.internal.', port: 80 });
    const six = follow(server, { name: 'six.internal', port: 8080, https: true });
    const both = follow(server, { name: 'api.internal', port: 8080, family: 'both' });
    await four.until('IPv4', () => four.found.length > 0);
    await six.until('IPv6', () => six.found.length > 0);
    await both.until('both', () => both.found.length > 0);
    expect(four.now()).toBe(
      'api.internal[10.0.0.10]:80 http://10.0.0.10\napi.internal[10.0.0.9]:80 http://10.0.0.9',
    );
    expect(six.found[0]!.upstreams[0]).toEqual({
      id: 'six.internal[fd00::1]:8080',
      url: 'https://[fd00::1]:8080',
      weight: 1,
      draining: false,
      serverName: 'six.internal',
    });
    expect(both.found[0]!.upstreams.map(({ url }) => url)).toContain('http://[fd00::2]:8080');
    expect(both.found[0]!.upstreams).toHaveLength(3);
  });

  it('are asked for again when their time is over, from 1 s to 5 min, a tenth more or less', async () => {
    const one = (ttl: number): DnsRecord[] => [{ type: 'A', address: '10.0.0.1', ttl }];
    const server = await startDnsServer({ 'api.internal': one(60) });
    const source = follow(server, { name: 'api.internal', port: 80 });
    await source.until('the first', () => source.found.length === 1);
    for (const [ttl, leastMs, mostMs] of [
      [60, 54_000, 66_000],
      [0, 900, 1100],
      [86_400, 270_000, 330_000],
    ] as const) {
      server.names.set('api.internal', one(ttl));
      // Whatever it had heard before, this one is heard now.
      let before = source.found.length;
      await until(`an answer with ${ttl} s`, () => {
        const isHeard = source.found.length > before;
        if (!isHeard) source.clock.advance(2000);
        return isHeard;
      });
      before = server.asked.length;
      source.clock.advance(leastMs - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(server.asked).toHaveLength(before);
      source.clock.advance(mostMs - leastMs + 2);
      await until('the next question', () => server.asked.length > before);
    }
  });

  it('stay through SERVFAIL, REFUSED, silence and garbage, each told by its cause', async () => {
    const server = await startDnsServer({ 'api.internal': a('10.0.0.1') });
    const source = follow(server, { name: 'api.internal', port: 80, timeout: '300ms' });
    await source.until('the first', () => source.found.length > 0);
    for (const [mood, told] of [
      ['servfail', 'ESERVFAIL'],
      ['refused', 'EREFUSED'],
      ['silent', 'no resolver answered within 300ms'],
      ['garbage', 'A records of api.internal: '],
    ] as const) {
      server.mood = mood;
      const from = source.failures.length;
      await source.until(mood, () => source.failures.slice(from).some((why) => why.includes(told)));
    }
    expect(source.found.every(({ upstreams }) => upstreams.length === 1)).toBe(true);
    server.mood = 'well';
    server.names.set('api.internal', a('10.0.0.2'));
    await source.until('the change', () => source.now().includes('10.0.0.2'));
  });

  it('go when there are none for as long as `hold` says, and come back', async () => {
    const server = await startDnsServer({ 'api.internal': a('10.0.0.1') });
    const source = follow(server, { name: 'api.internal', port: 80, hold: '5s' });
    await source.until('the first', () => source.found.length === 1);
    const from = source.clock.now();
    for (const empty of [[], undefined]) {
      if (empty === undefined) server.names.delete('api.internal');
      else server.names.set('api.internal', empty);
      await source.until('empty', () => source.failures.at(-1) === 'api.internal has no address.');
    }
    await source.until('nothing', () => source.found.at(-1)!.upstreams.length === 0);
    expect(source.clock.now() - from).toBeGreaterThanOrEqual(5000);
    expect(source.found.at(-1)!.problem).toBe('api.internal has no address.');
    server.names.set('api.internal', a('10.0.0.1'));
    await source.until('back', () => source.found.at(-1)!.upstreams.length === 1);
  });

  it('are asked for twice before more than half of them go', async () => {
    const all = Array.from({ length: 8 }, (_, place) => `10.0.0.${place + 1}`);
    const server = await startDnsServer({ 'api.internal': a(...all) });
    const source = follow(server, { name: 'api.internal', port: 80 });
    await source.until('the first', () => source.found.length === 1);
    server.names.set('api.internal', a('10.0.0.1'));
    const { length } = server.asked;
    source.clock.advance(1200);
    await until('a first small answer', () => server.asked.length === length + 1);
    server.names.set('api.internal', a(...all));
    await source.until('whole again', () => source.found.length > 1);
    expect(source.found.every(({ upstreams }) => upstreams.length === 8)).toBe(true);
    server.names.set('api.internal', a('10.0.0.1'));
    await source.until('smaller', () => source.found.at(-1)!.upstreams.length === 1);
  });

  it('come over TCP when an answer is cut, three hundred of them', async () => {
    const all = Array.from({ length: 300 }, (_, place) => `10.0.${place >> 8}.${place & 255}`);
    const server = await startDnsServer({ 'api.internal': a(...all) });
    server.mood = 'truncated';
    const source = follow(server, { name: 'api.internal', port: 80 });
    await source.until('all', () => source.found.length === 1);
    expect(source.found[0]!.upstreams).toHaveLength(300);
    expect(server.asked).toContain('A api.internal tcp');
  });

  it('are had from a second resolver when the first is silent or away', async () => {
    const server = await startDnsServer({ 'api.internal': a('10.0.0.1') });
    const silent = await startDnsServer();
    silent.mood = 'silent';
    for (const first of [silent.address, '127.0.0.1:1']) {
      const resolvers = [first, server.address];
      const source = follow(
        server,
        { name: 'api.internal', port: 80, timeout: '4s', resolvers },
        systemClock,
      );
      await source.until('an answer', () => source.found.length === 1);
    }
  });
});

describe('SRV records', () => {
  const open = async () => {
    const server = await startDnsServer();
    const clock = createManualClock();
    for (const [place, name] of [...'abc'].entries())
      server.names.set(`${name}.internal`, a(`10.0.0.${place + 1}`));
    const set = (names: readonly string[]): void => {
      server.mood = 'well';
      server.names.set(
        '_http._tcp.internal',
        names.map((name) => srv(`${name}.internal`, 8080)),
      );
    };
    set(['a', 'b']);
    const options = { name: '_http._tcp.internal', resolvers: [server.address], timeout: LONG, every: '1s' };
    return {
      source: dnsSource.create(dnsSource.options.parse(options), {
        clock,
        random: systemRandom,
        folder: '/',
      }),
      set,
      break: () => void (server.mood = 'servfail'),
      idOf: (name: string) => `${name}.internal:8080`,
      pass: () => clock.advance(250),
      close: () => server.close(),
    };
  };
  for (const { name, run } of sourceContract(open)) it(name, run);

  it('say ports and weights; the first priority alone counts, and the target is the id', async () => {
    const server = await startDnsServer({
      'api.internal': [
        srv('API-1.internal', 8081, { weight: 5 }),
        srv('api-2.internal', 8082, { weight: 0 }),
        srv('api-2.internal', 8083),
        srv('backup.internal', 8084, { priority: 20 }),
      ],
      'api-1.internal': a('10.0.0.1', '10.0.0.7'),
      'api-2.internal': a('fd00::2'),
      'backup.internal': a('10.0.0.9'),
    });
    const source = follow(server, { name: 'api.internal', https: true, every: '1s' });
    await source.until('the first', () => source.found.length === 1);
    expect(source.now()).toBe(
      [
        'api-1.internal:8081 https://10.0.0.1:8081',
        'api-2.internal:8082 https://[fd00::2]:8082',
        'api-2.internal:8083 https://[fd00::2]:8083',
      ].join('\n'),
    );
    expect(source.found[0]!.upstreams.map(({ weight }) => weight)).toEqual([5, 1, 1]);
    expect(source.found[0]!.upstreams[0]!.serverName).toBe('api-1.internal');
    // The address that it had is kept while the name has it, and the id when it has another.
    server.names.set('api-1.internal', a('10.0.0.0', '10.0.0.1'));
    const { length } = source.found;
    await source.until('another look', () => source.found.length > length + 1);
    expect(source.now()).toContain('https://10.0.0.1:8081');
    server.names.set('api-1.internal', a('10.0.0.5'));
    await source.until('another address', () =>
      source.now().includes('api-1.internal:8081 https://10.0.0.5:8081'),
    );
  });

  it('whose target has no address are left out, and the log says so', async () => {
    const server = await startDnsServer({
      'api.internal': [srv('api-1.internal', 80), srv('api-2.internal', 80)],
      'api-1.internal': a('10.0.0.1'),
    });
    const source = follow(server, { name: 'api.internal', every: '1s' });
    await source.until('the first', () => source.found.length === 1);
    expect(source.now()).toBe('api-1.internal:80 http://10.0.0.1');
    expect(source.found[0]!.problem).toContain('api-2.internal of api.internal has no address');
    server.names.set('api.internal', [srv('.', 0)]);
    await source.until('nobody serves', () => source.failures.length > 0);
    expect(source.failures[0]).toBe('api.internal has no SRV record with an address.');
  });
});

describe('what is written', () => {
  it.each([
    [{ name: '10.0.0.1', port: 80 }, 'is an address'],
    [{ name: 'a b', port: 80 }, 'is not a name in DNS'],
    [{ name: 'api.internal', port: 0 }, 'must be from 1 to 65535'],
    [{ name: 'api.internal', resolvers: ['dns.internal'] }, 'has no address as entry 1'],
    [{ name: 'api.internal', resolvers: ['10.0.0.2:99999'] }, 'has no address as entry 1'],
    [{ name: 'api.internal', family: 'both' }, 'is for addresses'],
    [{ name: 'api.internal', family: '5', port: 80 }, 'Write 4, 6 or both'],
  ])('%j is refused: %s', (written, told) => {
    const read = dnsSource.options.safeParse(written);
    expect(read.error?.issues.map(({ message }) => message).join(' ')).toContain(told);
  });
});
