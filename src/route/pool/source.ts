import type { z } from 'zod';
import type { Clock, Timer } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import type { Upstream } from './upstream.js';

/** What a source answers: everything that it knows now. */
export interface SourceNews {
  /**
   * Ids are stable: the same instance always has the same id, and another instance has another id. A source
   * that knows addresses alone writes `name[address]:port`.
   */
  readonly upstreams: readonly Upstream[];
  /** Ids of upstreams that are there and can't serve now, such as a pod that isn't ready. Default: none. */
  readonly down?: readonly string[] | undefined;
  /** What could not be found out although there is an answer: a sentence for the log. Default: nothing. */
  readonly problem?: string | undefined;
}

/** Who is told what a source finds. */
export interface SourceListener {
  found(news: SourceNews): void;
  /**
   * A look went wrong; what was found before stays. `why` is a sentence for the log, without secrets, such as
   * `the resolver gave no answer within 2s.`
   */
  failed(why: string): void;
}

/**
 * Where upstreams of a pool come from while the gateway runs. A source never ends by itself: after a failure
 * it looks again.
 */
export interface Source {
  /** Looks from now on, until it is stopped. Tells nothing before `start` has returned. */
  start(listener: SourceListener): Timer;
}

/** What a source may need from outside itself. */
export interface SourceContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Relative paths in its options start here. */
  readonly folder: string;
}

/**
 * A kind of source, as the registry knows it: its name in `sources:`, how its options are written, and how it
 * is made.
 */
export interface SourceDefinition<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  /** Which one it is, for messages and logs: `api.internal:8080`. */
  subject(options: Options): string;
  create(options: Options, context: SourceContext): Source;
  /**
   * The upstreams that are known without asking anybody, for `validate`, `explain` and `export`. Throws when
   * what it reads can't be used. Absent: nothing is known offline.
   */
  offline?(options: Options, context: SourceContext): readonly Upstream[];
}
