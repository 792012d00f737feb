import { isDeepStrictEqual } from 'node:util';
import type { Timer } from '../../base/clock.js';
import type { Kinds } from '../../route/kinds.js';
import { MEMBERS_MAX } from '../../route/placement/members.js';
import type { SourceContext, SourceNews } from '../../route/pool/source.js';
import { type Upstream, UPSTREAM_FIELDS } from '../../route/pool/upstream.js';
import type { SourceConfig } from '../config/config.js';
import { ID, readOrigin, weightProblem } from '../config/upstreams.js';
import { Wrong } from '../config/values.js';
import { sourceKind } from './registry.js';

/** How a source is, for operators. */
export interface SourceState {
  /** `dns api.internal:8080`. */
  readonly source: string;
  readonly upstreams: number;
  /** When it last answered, in milliseconds since 1970; absent: never so far. */
  readonly answeredAtMs?: number;
  /** What is wrong with it; absent: nothing. */
  readonly problem?: string;
  /** Looks that went well, and those that did not, since it was started. */
  readonly answers: number;
  readonly failures: number;
}

export interface SourceFollower {
  /** It knows other upstreams than before, or its first. */
  changed(source: FollowedSource): void;
  /** What is wrong is another thing than before; undefined: nothing any more. */
  problem(source: FollowedSource, problem: string | undefined): void;
}

/** A source of a pool while it runs: the last that it said, checked and in order. */
export class FollowedSource {
  readonly config: SourceConfig;
  /** `dns api.internal:8080`. */
  readonly label: string;
  readonly #clock: SourceContext['clock'];
  readonly #follower: SourceFollower;
  readonly #timer: Timer;
  #upstreams: readonly Upstream[] | undefined;
  #down: ReadonlySet<string> = new Set();
  #problem: string | undefined;
  #answeredAtMs: number | undefined;
  #answers = 0;
  #failures = 0;
  #isStopped = false;

  /** Starts it. */
  constructor(
    config: SourceConfig,
    kinds: Kinds,
    ground: Omit<SourceContext, 'folder'>,
    follower: SourceFollower,
  ) {
    const { name, options, folder } = config;
    const definition = sourceKind(kinds, name);
    this.config = config;
    this.label = `${name} ${definition.subject(options)}`;
    this.#clock = ground.clock;
    this.#follower = follower;
    this.#timer = definition.create(options, { ...ground, folder }).start({
      found: (news) => !this.#isStopped && this.#found(news),
      failed: (why) => {
        if (this.#isStopped) return;
        this.#failures++;
        this.#setProblem(why);
      },
    });
  }

  /** By id; undefined before its first answer. */
  get upstreams(): readonly Upstream[] | undefined {
    return this.#upstreams;
  }

  get down(): ReadonlySet<string> {
    return this.#down;
  }

  get hasAnswered(): boolean {
    return this.#upstreams !== undefined;
  }

  /** How often it has answered. */
  get answers(): number {
    return this.#answers;
  }

  get state(): SourceState {
    return {
      source: this.label,
      upstreams: this.#upstreams?.length ?? 0,
      ...(this.#answeredAtMs !== undefined && { answeredAtMs: this.#answeredAtMs }),
      ...(this.#problem !== undefined && { problem: this.#problem }),
      answers: this.#answers,
      failures: this.#failures,
    };
  }

  isOf(config: SourceConfig): boolean {
    return isDeepStrictEqual(config, this.config);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.stop();
  }

  #found({ upstreams, down = [], problem: told }: SourceNews): void {
    this.#answers++;
    this.#answeredAtMs = this.#clock.now();
    const before = this.#upstreams;
    const { good, problem } = checked(upstreams, before ?? []);
    const downNow = new Set(down);
    const isSame =
      before !== undefined &&
      before.length === good.length &&
      good.every((upstream, at) => upstream === before[at]) &&
      downNow.size === this.#down.size &&
      down.every((id) => this.#down.has(id));
    this.#upstreams = good;
    this.#down = downNow;
    this.#setProblem(told ?? problem);
    if (!isSame) this.#follower.changed(this);
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#follower.problem(this, problem);
  }
}

/**
 * In the order of their ids, each id and URL once, without those that can't be upstreams. One that is as it
 * was stays the same object.
 */
function checked(
  found: readonly Upstream[],
  before: readonly Upstream[],
): { readonly good: readonly Upstream[]; readonly problem: string | undefined } {
  const known = new Map(before.map((upstream) => [upstream.id, upstream]));
  const ids = new Set<string>();
  const urls = new Set<string>();
  let problem: string | undefined;
  const leaveOut = (upstream: Upstream, why: string): void => {
    problem ??= `The upstream "${String(upstream.id).slice(0, 128)}" is left out: ${why}`;
  };
  const good: Upstream[] = [];
  for (const upstream of [...found].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))) {
    const same = known.get(upstream.id);
    const isSame = same !== undefined && UPSTREAM_FIELDS.every((field) => upstream[field] === same[field]);
    const wrong = isSame ? undefined : wrongWith(upstream);
    if (wrong !== undefined) leaveOut(upstream, wrong);
    else if (ids.has(upstream.id)) leaveOut(upstream, 'another one has its id.');
    else if (urls.has(upstream.url)) leaveOut(upstream, `another one has its URL, ${upstream.url}.`);
    else if (good.length >= MEMBERS_MAX) leaveOut(upstream, `a pool holds at most ${MEMBERS_MAX}.`);
    else {
      ids.add(upstream.id);
      urls.add(upstream.url);
      good.push(isSame ? same : upstream);
    }
  }
  return { good, problem };
}

function wrongWith({ id, url, weight }: Upstream): string | undefined {
  if (typeof id !== 'string' || !ID.test(id)) return 'it has no usable id.';
  const origin = typeof url === 'string' ? readOrigin(url) : new Wrong('is no URL.');
  if (origin instanceof Wrong) return `its URL ${origin.message}`;
  if (origin !== url) return `its URL is not written as ${origin}.`;
  const problem = weightProblem(weight);
  return problem === undefined ? undefined : `its weight ${problem}`;
}
