import { describe, expect, it } from 'vitest';
import { plainFacts, type PlainRequest } from '../route/plain-facts.js';
import { seededRandom } from '../testing/seeded-random.js';
import { readConfig } from './config/load.js';
import { RouteTable, type Demand } from './route-table.js';

function table(...routes: [name: string, hosts: string[], path: string, ...demands: Demand[]][]) {
  const found = new RouteTable(
    routes.map(([name, hosts, path, ...demands]) => ({ name, hosts, path, demands })),
  );
  return (host: string, path: string, request: Partial<PlainRequest> = {}): string | undefined =>
    found.find(host, path, plainFacts({ url: path, nowMs: 0, ...request }))?.name;
}

describe('the table of routes', () => {
  it('matches a path by whole segments', () => {
    const find = table(['api', [], '/api']);
    expect(find('', '/api')).toBe('api');
    expect(find('', '/api/')).toBe('api');
    expect(find('', '/api/users/7')).toBe('api');
    expect(find('', '/apix')).toBeUndefined();
    expect(find('', '/')).toBeUndefined();
    expect(find('', '//api')).toBeUndefined();
    expect(find('', '/API')).toBeUndefined();
  });

  it('prefers the longest path, in whatever order the routes stand', () => {
    const routes: [string, string[], string][] = [
      ['all', [], '/'],
      ['api', [], '/api'],
      ['deep', [], '/api/v2/users'],
    ];
    for (const order of [routes, [...routes].reverse()]) {
      const find = table(...order);
      expect(find('', '/api/v2/users/7')).toBe('deep');
      expect(find('', '/api/v2')).toBe('api');
      expect(find('', '/other')).toBe('all');
    }
  });

  it('prefers a named host to a wildcard, a longer wildcard to a shorter, and any of them to no host', () => {
    const find = table(
      ['any', [], '/'],
      ['wide', ['*.example.org'], '/'],
      ['narrow', ['*.eu.example.org'], '/'],
      ['exact', ['a.eu.example.org'], '/'],
    );
    expect(find('a.eu.example.org', '/')).toBe('exact');
    expect(find('b.eu.example.org', '/')).toBe('narrow');
    expect(find('x.y.eu.example.org', '/')).toBe('narrow');
    expect(find('us.example.org', '/')).toBe('wide');
    expect(find('example.org', '/')).toBe('any');
    expect(find('badexample.org', '/')).toBe('any');
    expect(find('', '/')).toBe('any');
  });

  it('falls through to less specific hosts when no path of a host fits', () => {
    const find = table(
      ['exact', ['a.example.org'], '/only'],
      ['wide', ['*.example.org'], '/wide'],
      ['any', [], '/'],
    );
    expect(find('a.example.org', '/only/x')).toBe('exact');
    expect(find('a.example.org', '/wide')).toBe('wide');
    expect(find('a.example.org', '/else')).toBe('any');
  });

  it('takes a host with a dot at its end for the same host', () => {
    expect(table(['exact', ['example.org'], '/'])('example.org.', '/')).toBe('exact');
  });

  it('finds nothing for names that objects inherit', () => {
    const find = table(['exact', ['example.org'], '/a']);
    expect(find('constructor', '/__proto__')).toBeUndefined();
    expect(find('example.org', '/constructor')).toBeUndefined();
  });

  it('is not slowed by hosts and paths made to be walked', () => {
    const found = new RouteTable([
      { name: 'wide', hosts: ['*.example.org'], path: '/a/b', demands: [] },
      { name: 'any', hosts: [], path: '/', demands: [] },
    ]);
    const dots = '.'.repeat(15_000);
    const slashes = '/'.repeat(15_000);
    const facts = plainFacts({ nowMs: 0 });
    for (let round = 0; round < 10_000; round++) expect(found.find(dots, slashes, facts)?.name).toBe('any');
  }, 5000);
});

describe('routes that ask for more than host and path', () => {
  const beta: Demand = { kind: 'header', name: 'x-beta', wants: ['1', 'yes'] };

  it.each<[string, Demand, Partial<PlainRequest>, boolean]>([
    ['a method', { kind: 'method', oneOf: ['GET', 'HEAD'] }, { method: 'HEAD' }, true],
    ['another method', { kind: 'method', oneOf: ['GET', 'HEAD'] }, { method: 'POST' }, false],
    ['a field', beta, { headers: [['X-Beta', 'yes']] }, true],
    ['a field with another value', beta, { headers: [['X-Beta', 'no']] }, false],
    ['a field that is missing', beta, {}, false],
    ['a field that is there', { ...beta, wants: true }, { headers: [['x-beta', '']] }, true],
    ['a field that must not be there', { ...beta, wants: false }, { headers: [['x-beta', '']] }, false],
    ['a field that is not there', { ...beta, wants: false }, {}, true],
    ['a cookie', { kind: 'cookie', name: 'b', wants: ['1'] }, { headers: [['cookie', 'a=1; b=1']] }, true],
    ['one of two', { kind: 'cookie', name: 'b', wants: ['2'] }, { headers: [['cookie', 'b=1; b=2']] }, true],
    ['another cookie', { kind: 'cookie', name: 'b', wants: ['1'] }, { headers: [['cookie', 'B=1']] }, false],
    ['no cookie', { kind: 'cookie', name: 'b', wants: false }, {}, true],
    ['a query', { kind: 'query', name: 'v', wants: ['a b'] }, { url: '/?v=a%20b' }, true],
    ['a query in bytes', { kind: 'query', name: 'v', wants: ['\xc3\xa4'] }, { url: '/?v=%C3%A4' }, true],
    ['another query', { kind: 'query', name: 'v', wants: ['2'] }, { url: '/?w=2' }, false],
  ])('%s', (_, condition, request, fits) => {
    expect(table(['one', [], '/', condition])('', '/', request)).toBe(fits ? 'one' : undefined);
  });

  it('go before those that ask for less, and fall through to them', () => {
    const find = table(
      ['plain', [], '/api'],
      ['beta', [], '/api', beta],
      ['beta-post', [], '/api', beta, { kind: 'method', oneOf: ['POST'] }],
      ['all', [], '/'],
      ['deep', [], '/api/deep', { kind: 'method', oneOf: ['PUT'] }],
    );
    const headers: [string, string][] = [['x-beta', '1']];
    expect(find('', '/api', { headers, method: 'POST' })).toBe('beta-post');
    expect(find('', '/api', { headers })).toBe('beta');
    expect(find('', '/api')).toBe('plain');
    expect(find('', '/api/deep')).toBe('plain');
    expect(find('', '/api/deep', { headers })).toBe('beta');
    expect(find('', '/api/deep', { headers, method: 'PUT' })).toBe('deep');
  });

  it('are found as a slow reference finds them, 10 000 times', () => {
    const random = seededRandom(18);
    const draw = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
    const names = ['a', 'b'];
    const values = ['1', '2'];
    const wants = (): unknown => draw([true, false, '1', '2', ['1', '2']]);
    const paths = ['/', '/x', '/x/y', '/x/y/z'];
    const hosts = ['a.org', '*.org', '*.a.org', 'b.a.org'];
    let asked = 0;
    while (asked < 10_000) {
      const written = Array.from({ length: 1 + random.below(12) }, (_, at) => ({
        name: `r${at}`,
        pool: 'p',
        affinity: [],
        match: {
          path: draw(paths),
          ...(random.below(3) > 0 && { host: draw(hosts) }),
          ...(random.below(4) === 0 && { method: draw(['GET', ['GET', 'POST']]) }),
          ...(random.below(3) === 0 && { header: { [draw(names)]: wants() } }),
          ...(random.below(4) === 0 && { cookie: { [draw(names)]: wants() } }),
          ...(random.below(4) === 0 && { query: { [draw(names)]: wants() } }),
        },
      }));
      const distinct = written.filter(
        ({ match }, at) =>
          written.findIndex((other) => JSON.stringify(other.match) === JSON.stringify(match)) === at,
      );
      const { routes } = readConfig({ pools: { p: { upstreams: ['http://10.0.0.1'] } }, routes: distinct });
      const fast = new RouteTable(routes);
      for (let round = 0; round < 20; round++, asked++) {
        const host = draw(['a.org', 'b.a.org', 'c.b.a.org', 'z.org', 'none']);
        const path = draw(['/', '/x', '/xy', '/x/y', '/x/y/z/1', '/v']);
        const pairs = (): [string, string][] =>
          names.flatMap((name) => (random.below(2) === 0 ? [] : [[name, draw(values)]]));
        const [fields, cookies, query] = [pairs(), pairs(), pairs()];
        const method = draw(['GET', 'POST']);
        const sent = {
          url: `${path}?${query.map((pair) => pair.join('=')).join('&')}`,
          method,
          headers: [
            ...fields,
            ['cookie', cookies.map((pair) => pair.join('=')).join('; ')] as [string, string],
          ],
          nowMs: 0,
        };
        const has = { header: fields, cookie: cookies, query };
        const fits = ({ match }: (typeof distinct)[number]): boolean => {
          const asks = match as unknown as Record<string, unknown> & { path: string };
          const { host: named } = asks as { host?: string };
          if (
            named !== undefined &&
            named !== host &&
            !(named.startsWith('*') && host.endsWith(named.slice(1)))
          )
            return false;
          if (asks.path !== '/' && path !== asks.path && !path.startsWith(`${asks.path}/`)) return false;
          if (asks['method'] !== undefined && ![asks['method']].flat().includes(method)) return false;
          return (['header', 'cookie', 'query'] as const).every((kind) =>
            Object.entries((asks[kind] ?? {}) as Record<string, unknown>).every(([name, want]) => {
              const value = has[kind].find((pair) => pair[0] === name)?.[1];
              return typeof want === 'boolean'
                ? (value !== undefined) === want
                : [want].flat().includes(value);
            }),
          );
        };
        // Host first, then path, then how much is asked, then the order of the file.
        const hostRank = (named: string | undefined): number =>
          named === undefined ? 0 : named.startsWith('*') ? named.length : 1000;
        const demands = ({ match }: (typeof distinct)[number]): number =>
          ['method', 'header', 'cookie', 'query'].filter((kind) => kind in match).length;
        const [best] = distinct
          .filter(fits)
          .sort(
            (a, b) =>
              hostRank((b.match as { host?: string }).host) - hostRank((a.match as { host?: string }).host) ||
              b.match.path.length - a.match.path.length ||
              demands(b) - demands(a),
          );
        expect(fast.find(host, path, plainFacts(sent))?.name, JSON.stringify({ host, sent, distinct })).toBe(
          best?.name,
        );
      }
    }
  });
});
