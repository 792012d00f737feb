import { describe, expect, it } from 'vitest';
import type { CallKey } from './key.js';
import { createClient } from './client.js';
import { haproxyConsistent, nginxConsistent } from '../route/placement/index.js';

const upstreams = { 'api-1': 'http://127.0.0.1:3001' };
const invalid = (message: string) =>
  expect.objectContaining({ code: 'STICKY_CLIENT_INVALID', message: expect.stringContaining(message) });

describe('options', () => {
  it.each<[object, string]>([
    [{}, "Write upstreams: { 'api-1'"],
    [{ upstreams: {} }, 'There are no upstreams'],
    [{ upstreams: ['http://a'] }, 'Write upstreams'],
    [{ upstreams: { a: 'http://user:pass-secret@a' } }, 'The upstream "a" has no usable URL'],
    [{ upstreams: { a: 'http://a/path' } }, 'no usable URL'],
    [{ upstreams: { a: 'a:3001' } }, 'no usable URL'],
    [{ upstreams: { a: null } }, 'no usable URL'],
    [
      { upstreams: { a: { url: 'http://a', wieght: 2 } } },
      'The upstream "a" can\'t have wieght. It may have: url, weight',
    ],
    [{ upstreams, placement: 'rendevous' }, 'rendezvous, ring, maglev'],
    [{ upstreams, placement: { ring: {}, maglev: {} } }, 'rendezvous, ring, maglev'],
    [{ upstreams, placement: { ring: { points: 0 } } }, 'placement ring.points'],
    [{ upstreams, deadline: '2 seconds' }, '`deadline` is not a duration'],
    [{ upstreams, deadline: '2d' }, '`deadline` is 172800000 ms. Write one from 1 to 86400000 ms'],
    [{ upstreams, answerTime: '0s' }, '`answerTime` is 0 ms. Write one from 1'],
    [{ upstreams, tries: 0 }, 'tries must be a whole number from 1 to 10'],
    [{ upstreams, passive: { maxFails: 1.5 } }, 'passive.maxFails'],
    [{ upstreams, passive: { fails: 1 } }, "`passive` can't have fails"],
    [{ upstreams, onFailure: 'rehome' }, 'onFailure'],
    [{ upstreams, retries: 3 }, "can't have retries. It may have: upstreams, placement"],
  ])('%j is refused', (options, message) => {
    expect(() => createClient(options as never)).toThrow(invalid(message));
    expect(() => createClient(options as never)).not.toThrow(/secret/);
  });

  it.each([
    ['nginxConsistent', nginxConsistent, (at: number) => ({ address: `app${at}` })],
    ['haproxyConsistent', haproxyConsistent, (at: number) => ({ haproxyId: 70 + at })],
  ] as const)('%s knows upstreams by what the other balancer calls them', (placement, placed, more) => {
    const keys = Array.from({ length: 50 }, (_, at) => `user-${at}`);
    const owners = (extra: (at: number) => object): string[] => {
      const client = createClient({
        placement,
        upstreams: Object.fromEntries(
          [1, 2, 3].map((at) => [`api-${at}`, { url: `http://10.0.0.${at}`, ...extra(at) }]),
        ),
      });
      return keys.map((key) => client.owner(key)!);
    };
    const expected = placed([1, 2, 3].map((at) => ({ id: `api-${at}`, ...more(at) })));
    expect(owners(more)).toEqual(keys.map((key) => expected.get(key)));
    expect(owners(() => ({}))).not.toEqual(owners(more));
  });

  it("a weight or an id that can't be placed is refused by the placement", () => {
    expect(() => createClient({ upstreams: { a: { url: 'http://a', weight: -1 } } })).toThrow(
      expect.objectContaining({ code: 'STICKY_PLACEMENT_INVALID' }),
    );
  });
});

describe("what can't be sent is refused before anybody is asked", () => {
  const client = createClient({
    upstreams,
    placement: 'ring',
    passive: { maxFails: 0 },
    fetch: () => Promise.reject(new Error('asked')),
  });

  it.each<[unknown, string]>([
    ['', 'is empty'],
    [[], 'must be text'],
    [['a', ''], 'is empty'],
    [42, 'String(id)'],
    [undefined, 'must be text'],
    ['k'.repeat(17_000), 'has 17000 bytes'],
  ])('the key %s', async (key, message) => {
    await expect(client.fetch(key as CallKey, '/')).rejects.toThrow(invalid(message));
    expect(() => client.owner(key as CallKey)).toThrow(invalid(message));
  });

  it.each([
    ['users/42', 'begins with a slash'],
    ['http://elsewhere.example/', 'begins with a slash'],
    ['/users/../admin', '. or ..'],
    ['/users/./7', '. or ..'],
    ['/users/%2e%2E/admin', '. or ..'],
    ['/users/.%2e?x', '. or ..'],
    ['/users/..', '. or ..'],
    ['/users/\\..\\admin', 'backslash'],
    ['/users/.\t./admin', 'control character'],
    ['/users/4 2', 'space'],
    ['/users/42#x', '#'],
    [`/${'x'.repeat(17_000)}`, 'at most 16384'],
  ])('the path %s', async (path, message) => {
    await expect(client.fetch('42', path)).rejects.toThrow(invalid(message));
  });

  it.each(['/', '//x', '/a..b/...', '/x?next=/../y', '/%2e%2e%2e', '/é'])(
    'but not the path %s',
    async (path) => {
      await expect(client.fetch('42', path)).rejects.toThrow('gave no whole answer');
    },
  );
});
