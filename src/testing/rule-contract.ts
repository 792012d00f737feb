import assert from 'node:assert/strict';
import type { RuleContext, RuleDefinition } from '../route/affinity/definition.js';
import type { Found, Rule } from '../route/affinity/rule.js';
import type { RequestFacts } from '../route/facts.js';
import { plainFacts, type PlainRequest } from '../route/plain-facts.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';
import type { ContractCase } from './contract-case.js';
import { fakePool } from './fake-pool.js';
import { seededRandom } from './seeded-random.js';

/** What the suite must know of a rule to put it through the contract. */
export interface RuleSubject {
  readonly definition: RuleDefinition<any>;
  /** Ways to write its options that must work; the first is used throughout. */
  readonly accepted: readonly unknown[];
  /** Ways that must be refused. */
  readonly refused: readonly unknown[];
  /**
   * A request in which the rule, with its first options, finds something. Left out by a rule that only reads
   * what it wrote.
   */
  readonly found?: Omit<PlainRequest, 'nowMs'>;
  /** Hands out token verifiers; needed by rules that ask for one. */
  readonly tokenVerifier?: RuleContext['tokenVerifier'];
}

const NOW_MS = 1_700_000_000_000;
const UPSTREAMS = ['api-1', 'api-2', 'api-3'];

/** Hostile or odd values, tried in every place a rule may look at. */
const ODD_VALUES = [
  '',
  ' ',
  '0',
  'null',
  '=',
  ';',
  ',',
  '"',
  '"a',
  '%',
  '%zz',
  '%00',
  '%E0%A4%A',
  '../..',
  'a\tb',
  '\u0000',
  '\u007f',
  '\u0080\u00ff',
  '😀',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
  'Bearer',
  'Bearer ',
  'Bearer a.b.c',
  'Bearer ..',
  'Bearer e30.e30.',
  'Bearer W10.W10.W10',
  '1.2.3',
  '::',
  '%',
  'A'.repeat(80),
  'AQ'.repeat(40),
  'x'.repeat(20_000),
  'a=b; '.repeat(2000),
];

/**
 * What every rule promises the router, as cases for any test runner:
 * `for (const { name, run } of ruleContract(subject)) test(name, run);`
 */
export function ruleContract(subject: RuleSubject): ContractCase[] {
  const { definition } = subject;
  const make = (written: unknown = subject.accepted[0]) => create(subject, written);
  const pool = fakePool(UPSTREAMS);
  return [
    {
      name: 'accepts every way its options are meant to be written',
      run() {
        for (const written of subject.accepted) {
          const rule = make(written);
          assert.equal(rule.name, definition.name);
          assert.ok(['rehome', 'borrow', 'reject'].includes(rule.onFailure), 'onFailure has a default');
        }
      },
    },
    {
      name: 'refuses other options, each with a message that says what to write',
      run() {
        const unknown =
          typeof subject.accepted[0] === 'object'
            ? [
                { ...subject.accepted[0], noSuchOption: 1 },
                { ...subject.accepted[0], onFailure: 'retry' },
              ]
            : [];
        for (const written of [...subject.refused, ...unknown, 7, []]) {
          const parsed = definition.options.safeParse(written);
          assert.ok(!parsed.success, `accepted ${JSON.stringify(written)}`);
          for (const { message } of parsed.error.issues) assert.match(message, /\w/);
        }
      },
    },
    {
      name: 'finds nothing where there is nothing',
      async run() {
        const found = await ask(make(), plainFacts({ nowMs: NOW_MS }), pool);
        assert.deepEqual(found, { kind: 'nothing' });
      },
    },
    {
      name: 'finds the same again, and does not wait twice',
      async run() {
        const rule = make();
        const facts = requestFor(subject, rule, pool);
        const first = await ask(rule, facts, pool);
        assert.ok(
          first.kind === 'bound' || first.kind === 'keyed',
          `found ${first.kind} in the request given`,
        );
        assert.equal(rule.prepare?.(facts), undefined);
        assert.deepEqual(rule.find(facts, pool), first);
        if (first.kind === 'keyed')
          assert.notEqual(first.key, '', 'an empty key would put strangers together');
      },
    },
    {
      name: 'finds the same whatever the order and the health of the upstreams',
      async run() {
        const rule = make();
        const facts = requestFor(subject, rule, pool);
        const first = await ask(rule, facts, pool);
        const turned = fakePool(['api-3', 'api-1', 'api-2'], {
          conditions: { 'api-1': 'trial', 'api-2': 'down', 'api-3': 'down' },
          draining: ['api-2'],
        });
        const again = await ask(rule, facts, turned);
        assert.equal(nameOf(again, turned), nameOf(first, pool));
      },
    },
    {
      name: 'says that a binding is gone when its upstream is; all others, and keys, stay as they are',
      async run() {
        const rule = make();
        const facts = requestFor(subject, rule, pool);
        const first = await ask(rule, facts, pool);
        if (first.kind !== 'bound') {
          for (const ids of [['api-1'], ['api-4'], []])
            assert.deepEqual(await ask(rule, facts, fakePool(ids)), first);
          return;
        }
        const id = UPSTREAMS[first.index]!;
        const without = fakePool(UPSTREAMS.filter((other) => other !== id));
        assert.equal((await ask(rule, facts, without)).kind, 'gone');
        assert.equal((await ask(rule, facts, fakePool([]))).kind, 'gone');
        const smaller = fakePool(['api-0', id]);
        assert.equal(nameOf(await ask(rule, facts, smaller), smaller), id);
      },
    },
    {
      name: 'finds what it has bound',
      ...(binds(subject) ? {} : { notApplicable: 'it binds nothing' }),
      async run() {
        const rule = make();
        if (rule.bind === undefined) return assert.ok(!binds(subject));
        for (let index = 0; index < UPSTREAMS.length; index++) {
          const value = rule.bind(plainFacts({ nowMs: NOW_MS }), pool, index);
          assert.match(value, /^[!-~][ -~]*$/, 'one field value, without line breaks');
          const found = await ask(rule, withCookie(value), pool);
          assert.equal(found.kind === 'bound' && found.index, index);
        }
      },
    },
    {
      name: 'makes something of any request, and never throws',
      async run() {
        const rule = make();
        for (const odd of ODD_VALUES)
          for (const request of oddRequests(rule, odd)) {
            const found = await ask(rule, plainFacts({ ...request, nowMs: NOW_MS }), pool);
            assert.ok(
              ['nothing', 'keyed', 'unreadable', 'gone', 'expired'].includes(found.kind),
              `found ${found.kind} in ${JSON.stringify(odd.slice(0, 40))}`,
            );
          }
      },
    },
  ];
}

/** Of a rule that can't be made, the case says why. */
function binds(subject: RuleSubject): boolean {
  try {
    return create(subject, subject.accepted[0]).bind !== undefined;
  } catch {
    return true;
  }
}

function create(subject: RuleSubject, written: unknown): Rule {
  const refuse = () => {
    throw new Error('This rule needs a tokenVerifier in its subject.');
  };
  const context = {
    route: 'default',
    keys: ['a contract-suite secret of 32 bytes'],
    random: seededRandom(1),
    tokenVerifier: subject.tokenVerifier ?? refuse,
  };
  return subject.definition.create(subject.definition.options.parse(written), context);
}

async function ask(rule: Rule, facts: RequestFacts, pool: PoolSnapshot): Promise<Found> {
  await rule.prepare?.(facts);
  return rule.find(facts, pool);
}

function requestFor(subject: RuleSubject, rule: Rule, pool: PoolSnapshot): RequestFacts {
  if (subject.found !== undefined) return plainFacts({ ...subject.found, nowMs: NOW_MS });
  assert.ok(rule.bind !== undefined, 'give the suite a request in which the rule finds something');
  return withCookie(rule.bind(plainFacts({ nowMs: NOW_MS }), pool, 1));
}

function withCookie(setCookie: string): RequestFacts {
  return plainFacts({ headers: [['cookie', setCookie.slice(0, setCookie.indexOf(';'))]], nowMs: NOW_MS });
}

function nameOf(found: Found, pool: PoolSnapshot): string {
  return found.kind === 'bound' ? pool.upstreams[found.index]!.id : JSON.stringify(found);
}

function* oddRequests(rule: Rule, odd: string): Generator<Omit<PlainRequest, 'nowMs'>> {
  const { subject } = rule;
  yield { url: odd };
  yield { url: `/?${subject}=${odd}` };
  yield { url: `/${subject.split('/').slice(1, -1).join('/')}/${odd}` };
  yield { ip: odd };
  yield { headers: [['cookie', odd]] };
  yield {
    headers: [
      ['cookie', `${subject}=${odd}`],
      ['cookie', `${subject}=${odd}`],
    ],
  };
  yield { headers: [['authorization', odd]] };
  if (/^[\w-]+$/.test(subject)) yield { headers: [[subject, odd]] };
}
