import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { RuleDefinition } from '../route/affinity/definition.js';
import { GONE, NOTHING, type Rule } from '../route/affinity/rule.js';
import { ruleContract } from './rule-contract.js';

/** Names the cases that a rule fails, when one part of a good rule is replaced. */
async function failures(
  change: Partial<Rule> = {},
  options: z.ZodType = z.strictObject({
    onFailure: z.enum(['rehome', 'borrow', 'reject']).default('rehome'),
  }),
): Promise<string[]> {
  const definition: RuleDefinition = {
    name: 'good',
    options,
    create: () => ({
      name: 'good',
      subject: 'good',
      onFailure: 'rehome',
      find(facts, pool) {
        const id = facts.cookies('good')[0];
        if (id === undefined) return NOTHING;
        const index = pool.indexOf(id);
        return index === undefined ? GONE : { kind: 'bound', index };
      },
      bind: (_, pool, index) => `good=${pool.upstreams[index]!.id}; Path=/`,
      ...change,
    }),
  };
  const failed: string[] = [];
  for (const { name, run } of ruleContract({ definition, accepted: [{}], refused: ['x'] })) {
    try {
      await run();
    } catch {
      failed.push(name);
    }
  }
  return failed;
}

describe('the contract for rules', () => {
  test('passes a good rule', async () => expect(await failures()).toEqual([]));

  test.each<[string, Partial<Rule>, string]>([
    [
      'throws at odd requests',
      { find: (facts) => (JSON.parse(facts.headers.get('cookie') ?? '0') as 0, NOTHING) },
      'makes something of any request, and never throws',
    ],
    [
      'binds everybody to the first upstream',
      { find: (facts) => (facts.cookies('good').length === 0 ? NOTHING : { kind: 'bound', index: 0 }) },
      'finds what it has bound',
    ],
    [
      'goes by place and not by id',
      { find: (facts) => (facts.cookies('good').length === 0 ? NOTHING : { kind: 'bound', index: 1 }) },
      'says that a binding is gone when its upstream is; all others, and keys, stay as they are',
    ],
    [
      'finds a key in everything',
      { find: () => ({ kind: 'keyed', key: 'x' }) },
      'finds nothing where there is nothing',
    ],
    [
      'waits on every request',
      { prepare: () => Promise.resolve() },
      'finds the same again, and does not wait twice',
    ],
    [
      'breaks lines',
      { bind: (_, pool, index) => `good=${pool.upstreams[index]!.id};\r\nx: y` },
      'finds what it has bound',
    ],
    [
      'looks at health',
      {
        find: (facts, pool) =>
          facts.cookies('good').length > 0 && pool.conditions[0] === 'up'
            ? { kind: 'bound', index: 1 }
            : NOTHING,
      },
      'finds the same whatever the order and the health of the upstreams',
    ],
  ])('fails a rule that %s', async (_, change, expected) =>
    expect(await failures(change)).toContain(expected),
  );

  test('fails a rule that takes any options', async () => {
    expect(await failures({}, z.looseObject({}))).toContain(
      'refuses other options, each with a message that says what to write',
    );
  });
});
