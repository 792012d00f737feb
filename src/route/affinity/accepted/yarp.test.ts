import { expect, test } from 'vitest';
import { fakePool } from '../../../testing/fake-pool.js';
import { ruleContract } from '../../../testing/rule-contract.js';
import { acceptCookies } from '../accept-cookies.js';
import { yarp } from './yarp.js';

for (const { name, run } of ruleContract({
  definition: acceptCookies,
  accepted: ['.Yarp.Affinity', { name: '.Yarp.Affinity', upstreams: { d1: 'api-1' } }].map((options) => ({
    formats: [{ yarp: options }],
  })),
  refused: [null, {}, 'a b', { name: 'a', upstreams: {} }, { name: 'a', policy: 'Cookie' }].map(
    (options) => ({ formats: [{ yarp: options }] }),
  ),
  found: { headers: [['cookie', '.Yarp.Affinity=98faf6dcd625457d']] },
}))
  test(`contract: ${name}`, run);

const read = (options: unknown, value: string, pool = fakePool(['api-1', 'api-2'])) =>
  yarp.create(yarp.options.parse(options)).read(value, pool, 0);

// Golden values of YARP's own tests (HashCookieSessionAffinityPolicyTests.cs,
// ArrCookieSessionAffinityPolicyTests.cs).
const HASH_OF_DEST_B = '53c079ed4c377b0d';
const ARR_OF_DEST_B = '920A160FA519353932B655488361A944531650016793761EE7224DE632863B13';

test('both policies are followed, by the upstream’s id', () => {
  for (const value of [HASH_OF_DEST_B, ARR_OF_DEST_B])
    expect(read('.Yarp.Affinity', value, fakePool(['dest-A', 'dest-B']))).toEqual({
      kind: 'bound',
      index: 1,
    });
  for (const value of [HASH_OF_DEST_B, ARR_OF_DEST_B])
    expect(read('.Yarp.Affinity', value, fakePool(['DEST-b', 'dest-B']))).toEqual({
      kind: 'bound',
      index: 0,
    });
  for (const value of [HASH_OF_DEST_B, ARR_OF_DEST_B])
    expect(read('.Yarp.Affinity', value)).toEqual({ kind: 'gone' });
});

test('or by YARP’s own names', () => {
  const options = {
    name: '.Yarp.Affinity',
    upstreams: { 'dest-a': 'api-1', 'Dest-B': 'api-2', 'dest-c': 'api-3' },
  };
  for (const value of [HASH_OF_DEST_B, ARR_OF_DEST_B])
    expect(read(options, value)).toEqual({ kind: 'bound', index: 1 });
  for (const value of [HASH_OF_DEST_B, ARR_OF_DEST_B])
    expect(read(options, value, fakePool(['api-1']))).toEqual({ kind: 'gone' });
  expect(read(options, '53c079ed4c377b0e')).toEqual({ kind: 'unreadable' });
});

test('what is no hash of theirs is unreadable', () => {
  for (const value of [
    'x',
    HASH_OF_DEST_B.toUpperCase(),
    ARR_OF_DEST_B.toLowerCase(),
    `${HASH_OF_DEST_B}0`,
    'dest-B',
  ])
    expect(read('.Yarp.Affinity', value)).toEqual({ kind: 'unreadable' });
});
