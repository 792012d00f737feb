import assert from 'node:assert/strict';
import type { Member, Placement } from '../route/placement/placement.js';
import type { ContractCase } from './contract-case.js';
import { seededRandom, shuffled } from './seeded-random.js';

export interface AgreementPromises {
  /** Makes keys of the kind that it places, such as addresses. Any text unless said otherwise. */
  readonly key?: (random: { below(limit: number): number }) => string;
  /** The weights that it takes; 1 to 10 unless said otherwise. */
  readonly weightMax?: number;
  /** True unless said otherwise: weights such as 1.5 are refused. */
  readonly isWholeWeighted?: boolean;
  readonly seed?: number;
}

const KEYS = 2000;

/**
 * What every placement keeps that agrees with another balancer, as cases for any test runner. Not among it,
 * since those balancers don't promise it: that order doesn't matter, that changes move few keys, that shares
 * follow weights, that every member is ranked.
 */
export function agreementContract(
  create: (members: readonly Member[]) => Placement,
  { key, weightMax = 10, isWholeWeighted = true, seed = 1 }: AgreementPromises = {},
): ContractCase[] {
  const random = seededRandom(seed);
  const keys = Array.from({ length: KEYS }, () => key?.(random) ?? random.id());
  const list = (count: number): Member[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `api-${i + 1}`,
      weight: 1 + random.below(weightMax),
      url: `http://10.0.0.${i + 1}:8080`,
    }));
  const twelve = list(12);
  const said = `(seed ${seed})`;
  const masks = (): boolean[][] =>
    Array.from({ length: 12 }, (_, least) =>
      twelve.map((_, index) => index === least || random.below(3) === 0),
    );
  const answers = (placement: Placement): unknown[] =>
    keys.map((text) => [placement.owner(text), ...Array.from(placement.rank(text))]);

  /** Asserts that the answers hang together and name only these. */
  const assertSound = (placement: Placement, isUsable: readonly boolean[]): void => {
    for (const text of keys) {
      const rank = Array.from(placement.rank(text));
      assert.equal(placement.owner(text), rank[0] ?? -1, `its owner is the first of its ranking ${said}`);
      assert.equal(new Set(rank).size, rank.length, `nobody is ranked twice ${said}`);
      for (const index of rank)
        assert.ok(isUsable[index] === true, `${index} is ranked and can't be used ${said}`);
    }
  };

  return [
    {
      name: 'without members there is no owner and nothing to rank',
      run() {
        for (const empty of [create([]), create(twelve).withMembers([])]) {
          for (const text of keys.slice(0, 20))
            assert.deepEqual([empty.owner(text), empty.rank(text).length], [-1, 0]);
          assert.deepEqual(answers(empty.withMembers(twelve)), answers(create(twelve)));
        }
      },
    },
    {
      name: 'a single member owns every key that is placed',
      run() {
        const one = create(list(1));
        for (const text of keys) assert.deepEqual([one.owner(text), Array.from(one.rank(text))], [0, [0]]);
      },
    },
    {
      name: 'any bytes can be asked for',
      run() {
        for (const placement of [create(twelve), create(list(1)), create([])]) {
          for (const text of ['', 'x'.repeat(10_000), '\u0000\u00ff\u0080'])
            assert.equal(placement.owner(text), placement.rank(text)[0] ?? -1);
        }
      },
    },
    {
      name: 'members are kept as given, and indexes count in that order',
      run() {
        assert.deepEqual(create(twelve).members, twelve);
        const others = list(5);
        assert.deepEqual(create(twelve).withMembers(others).members, others);
      },
    },
    {
      name: 'a key ranks nobody twice, its owner first',
      run() {
        assertSound(
          create(twelve),
          twelve.map(() => true),
        );
      },
    },
    ...(create(twelve).among === undefined
      ? []
      : [
          {
            name: 'among some, only those are named',
            run() {
              for (const mask of masks()) assertSound(among(create(twelve), mask), mask);
              const nobody = among(create(twelve), []);
              for (const text of keys.slice(0, 20))
                assert.deepEqual([nobody.owner(text), nobody.rank(text).length], [-1, 0]);
            },
          },
          {
            name: 'among everybody, it is as it was',
            run() {
              assert.deepEqual(
                answers(
                  among(
                    create(twelve),
                    twelve.map(() => true),
                  ),
                ),
                answers(create(twelve)),
              );
            },
          },
          {
            name: 'who can be used is said anew each time, and forgotten with other members',
            run() {
              const [one, other] = masks();
              const placement = create(twelve);
              assert.deepEqual(
                answers(among(among(placement, one!), other!)),
                answers(among(placement, other!)),
              );
              assert.deepEqual(answers(among(placement, one!).withMembers(twelve)), answers(placement));
            },
          },
        ]),
    {
      name: 'changed members give what a new placement over them gives, by any way there',
      run() {
        let walked = create(twelve);
        for (let step = 0; step < 12; step++) {
          const others = shuffled(
            walked.members.filter(() => random.below(4) > 0),
            random,
          );
          const reweighed = others.map((member) =>
            random.below(5) === 0 ? { ...member, weight: 1 + random.below(weightMax) } : member,
          );
          walked = walked.withMembers([
            ...reweighed,
            { id: `step-${step}`, weight: 1, url: `http://10.0.1.${step}:8080` },
          ]);
          assert.deepEqual(answers(walked), answers(create(walked.members)), said);
        }
      },
    },
    {
      name: 'a placement stays as it was when another is made from it',
      run() {
        const placement = create(twelve);
        const before = answers(placement);
        placement.withMembers(twelve.slice(3));
        placement.among?.((index) => index < 2);
        assert.deepEqual(answers(placement), before);
      },
    },
    ...(isWholeWeighted
      ? [
          {
            name: 'a weight that is not whole is refused',
            run() {
              for (const weight of [0.5, 1.5])
                assert.throws(() => create([{ id: 'a', weight }]), { code: 'STICKY_PLACEMENT_INVALID' });
            },
          },
        ]
      : []),
  ];
}

function among(placement: Placement, isUsable: readonly boolean[]): Placement {
  return placement.among!((index) => isUsable[index] === true);
}
