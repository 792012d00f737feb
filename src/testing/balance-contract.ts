import assert from 'node:assert/strict';
import type { Balance, BalanceFacts } from '../route/balance/balance.js';
import type { Condition, PoolSnapshot } from '../route/pool/snapshot.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { ContractCase } from './contract-case.js';
import { seededRandom, shuffled } from './seeded-random.js';

/** An upstream as a balance sees it. */
export interface BalanceSubject {
  readonly id: string;
  readonly weight?: number;
  readonly draining?: boolean;
  readonly isOut?: boolean;
  readonly condition?: Condition;
  readonly load?: number;
  readonly isTried?: boolean;
}

/** What a pick may look at, for tests. Loads can be changed between picks. */
export function balanceFacts(
  subjects: readonly BalanceSubject[],
  random = seededRandom(1),
): BalanceFacts & { readonly load: number[] } {
  const upstreams: Upstream[] = subjects.map(({ id, weight = 1, draining = false }) => ({
    id,
    url: `http://${id}`,
    weight,
    draining,
  }));
  const pool: PoolSnapshot = {
    version: 1,
    upstreams,
    awaySince: subjects.map(() => 0),
    conditions: subjects.map(({ condition = 'up' }) => condition),
    standings: subjects.map(({ isOut = false, draining = false }) =>
      isOut ? 'out' : draining ? 'leaving' : 'in',
    ),
    placement: {
      name: 'none',
      members: [],
      owner: () => -1,
      rank: () => [],
      withMembers: (members) => ({ ...pool.placement, members }),
    },
    indexOf: (id) => upstreams.findIndex((upstream) => upstream.id === id),
  };
  const load = subjects.map((subject) => subject.load ?? 0);
  return { pool, load, random, tried: (index) => subjects[index]!.isTried === true };
}

/**
 * What every balance keeps, as cases for any test runner. `create` makes a balance that has not picked yet.
 */
export function balanceContract(
  create: () => Balance,
  { seed = 1 }: { readonly seed?: number } = {},
): ContractCase[] {
  const random = seededRandom(seed);
  const said = `(seed ${seed})`;
  const closed: readonly BalanceSubject[] = [
    { id: 'down', condition: 'down' },
    { id: 'draining', draining: true },
    { id: 'out', isOut: true },
    { id: 'tried', isTried: true },
    { id: 'heavy and down', condition: 'down', weight: 100 },
  ];
  const pickId = (balance: Balance, facts: BalanceFacts): string | undefined =>
    facts.pool.upstreams[balance.pick(facts)]?.id;

  /**
   * Picks with every request still running a while, so that loads differ; answers how often each id was
   * picked.
   */
  const run = (
    balance: Balance,
    facts: BalanceFacts & { readonly load: number[] },
    picks: number,
  ): Map<string, number> => {
    const counts = new Map<string, number>();
    const running: number[] = [];
    for (let i = 0; i < picks; i++) {
      const index = balance.pick(facts);
      assert.ok(index >= 0 && index < facts.pool.upstreams.length, `picked ${index} ${said}`);
      const { id } = facts.pool.upstreams[index]!;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      facts.load[index]!++;
      running.push(index);
      if (running.length > 40) facts.load[running.splice(random.below(running.length), 1)[0]!]!--;
    }
    return counts;
  };

  return [
    {
      name: 'picks nothing from a pool that is empty, down, draining, out or tried',
      run() {
        assert.equal(create().pick(balanceFacts([])), -1);
        for (const one of closed) assert.equal(create().pick(balanceFacts([one])), -1, one.id);
        assert.equal(create().pick(balanceFacts(closed)), -1);
      },
    },
    {
      name: 'picks the only open upstream, wherever it stands, whatever its load',
      run() {
        const balance = create();
        for (let round = 0; round < 100; round++) {
          const facts = balanceFacts(
            shuffled([...closed, { id: 'open', load: 1000, weight: 0.1 }], random),
            random,
          );
          assert.equal(pickId(balance, facts), 'open', said);
        }
      },
    },
    {
      name: 'lets a request try an upstream whose time-out has passed',
      run() {
        assert.equal(
          pickId(create(), balanceFacts([...closed, { id: 'waiting', condition: 'trial' }])),
          'waiting',
        );
      },
    },
    {
      name: 'uses every open upstream by weight and no other, over shuffled pools',
      run() {
        for (let round = 0; round < 20; round++) {
          const open = Array.from({ length: 2 + random.below(6) }, (_, i) => ({
            id: `api-${i}`,
            weight: 1 + random.below(3),
          }));
          const total = open.reduce((sum, { weight }) => sum + weight, 0);
          const picks = 300 * total;
          const counts = run(create(), balanceFacts(shuffled([...closed, ...open], random), random), picks);
          assert.deepEqual([...counts.keys()].sort(), open.map(({ id }) => id).sort(), said);
          for (const { id, weight } of open) {
            const ratio = counts.get(id)! / (300 * weight);
            assert.ok(
              ratio > 0.75 && ratio < 1.25,
              `${id} was picked ${ratio.toFixed(2)} times its share ${said}`,
            );
          }
        }
      },
    },
    {
      name: 'spreads requests over an idle pool too, whatever stands first',
      run() {
        const balance = create();
        const counts = new Map<string, number>();
        const facts = balanceFacts(
          shuffled(['a', 'b', 'c', 'd'], random).map((id) => ({ id })),
          random,
        );
        for (let i = 0; i < 4000; i++) {
          const id = pickId(balance, facts)!;
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        for (const [id, count] of counts)
          assert.ok(count > 750 && count < 1250, `${id} was picked ${count} times of 4000 ${said}`);
        assert.equal(counts.size, 4);
      },
    },
    {
      name: 'goes on when the pool grows, shrinks or changes its order between picks',
      run() {
        const balance = create();
        for (let round = 0; round < 300; round++) {
          const ids = shuffled(['a', 'b', 'c', 'd', 'e', 'f'], random).slice(0, random.below(7));
          const facts = balanceFacts(
            ids.map((id) => ({ id, condition: random.below(4) === 0 ? 'down' : 'up' })),
            random,
          );
          const index = balance.pick(facts);
          const isAnyOpen = facts.pool.conditions.includes('up');
          assert.equal(index !== -1, isAnyOpen, said);
          if (isAnyOpen) assert.equal(facts.pool.conditions[index], 'up', said);
        }
      },
    },
  ];
}
