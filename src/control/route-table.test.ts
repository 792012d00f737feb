import { describe, expect, it } from 'vitest';
import { RouteTable } from './route-table.js';

function table(...routes: [name: string, hosts: string[], path: string][]) {
  const found = new RouteTable(routes.map(([name, hosts, path]) => ({ name, hosts, path })));
  return (host: string, path: string): string | undefined => found.find(host, path)?.name;
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
    const find = table(['wide', ['*.example.org'], '/a/b'], ['any', [], '/']);
    const dots = '.'.repeat(15_000);
    const slashes = '/'.repeat(15_000);
    for (let round = 0; round < 10_000; round++) expect(find(dots, slashes)).toBe('any');
  }, 5000);
});
