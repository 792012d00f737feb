import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { StickyError } from '../base/errors.js';
import { standardKinds } from '../route/kinds.js';
import type { Members } from '../route/pool/pool-event.js';
import type { SourceDefinition, SourceListener } from '../route/pool/source.js';
import type { Upstream } from '../route/pool/upstream.js';
import { createManualClock } from '../testing/manual-clock.js';
import { seededRandom } from '../testing/seeded-random.js';
import { readConfig } from './config/load.js';
import type { PoolConfig } from './config/config.js';
import { Membership } from './membership.js';
import type { MembersChange } from './pool-members.js';

const at = (id: string, more: Partial<Upstream> = {}): Upstream => ({
  id,
  url: `http://${id}`,
  weight: 1,
  draining: false,
  ...more,
});

/** A membership whose sources say what a test says. */
function ground() {
  const clock = createManualClock();
  const listeners = new Map<string, SourceListener>();
  const stopped: string[] = [];
  const told: SourceDefinition<{ name: string }> = {
    name: 'told',
    options: z.strictObject({ name: z.string() }),
    subject: ({ name }) => name,
    create: ({ name }) => ({
      start(listener) {
        listeners.set(name, listener);
        return { stop: () => void stopped.push(name) };
      },
    }),
  };
  const kinds = standardKinds.with({ sources: [told] });
  const down = new Set<string>();
  const changes: { change: MembersChange; why: string }[] = [];
  const problems: (string | undefined)[] = [];
  const refused: string[] = [];
  const held: string[][] = [];
  let members: Members = { upstreams: [] };
  let changed = 0;
  let membersMax = Infinity;
  const membership = new Membership(
    {
      changed(_, now) {
        if (now.upstreams.length > membersMax) throw new StickyError('STICKY_POOL_INVALID', 'too many');
        changed++;
        members = now;
      },
      refused: (_, error) => void refused.push((error as Error).message),
      hold: (_, ids) => void held.push([...ids]),
      isUp: (_, id) => !down.has(id),
      told: (_, change, why) => void changes.push({ change, why }),
      problem: (_pool, _source, problem) => void problems.push(problem),
    },
    { clock, random: seededRandom(1), kinds },
  );
  const poolOf = (config: object): PoolConfig => readConfig(config, { kinds }).pools[0]!;
  return {
    clock,
    membership,
    changes,
    problems,
    refused,
    stopped,
    down,
    pool: (...names: string[]) => poolOf({ sources: names.map((name) => ({ told: { name } })) }),
    poolOf,
    find: (name: string, upstreams: readonly Upstream[], unfit?: readonly string[]) =>
      listeners.get(name)!.found({ upstreams, down: unfit }),
    fail: (name: string, why: string) => listeners.get(name)!.failed(why),
    limit: (max: number) => void (membersMax = max),
    /** `a b(leaving)` */
    now: () =>
      members.upstreams
        .map(({ id }, index) => {
          const standing = members.standings?.[index] ?? 'in';
          return standing === 'in' ? id : `${id}(${standing})`;
        })
        .join(' '),
    urls: () => members.upstreams.map(({ url }) => url).join(' '),
    held: () => held.at(-1)?.join(' '),
    changedTimes: () => changed,
  };
}

describe('a membership', () => {
  it('joins what is listed, as written, and what sources say, by id', () => {
    const g = ground();
    g.membership.follow([
      g.poolOf({
        upstreams: { z: 'http://z', a: 'http://a' },
        sources: [{ told: { name: 'one' } }, { told: { name: 'two' } }],
      }),
    ]);
    expect(g.now()).toBe('z a');
    g.find('one', [at('d'), at('c'), at('a', { url: 'http://other' })]);
    g.find('two', [at('b'), at('e', { url: 'http://c' })]);
    expect(g.now()).toBe('z a b c d');
    expect(g.membership.originOf('default', 'a')).toBeUndefined();
    expect(g.membership.originOf('default', 'c')).toBe('told one');
    expect(g.membership.originOf('default', 'b')).toBe('told two');
  });

  it('takes the first answer at once, and makes one change of a burst after it', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a')]);
    expect(g.now()).toBe('a');
    const before = g.changedTimes();
    for (let round = 0; round < 100; round++) g.find('one', [at('a'), at(`b${round}`)]);
    expect(g.now()).toBe('a');
    g.clock.advance(200);
    expect(g.now()).toBe('a b99');
    expect(g.changedTimes()).toBe(before + 1);
    expect(g.changes.at(-1)).toEqual({
      change: { came: ['b99'], leaving: [], back: [], gone: [], changed: [] },
      why: 'told one',
    });
    g.find('one', [at('b99'), at('a')]);
    g.clock.advance(1000);
    expect(g.changedTimes()).toBe(before + 1);
  });

  it('keeps all through failures, and tells each problem once and its end', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a')]);
    for (let round = 0; round < 5; round++) g.fail('one', 'no answer');
    g.fail('one', 'refused');
    g.clock.advance(24 * 3_600_000);
    expect(g.now()).toBe('a');
    g.find('one', [at('a')]);
    expect(g.problems).toEqual(['no answer', 'refused', undefined]);
    expect(g.membership.sources('default')).toEqual([
      {
        source: 'told one',
        upstreams: 1,
        answeredAtMs: g.clock.now(),
        answers: 2,
        failures: 6,
      },
    ]);
  });

  it('lets an upstream that is no longer named leave while it is healthy, for its time', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a'), at('b'), at('c')]);
    g.find('one', [at('a')]);
    g.clock.advance(200);
    expect(g.now()).toBe('a b(leaving) c(leaving)');
    expect(g.membership.absentMs('default', 'b')).toBe(0);
    g.down.add('c');
    g.clock.advance(1000);
    expect(g.now()).toBe('a b(leaving)');
    g.find('one', [at('a'), at('b')]);
    g.clock.advance(200);
    expect(g.now()).toBe('a b');
    expect(g.changes.at(-1)!.change.back).toEqual(['b']);
    g.find('one', [at('a')]);
    g.clock.advance(200 + 599_000);
    expect(g.now()).toBe('a b(leaving)');
    g.clock.advance(2000);
    expect(g.now()).toBe('a');
    expect(g.changes.at(-1)).toMatchObject({
      change: { gone: ['b'] },
      why: expect.stringContaining('absent'),
    });
  });

  it('drops an upstream that is no longer named at once when its URL or id is given to another', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('pod-1', { url: 'http://10.0.0.1' }), at('pod-2', { url: 'http://10.0.0.2' })]);
    g.find('one', [at('pod-3', { url: 'http://10.0.0.1' }), at('pod-2', { url: 'http://10.0.0.9' })]);
    g.clock.advance(200);
    expect(g.now()).toBe('pod-2 pod-3');
    expect(g.urls()).toBe('http://10.0.0.9 http://10.0.0.1');
    expect(g.changes.at(-1)!.change).toMatchObject({ came: ['pod-3'], gone: ['pod-1'], changed: ['pod-2'] });
  });

  it('holds down what its source says can not serve', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a'), at('b')], ['b']);
    expect(g.held()).toBe('b');
    g.find('one', [at('a'), at('b')]);
    g.clock.advance(200);
    expect(g.held()).toBe('');
  });

  it("keeps an operator's word while the upstream is there", () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a'), at('b')]);
    g.membership.say('default', at('b'), { standing: 'out' });
    g.find('one', [at('a')]);
    g.clock.advance(200);
    expect(g.now()).toBe('a b(out)');
    g.down.add('b');
    g.clock.advance(1000);
    g.down.clear();
    g.find('one', [at('a'), at('b')]);
    g.clock.advance(200);
    expect(g.now()).toBe('a b');
  });

  it.each(['before', 'while'])('keeps a drain that was said %s its source named it no more', (said) => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a'), at('b')]);
    const drain = (): void => g.membership.say('default', at('b'), { standing: 'leaving' });
    if (said === 'before') drain();
    g.find('one', [at('a')]);
    g.clock.advance(200);
    if (said === 'while') drain();
    expect(g.now()).toBe('a b(leaving)');
    g.clock.advance(2000);
    g.find('one', [at('a'), at('b')]);
    g.clock.advance(200);
    expect(g.now()).toBe('a b(leaving)');
    expect(g.membership.words).toMatchObject([{ upstream: 'b', standing: 'leaving' }]);
    g.membership.say('default', at('b'), { standing: 'in' });
    expect([g.now(), g.membership.words]).toEqual(['a b', []]);
  });

  it('leaves out what can be no upstream, and says so', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    const odd = [at('a'), at('a b'), at('c', { url: 'http://c/path' }), at('d', { weight: 0 })];
    g.find('one', [...odd, at('e', { url: 'http://a' }), at('a', { url: 'http://f' })]);
    expect(g.now()).toBe('a');
    expect(g.problems[0]).toContain('is left out');
    g.find(
      'one',
      Array.from({ length: 5000 }, (_, place) => at(`api-${place}`)),
    );
    g.clock.advance(200);
    expect(
      g
        .now()
        .split(' ')
        .filter((each) => !each.includes('(')),
    ).toHaveLength(4096);
    expect(g.now().split(' ')).toHaveLength(4096);
    expect(g.problems.at(-1)).toContain('at most 4096');
  });

  it('leaves the pool as it was when the members can not be', () => {
    const g = ground();
    g.membership.follow([g.pool('one')]);
    g.find('one', [at('a')]);
    g.limit(1);
    g.find('one', [at('a'), at('b')]);
    g.clock.advance(200);
    expect(g.refused).toEqual(['too many']);
    expect(g.now()).toBe('a');
  });

  it('waits for first answers up to a bound, and says which are missing', async () => {
    const g = ground();
    g.membership.follow([g.pool('one', 'two')]);
    const both = g.membership.answered(5000);
    g.find('one', [at('a')]);
    g.find('two', []);
    expect(await both).toEqual([]);
    const h = ground();
    h.membership.follow([h.pool('one', 'two')]);
    const late = h.membership.answered(5000);
    h.find('one', [at('a')]);
    h.fail('two', 'no answer');
    h.clock.advance(5000);
    expect(await late).toEqual(['told two']);
    expect(h.now()).toBe('a');
  });

  describe('at a reload', () => {
    it('goes on with a source that is the same, and with all that it knew', async () => {
      const g = ground();
      g.membership.follow([g.pool('one')]);
      g.find('one', [at('a'), at('b')]);
      g.find('one', [at('a')]);
      g.clock.advance(200);
      const next = g.poolOf({ sources: [{ told: { name: 'one' } }], balance: 'roundRobin' });
      await g.membership.prepare([next], 5000);
      expect(g.membership.of(next).upstreams.map(({ id }) => id)).toEqual(['a', 'b']);
      g.membership.follow([next]);
      expect(g.stopped).toEqual([]);
      expect(g.now()).toBe('a b(leaving)');
    });

    it('has what there was until a new source has answered, and then what that says', async () => {
      const g = ground();
      g.membership.follow([g.pool('one')]);
      g.find('one', [at('a')]);
      const next = g.pool('two');
      const prepared = g.membership.prepare([next], 5000);
      g.clock.advance(5000);
      await prepared;
      g.membership.follow([next]);
      expect(g.stopped).toEqual(['one']);
      expect(g.now()).toBe('a');
      g.find('two', [at('b')]);
      expect(g.now()).toBe('b');
      expect(g.changes.at(-1)!.change).toMatchObject({ came: ['b'], gone: ['a'] });
    });

    it('starts with the answer of a new source when that comes in time', async () => {
      const g = ground();
      g.membership.follow([g.poolOf({ upstreams: { a: 'http://a' } })]);
      const next = g.pool('one');
      const prepared = g.membership.prepare([next], 5000);
      g.find('one', [at('b')]);
      await prepared;
      expect(g.now()).toBe('a');
      g.membership.follow([next]);
      expect(g.now()).toBe('b');
    });

    it('that comes to nothing ends the sources that it started, and no others', async () => {
      const g = ground();
      g.membership.follow([g.pool('one')]);
      g.find('one', [at('a')]);
      const prepared = g.membership.prepare([g.pool('one', 'two')], 5000);
      g.find('two', [at('b')]);
      await prepared;
      g.membership.abandon();
      expect(g.stopped).toEqual(['two']);
      expect(g.now()).toBe('a');
    });
  });
});
