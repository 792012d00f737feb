import type { AnsweringConfig, RouteConfig } from './config.js';
import { requestEdits } from './edits.js';
import { kindOf } from './messages.js';
import { redirectAnswer, type Redirect } from './own-answers.js';
import type { Issue } from './problem.js';
import { routeName } from './routes.js';
import type { Shapes } from './schema.js';
import { readSections } from './sections.js';

type At = { readonly at: readonly PropertyKey[] };

/** Routes as written: their names and pools may clash yet. */
export interface WrittenRoutes {
  /** Those that lead to a pool. */
  readonly routes: readonly (RouteConfig & At)[];
  /** Those that the gateway answers by itself. */
  readonly answers: readonly (AnsweringConfig & At)[];
}

/** What only a route to an upstream can have. */
const OF_A_POOL = [
  'affinity',
  'balance',
  'stripPrefix',
  'rewrite',
  'hostHeader',
  'request',
  'answer',
] as const;

/** `routes:`. `everywhere`: the redirect for all routes that say none. */
export function readRoutes(
  value: unknown,
  pools: readonly string[],
  shapes: Shapes,
  everywhere: Redirect | undefined,
  issues: Issue[],
): WrittenRoutes {
  const routes: (RouteConfig & At)[] = [];
  const answers: (AnsweringConfig & At)[] = [];
  if (!Array.isArray(value) || value.length === 0) {
    const what =
      value === undefined
        ? 'is missing'
        : Array.isArray(value)
          ? 'is empty'
          : `must be a list, not ${kindOf(value)}`;
    issues.push({
      path: ['routes'],
      message: `${what}. Write routes: [{ match: { path: / }, pool: ${pools[0] ?? 'api'} }].`,
    });
    return { routes, answers };
  }
  const known = new Set(pools);
  value.forEach((written: unknown, index) => {
    const at = ['routes', index];
    const complain = (key: string, message: string): void =>
      void issues.push({ path: [...at, key], message });
    const read = readSections(shapes.route, written, at, issues);
    const { match, pool, redirect, respond } = read;
    if (pool !== undefined && pools.length > 0 && !known.has(pool))
      complain('pool', `names no pool. The pools are: ${someOf(pools)}.`);
    const answer =
      respond ?? (redirect === undefined || redirect.to === undefined ? undefined : redirectAnswer(redirect));
    if (match === undefined) return;
    const named = { name: read.name ?? routeName(match), ...match, at };
    if (answer !== undefined) {
      answers.push({ ...named, answer });
      const own = respond === undefined ? 'redirect' : 'respond';
      for (const key of ['pool', ...OF_A_POOL, ...(respond === undefined ? [] : ['redirect'])])
        if (isWritten(written, key))
          complain(key, `can't stand beside ${own}: the gateway answers by itself. Remove one.`);
      return;
    }
    // What is wrong with its answer has been said.
    if (
      pool === undefined &&
      redirect === undefined &&
      ['respond', 'redirect'].some((key) => isWritten(written, key))
    )
      return;
    if (pool === undefined && !isWritten(written, 'pool'))
      complain(
        'pool',
        `is missing. Write pool: ${pools[0] ?? 'api'}, or redirect or respond for an answer of the gateway.`,
      );
    routes.push({
      ...named,
      pool: pool ?? '',
      affinity: read.affinity ?? [],
      balance: read.balance ?? { name: '', options: {} },
      requestEdits: requestEdits(read, match.path),
      answerEdits: read.answer,
      toHttps: httpsAnswer(redirect ?? everywhere),
    });
  });
  return { routes, answers };
}

/** The answer to requests that did not come by HTTPS, where they must. */
export function httpsAnswer(redirect: Redirect | undefined): RouteConfig['toHttps'] {
  return redirect?.https === true ? redirectAnswer(redirect) : undefined;
}

function isWritten(route: unknown, key: string): boolean {
  return typeof route === 'object' && route !== null && Object.hasOwn(route, key);
}

/** A hundred thousand names in each of a hundred thousand messages would fill the memory. */
const NAMES_SHOWN_MAX = 20;

function someOf(names: readonly string[]): string {
  const more = names.length > NAMES_SHOWN_MAX ? `, and ${names.length - NAMES_SHOWN_MAX} more` : '';
  return `${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more}`;
}
