import assert from 'node:assert/strict';
import type { Timer } from '../base/clock.js';
import type { Source, SourceNews } from '../route/pool/source.js';
import type { ContractCase } from './contract-case.js';

/** What a source looks at, in the hands of a test. */
export interface SourceWorld {
  readonly source: Source;
  /** From now on these instances are there, in this order; `id` and URL of each come from its name. */
  set(names: readonly string[]): void | Promise<void>;
  /** From now on every look goes wrong, until the next `set`. */
  break(): void | Promise<void>;
  /** The id that the source gives the instance of this name. */
  idOf(name: string): string;
  /** Lets time pass for a source on a manual clock. Called again and again while something is waited for. */
  pass?(): void;
  close?(): void | Promise<void>;
}

export interface SourceContractOptions {
  /** How long something is waited for. 5000 unless set. */
  readonly waitMs?: number;
  /** How long nothing is to happen. 50 unless set. */
  readonly quietMs?: number;
}

const POLL_MS = 5;

/**
 * What every source keeps, as cases for any test runner. `open` makes a world of its own for a case, with the
 * instances `a` and `b` in it.
 */
export function sourceContract(
  open: () => SourceWorld | Promise<SourceWorld>,
  { waitMs = 5000, quietMs = 50 }: SourceContractOptions = {},
): ContractCase[] {
  const inWorld = (name: string, run: (world: SourceWorld, heard: Heard) => Promise<void>): ContractCase => ({
    name,
    async run() {
      const world = await open();
      const heard = new Heard(world);
      try {
        await run(world, heard);
      } finally {
        heard.stop();
        await world.close?.();
      }
    },
  });
  const until = async (world: SourceWorld, what: string, condition: () => boolean): Promise<void> => {
    for (let waitedMs = 0; !condition(); waitedMs += POLL_MS) {
      assert.ok(waitedMs < waitMs, `waited ${waitMs} ms in vain: ${what}`);
      world.pass?.();
      await pause(POLL_MS);
    }
  };
  const finds = (world: SourceWorld, heard: Heard, names: readonly string[]): Promise<void> => {
    const ids = names.map((name) => world.idOf(name)).sort();
    return until(
      world,
      `the source finds ${ids.join(', ')} (it has ${heard.ids.join(', ')}; it said ${heard.failures.join(' ')})`,
      () => heard.ids.join(' ') === ids.join(' '),
    );
  };
  const quiet = async (world: SourceWorld): Promise<void> => {
    for (let waitedMs = 0; waitedMs < quietMs; waitedMs += POLL_MS) {
      world.pass?.();
      await pause(POLL_MS);
    }
  };

  return [
    inWorld(
      'finds what is there, each with an id, an origin as URL and a weight above 0',
      async (world, heard) => {
        heard.start();
        assert.equal(heard.count, 0, 'it told something before start had returned');
        await finds(world, heard, ['a', 'b']);
        const urls = heard.last.upstreams.map(({ url }) => url);
        assert.equal(new Set(urls).size, urls.length, 'two upstreams have one URL');
        for (const { id, url, weight, draining } of heard.last.upstreams) {
          assert.match(id, /^[A-Za-z0-9:][\w.:[\]-]{0,319}$/);
          assert.equal(new URL(url).origin, url);
          assert.ok(weight > 0 && weight < Infinity, `${id} has the weight ${weight}`);
          assert.equal(typeof draining, 'boolean');
        }
      },
    ),
    inWorld('sees that an instance comes, and that one goes', async (world, heard) => {
      heard.start();
      await finds(world, heard, ['a', 'b']);
      await world.set(['a', 'b', 'c']);
      await finds(world, heard, ['a', 'b', 'c']);
      await world.set(['a', 'c']);
      await finds(world, heard, ['a', 'c']);
    }),
    inWorld(
      'gives an instance the id and URL that it had, in another order and after an absence',
      async (world, heard) => {
        heard.start();
        await finds(world, heard, ['a', 'b']);
        const before = new Map(heard.last.upstreams.map(({ id, url }) => [id, url]));
        await world.set(['c', 'b']);
        await finds(world, heard, ['b', 'c']);
        await world.set(['c', 'b', 'a']);
        await finds(world, heard, ['a', 'b', 'c']);
        for (const { id, url } of heard.last.upstreams) assert.equal(before.get(id) ?? url, url, id);
      },
    ),
    inWorld(
      'says of a failure what it was, keeps silent about upstreams, and looks again',
      async (world, heard) => {
        heard.start();
        await finds(world, heard, ['a', 'b']);
        const answers = heard.answers;
        await world.break();
        await until(world, 'the source says that it failed', () => heard.failures.length > 0);
        await quiet(world);
        for (const { upstreams } of heard.news.slice(answers))
          assert.equal(upstreams.length, 2, 'upstreams went with a failure');
        assert.ok(heard.failures[0]!.length > 10, `"${heard.failures[0]}" says too little`);
        await world.set(['a', 'b', 'c']);
        await finds(world, heard, ['a', 'b', 'c']);
      },
    ),
    inWorld('fails at first, and finds what is there as soon as it can', async (world, heard) => {
      await world.break();
      heard.start();
      await until(world, 'the source says that it failed', () => heard.failures.length > 0);
      assert.equal(heard.answers, 0, 'it found something where nothing can be had');
      await world.set(['b']);
      await finds(world, heard, ['b']);
    }),
    inWorld(
      'is silent once it is stopped, also when it is stopped at once or twice',
      async (world, heard) => {
        heard.start();
        heard.stop();
        heard.stop();
        await quiet(world);
        assert.equal(heard.count, 0);
        heard.start();
        await finds(world, heard, ['a', 'b']);
        heard.stop();
        await world.set(['c']);
        const { count } = heard;
        await quiet(world);
        assert.equal(heard.count, count);
      },
    ),
    inWorld('can be followed twice at a time', async (world, heard) => {
      const other = new Heard(world);
      heard.start();
      other.start();
      try {
        await finds(world, heard, ['a', 'b']);
        await finds(world, other, ['a', 'b']);
        heard.stop();
        await world.set(['b', 'c']);
        await finds(world, other, ['b', 'c']);
      } finally {
        other.stop();
      }
    }),
  ];
}

/** All that a source has said. */
class Heard {
  readonly news: SourceNews[] = [];
  readonly failures: string[] = [];
  readonly #world: SourceWorld;
  #timer: Timer | undefined;

  constructor(world: SourceWorld) {
    this.#world = world;
  }

  get answers(): number {
    return this.news.length;
  }

  get count(): number {
    return this.news.length + this.failures.length;
  }

  get last(): SourceNews {
    return this.news.at(-1)!;
  }

  get ids(): readonly string[] {
    return this.news.length === 0 ? [] : this.last.upstreams.map(({ id }) => id).sort();
  }

  start(): void {
    this.#timer = this.#world.source.start({
      found: (news) => void this.news.push(news),
      failed: (why) => void this.failures.push(why),
    });
  }

  stop(): void {
    this.#timer?.stop();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
