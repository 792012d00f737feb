import type { Choice } from '../control/config/config.js';
import type { CookieOptions } from '../route/affinity/cookie.js';
import type { HeaderOptions } from '../route/affinity/header.js';
import type { IpOptions } from '../route/affinity/ip.js';
import type { KeyCookieOptions } from '../route/affinity/key-cookie.js';
import type { PathOptions } from '../route/affinity/path.js';
import type { QueryOptions } from '../route/affinity/query.js';
import type { RouteCookieOptions } from '../route/affinity/route-cookie.js';
import type { FailurePolicy } from '../route/affinity/rule.js';
import type { Report } from './report.js';

/** A rule that finds a key, as other balancers know such a thing. */
export type KeySource =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  /** The value of one segment of the path; `before` is the literal and named segments in front of it. */
  | {
      readonly kind: 'path';
      readonly pattern: string;
      readonly before: readonly string[];
      readonly after: readonly string[];
    }
  | { readonly kind: 'ip'; readonly prefix4: number; readonly prefix6: number };

/** A route's rules, sorted by what other balancers can do: a binding first, then keys in their order. */
export interface AffinityView {
  readonly cookie: CookieOptions | undefined;
  readonly routeCookie: RouteCookieOptions | undefined;
  readonly keys: readonly KeySource[];
}

/**
 * Reads a route's rules; says which of them no other balancer knows. `at` is the path of the route's
 * `affinity`.
 */
export function affinityView(affinity: readonly Choice[], at: string, report: Report): AffinityView {
  let cookie: CookieOptions | undefined;
  let routeCookie: RouteCookieOptions | undefined;
  const keys: KeySource[] = [];
  affinity.forEach((choice, index) => {
    const here = `${at}[${index}].${choice.name}`;
    const isBinding = choice.name === 'cookie' || choice.name === 'routeCookie';
    if (isBinding && (cookie !== undefined || routeCookie !== undefined)) {
      report.say(
        here,
        'is not carried over: other balancers follow one cookie. The first one is carried over.',
      );
      return;
    }
    if (isBinding && keys.length > 0)
      report.say(here, 'comes before the rules above it there: other balancers ask the cookie first.');
    if (choice.name === 'cookie') {
      cookie = choice.options as CookieOptions;
      return;
    }
    if (choice.name === 'routeCookie') {
      routeCookie = choice.options as RouteCookieOptions;
      return;
    }
    const key = keySource(choice);
    if (typeof key === 'string') report[choice.name === 'jwt' ? 'door' : 'say'](here, key);
    else keys.push(key);
    if (policyOf(choice) === 'reject')
      report.say(
        `${here}.onFailure`,
        'reject is not carried over: there, users of an upstream that is down are sent to another.',
      );
  });
  return { cookie, routeCookie, keys };
}

/** The rule as a key source, or why there is none. */
function keySource({ name, options }: Choice): KeySource | string {
  switch (name) {
    case 'header':
      return { kind: 'header', name: (options as HeaderOptions).name };
    case 'query':
      return { kind: 'query', name: (options as QueryOptions).name };
    case 'keyCookie':
      return { kind: 'cookie', name: (options as KeyCookieOptions).name };
    case 'ip': {
      const { prefix4, prefix6 } = options as IpOptions;
      return { kind: 'ip', prefix4, prefix6 };
    }
    case 'path': {
      const { pattern } = options as PathOptions;
      const segments = pattern.slice(1).split('/');
      const named = segments.filter((segment) => segment.startsWith(':'));
      if (named.length > 1)
        return `is not carried over: only stickyroute makes one key of ${named.length} segments. Let one segment decide, or put the key into a header.`;
      const index = segments.indexOf(named[0]!);
      return { kind: 'path', pattern, before: segments.slice(0, index), after: segments.slice(index + 1) };
    }
    case 'jwt':
      return 'is not carried over: stickyroute checks the token, and nothing there would. Put the user into a header behind it, and use that.';
    default:
      return 'is not carried over: stickyroute alone has this rule.';
  }
}

function policyOf({ options }: Choice): FailurePolicy | undefined {
  return (options as { readonly onFailure?: FailurePolicy }).onFailure;
}
