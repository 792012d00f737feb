import { describe, expect, it } from 'vitest';
import { readConfig } from './config/load.js';
import { configWarnings } from './warnings.js';

const KEY = '-'.repeat(32);

function warningsOf(part: Record<string, unknown>): string[] {
  return configWarnings(readConfig({ keys: [KEY], upstreams: ['http://10.0.0.1:8001'], ...part }));
}

describe('warnings of a configuration', () => {
  it('say nothing of one that is as most are', () => {
    expect(warningsOf({ affinity: ['cookie', { header: 'x-user' }, 'ip'] })).toEqual([]);
    expect(warningsOf({ listen: 80 })).toEqual([]);
  });

  it('name rules that are never asked', () => {
    const [warning, ...others] = warningsOf({ affinity: ['ip', { header: 'x-user' }, 'cookie'] });
    expect(warning).toContain('ip finds a key in every request, so header, cookie below it are never asked');
    expect(others).toEqual([]);
  });

  it('name two rules that write cookies', () => {
    const [warning] = warningsOf({ affinity: [{ cookie: { name: 'a' } }, { cookie: { name: 'b' } }] });
    expect(warning).toContain('cookie a and cookie b both write a cookie');
  });

  it('ask for keys where a rule seals, and only there', () => {
    expect(warningsOf({ keys: [] })).toEqual([expect.stringContaining('no keys are set')]);
    expect(warningsOf({ keys: [], affinity: ['ip'] })).toEqual([]);
  });

  it('know that browsers speak HTTPS to port 443', () => {
    expect(warningsOf({ listen: 443 })).toEqual([expect.stringContaining('listen is port 443')]);
  });

  it.each([
    ['a port alone', 8080, 'http://localhost:8080', true],
    ['a port alone', 8080, 'http://127.0.0.1:8080', true],
    ['a port alone', 8080, 'http://[::1]:8080', true],
    ['port 80', 80, 'http://127.0.0.1', true],
    ['loopback', '127.0.0.1:8080', 'http://localhost:8080', true],
    ['loopback', '127.0.0.1:8080', 'http://10.0.0.1:8080', false],
    ['another port', 8080, 'http://127.0.0.1:8081', false],
    ['another machine', 8080, 'http://203.0.113.7:8080', false],
    ['a port that the system chooses', 0, 'http://127.0.0.1:8080', false],
  ])('find the gateway among its upstreams: %s, %s, %s', (_, listen, url, isSelf) => {
    const warnings = warningsOf({ listen, upstreams: { one: url, two: 'http://10.0.0.1:9' } });
    expect(warnings).toEqual(
      isSelf ? [expect.stringContaining('one of pool default is the gateway itself')] : [],
    );
  });

  it('are few, however often a mistake is made', () => {
    const pools = { api: { upstreams: ['http://10.0.0.1:8001'] } };
    const routes = Array.from({ length: 100 }, (_, at) => ({
      match: { path: `/${at}` },
      pool: 'api',
      affinity: ['ip', { header: 'x-user' }],
    }));
    const warnings = configWarnings(readConfig({ keys: [KEY], pools, routes }));
    expect(warnings).toHaveLength(6);
    expect(warnings.at(-1)).toBe('and 95 more of the same kind.');
  });
});
