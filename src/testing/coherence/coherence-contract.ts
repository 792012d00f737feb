import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContractCase } from '../contract-case.js';
import { CoherenceGround, type GroundMember } from './coherence-ground.js';

/** One process's side of a cache, as the suite uses it. Entries live an hour. */
export interface CoherentCache {
  get(key: string): Promise<string | undefined>;
  getOrLoad(key: string, load: () => Promise<string>, tags?: readonly string[]): Promise<string>;
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  /** Left out by a cache without tags. */
  deleteTag?(tag: string): Promise<void>;
  /**
   * The entries of a user who brings along what an earlier visit, maybe to another process, returned. Left
   * out by a cache without.
   */
  visit?(user: string, carried: string | undefined): UserVisit;
  close?(): Promise<void> | void;
}

export interface UserVisit {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** What the user takes along. */
  carry(): string | undefined;
}

export interface CoherenceSubject {
  /** How old a value may be that a process serves. For a cache that promises nothing: what it is held to. */
  readonly boundMs: number;
  /** Opens the cache in a "process" of the ground. */
  open(member: GroundMember): CoherentCache | Promise<CoherentCache>;
}

/**
 * More than timers of a busy machine are late by. Caches tell each other in ways of their own, and nothing
 * says when one has heard: what the suite waits for here is time.
 */
const SLACK_MS = 100;

/** What a cache does without being asked again is done within this: nothing tells when. */
const TAKEN_MS = 10;

interface Process {
  readonly member: GroundMember;
  readonly cache: CoherentCache;
}

interface Setting {
  readonly a: Process;
  readonly b: Process;
  readonly c: Process;
  /** Until the bound is over. */
  readonly boundPasses: () => Promise<void>;
}

/**
 * What a cache of two tiers must do so that no process serves what became old longer ago than its bound, as
 * cases for any test runner: `for (const { name, run } of coherenceContract(subject)) test(name, run);`
 */
export function coherenceContract(subject: CoherenceSubject): ContractCase[] {
  const holds = (
    name: string,
    run: (setting: Setting) => Promise<void>,
    clocksAheadMs: readonly number[] = [],
  ): ContractCase => ({
    name,
    async run() {
      const ground = new CoherenceGround();
      const open = async (at: number): Promise<Process> => {
        const member = ground.join(clocksAheadMs[at]);
        return { member, cache: await member.during(async () => subject.open(member)) };
      };
      const [a, b, c] = [await open(0), await open(1), await open(2)];
      try {
        await run({ a, b, c, boundPasses: () => pause(subject.boundMs + SLACK_MS) });
      } finally {
        for (const { member, cache } of [a, b, c]) {
          member.mend();
          await cache.close?.();
        }
        await ground.close();
      }
    },
  });

  return [
    holds('a write is seen by every process', async ({ a, b, boundPasses }) => {
      await known(b, 'k', 'old', a);
      await a.cache.set('k', 'new');
      await boundPasses();
      assert.equal(await b.cache.get('k'), 'new');
    }),
    holds('a write is seen although the message about it was lost', async ({ a, b, boundPasses }) => {
      await known(b, 'k', 'old', a);
      b.member.deafen();
      await a.cache.set('k', 'new');
      b.member.mend();
      await boundPasses();
      assert.equal(await b.cache.get('k'), 'new');
    }),
    holds('a deletion is seen although the message about it was lost', async ({ a, b, boundPasses }) => {
      await known(b, 'k', 'old', a);
      b.member.deafen();
      await a.cache.delete('k');
      b.member.mend();
      await boundPasses();
      assert.equal(await b.cache.get('k'), undefined);
    }),
    holds('a write is seen by a process that no message reaches any more', async ({ a, b, boundPasses }) => {
      await known(b, 'k', 'old', a);
      b.member.deafen();
      await a.cache.set('k', 'new');
      await boundPasses();
      assert.equal(await b.cache.get('k'), 'new');
    }),
    holds('a write is seen although its writer died before telling anyone', async ({ a, b, boundPasses }) => {
      await known(b, 'k', 'old', a);
      a.member.mute();
      await a.cache.set('k', 'new');
      await boundPasses();
      assert.equal(await b.cache.get('k'), 'new');
    }),
    holds(
      'a read of the second tier that a write overtook leaves no old copy',
      async ({ a, b, boundPasses }) => {
        await a.cache.set('k', 'old');
        const release = b.member.holdReads();
        const slow = b.cache.get('k');
        await pause(TAKEN_MS);
        await a.cache.set('k', 'new');
        await pause(SLACK_MS);
        release();
        await slow;
        await boundPasses();
        assert.equal(await b.cache.get('k'), 'new');
      },
    ),
    holds(
      'a load that a deletion overtook leaves no old value in either tier',
      async ({ a, b, c, boundPasses }) => {
        const loading = gate();
        const slow = b.cache.getOrLoad('k', () => loading.pass().then(() => 'old'));
        await Promise.race([loading.entered, slow]);
        await a.cache.delete('k');
        await pause(SLACK_MS);
        loading.open();
        await slow;
        await boundPasses();
        for (const { cache } of [b, c]) assert.equal(await cache.getOrLoad('k', async () => 'new'), 'new');
      },
    ),
    holds('of two writes at once every process ends with the same', async ({ a, b, c, boundPasses }) => {
      for (const process of [a, b, c]) await known(process, 'k', 'old', a);
      const releases = [a, b, c].map(({ member }) => member.holdMessages());
      await Promise.all([a.cache.set('k', 'from a'), b.cache.set('k', 'from b')]);
      for (const release of releases) release();
      await boundPasses();
      const values = await Promise.all([a, b, c].map(({ cache }) => cache.get('k')));
      assert.equal(new Set(values).size, 1, `they have ${values.join(', ')}`);
    }),
    holds(
      'deleting a tag works when the clock of the process that does it is a minute behind',
      async ({ a, b, boundPasses }) => {
        assert.ok(a.cache.deleteTag !== undefined, 'it offers no tags');
        await b.cache.getOrLoad('k', async () => 'old', ['t']);
        await a.member.during(() => a.cache.deleteTag!('t'));
        await boundPasses();
        assert.equal(await b.cache.getOrLoad('k', async () => 'new', ['t']), 'new');
      },
      [-60_000],
    ),
    holds(
      'deleting a tag spares what is written later, when the clock of the process that did it is a minute ahead',
      async ({ a, b, boundPasses }) => {
        assert.ok(a.cache.deleteTag !== undefined, 'it offers no tags');
        await b.cache.getOrLoad('k', async () => 'old', ['t']);
        await a.member.during(() => a.cache.deleteTag!('t'));
        await boundPasses();
        await b.cache.getOrLoad('k', async () => 'new', ['t']);
        await boundPasses();
        assert.equal(await b.cache.getOrLoad('k', async () => 'loaded once more', ['t']), 'new');
      },
      [60_000],
    ),
    holds('a load that a deletion of its tag overtook leaves no old value', async ({ a, b, boundPasses }) => {
      assert.ok(a.cache.deleteTag !== undefined, 'it offers no tags');
      const loading = gate();
      const slow = b.cache.getOrLoad('k', () => loading.pass().then(() => 'old'), ['t']);
      await Promise.race([loading.entered, slow]);
      await a.cache.deleteTag('t');
      await pause(SLACK_MS);
      loading.open();
      await slow;
      await boundPasses();
      assert.equal(await b.cache.getOrLoad('k', async () => 'new', ['t']), 'new');
    }),
    holds('all who wait for a load have one, and where it fails the same error', async ({ a }) => {
      let loads = 0;
      const load = async (): Promise<string> => {
        loads++;
        await pause(TAKEN_MS);
        throw new Error('no database');
      };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, () => a.cache.getOrLoad('k', load)),
      );
      assert.equal(loads, 1, `${loads} loads`);
      const reasons = new Set(
        outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as unknown) : 'no error')),
      );
      assert.equal(reasons.size, 1, `${reasons.size} outcomes`);
      assert.match(String([...reasons][0]), /no database/);
    }),
    holds('a user who is moved reads the own write at once', async ({ a, b }) => {
      assert.ok(a.cache.visit !== undefined && b.cache.visit !== undefined, 'it offers nothing for that');
      await a.cache.visit('ada', undefined).set('k', 'old');
      assert.equal(await b.cache.visit('ada', undefined).get('k'), 'old');
      const release = b.member.holdMessages();
      b.member.deafen();
      const visit = a.cache.visit('ada', undefined);
      await visit.set('k', 'new');
      assert.equal(await b.cache.visit('ada', visit.carry()).get('k'), 'new');
      release();
    }),
  ];
}

/** The process has the value, which `writer` wrote, in its first tier. */
async function known({ cache }: Process, key: string, value: string, writer: Process): Promise<void> {
  await writer.cache.set(key, value);
  await pause(TAKEN_MS);
  assert.equal(await cache.get(key), value);
  assert.equal(await cache.get(key), value);
}

function gate(): {
  readonly pass: () => Promise<void>;
  /** Somebody stands before it. */
  readonly entered: Promise<void>;
  readonly open: () => void;
} {
  let [open, enter] = [(): void => {}, (): void => {}];
  const opened = new Promise<void>((resolve) => (open = resolve));
  const entered = new Promise<void>((resolve) => (enter = resolve));
  const pass = (): Promise<void> => {
    enter();
    return opened;
  };
  return { pass, entered, open: () => open() };
}
