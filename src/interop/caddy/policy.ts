import { createHmac } from 'node:crypto';
import type { KeySource } from '../affinity-view.js';
import { caddyWay } from '../../route/placement/caddy-contest.js';
import type { Config } from '../../control/config/config.js';
import type { Group } from '../groups.js';
import type { Report } from '../report.js';
import { isAtLeast, type Version } from '../version.js';
import { block, word } from './text.js';

/** `query`, `client_ip_hash`, `weighted_round_robin` and `fallback` came with it. */
const POLICIES_SINCE: Version = [2, 7];

const BALANCES: Readonly<Record<string, string>> = {
  leastRequests: 'least_conn',
  roundRobin: 'round_robin',
  twoChoices: 'random_choose 2',
};

export interface PolicyContext {
  readonly config: Config;
  readonly version: Version;
  readonly report: Report;
}

/**
 * The `lb_policy` of a group: cookie, then keys in order, then the balance, each the fallback of the one
 * before it.
 */
export function policyLines(group: Group, context: PolicyContext): string[] {
  const { view, poolAt, pool } = group;
  const { version, report } = context;
  const keys = view.keys.flatMap((key) => policyOf(key, group, context) ?? []);
  const hasFallback = isAtLeast(version, POLICIES_SINCE);
  const weights = pool.upstreams.map(({ weight }) => weight);
  const areEqual = weights.every((weight) => weight === weights[0]);
  const isWeighted =
    !areEqual &&
    keys.length === 0 &&
    view.cookie === undefined &&
    group.balance === 'roundRobin' &&
    hasFallback &&
    weights.every(Number.isInteger);
  if (!areEqual && !isWeighted)
    report.say(
      `${poolAt}upstreams`,
      'have weights that are not carried over: Caddy has none but for round robin.',
    );
  const balance = isWeighted
    ? `weighted_round_robin ${weights.join(' ')}`
    : (BALANCES[group.balance] ?? 'random');
  if (keys.length > 0) sayPlacement(group, context);
  const cookie = view.cookie === undefined ? [] : [cookiePolicy(group, context)];
  const chain = [...cookie, ...keys, balance];
  if (!hasFallback && chain.length > 1) {
    if (chain.length > 2)
      report.say(
        group.affinityAt,
        `only ${chain[0]!.split(' ', 1)[0]} is carried over: before 2.7 Caddy falls back to a random upstream.`,
      );
    return [`lb_policy ${chain[0]!}`];
  }
  return nested('lb_policy', chain);
}

function nested(head: string, [first, ...rest]: readonly string[]): string[] {
  return rest.length === 0 ? [`${head} ${first!}`] : block(`${head} ${first!}`, nested('fallback', rest));
}

function policyOf(
  key: KeySource,
  { affinityAt }: Group,
  { config, version, report }: PolicyContext,
): string | undefined {
  const isNew = isAtLeast(version, POLICIES_SINCE);
  switch (key.kind) {
    case 'header':
      return `header ${word(key.name)}`;
    case 'query':
      if (isNew) return `query ${word(key.name)}`;
      report.say(affinityAt, `query ${key.name} is not carried over: Caddy has it from 2.7 on.`);
      return undefined;
    case 'ip':
      if (key.prefix4 !== 32 || key.prefix6 !== 128)
        report.say(affinityAt, 'ip: prefix4 and prefix6 are not carried over: Caddy hashes whole addresses.');
      if (config.trustedProxies.length === 0) return 'ip_hash';
      if (isNew) return 'client_ip_hash';
      report.say(
        affinityAt,
        'ip is not carried over behind trustedProxies: Caddy finds the client from 2.7 on.',
      );
      return undefined;
    case 'cookie':
      report.say(
        affinityAt,
        `keyCookie ${key.name} is not carried over: Caddy hashes no cookies. Put the key into a header.`,
      );
      return undefined;
    case 'path':
      report.say(
        affinityAt,
        `path ${key.pattern} is not carried over: Caddy hashes the whole URI or nothing of it. Put the key into a header.`,
      );
      return undefined;
  }
}

function sayPlacement({ pool, poolAt }: Group, { version, report }: PolicyContext): void {
  const { name, options } = pool.placement;
  if (name !== 'caddyHrw') {
    report.say(
      `${poolAt}placement`,
      `${name} places keys elsewhere than Caddy: they move once. To move them now, and not at the change, write placement: caddyHrw first.`,
    );
    return;
  }
  const written = (options as { readonly version: string }).version;
  const target = version.join('.');
  if (caddyWay(written) !== caddyWay(target))
    report.say(
      `${poolAt}placement`,
      `is that of Caddy ${written}, and ${target} places keys elsewhere: they move once. Write --target-version ${written}, or placement: { caddyHrw: { version: "${target}" } }.`,
    );
}

function cookiePolicy({ view, affinityAt }: Group, { config, report }: PolicyContext): string {
  const cookie = view.cookie!;
  const at = `${affinityAt} cookie ${cookie.name}`;
  const secret = config.keys[0];
  report[secret === undefined ? 'door' : 'say'](
    at,
    `is written in Caddy's own format, an HMAC of the address${secret === undefined ? ' without a secret, for want of keys: anybody can forge it' : ''}. Clients are bound anew once.`,
  );
  const fixed = [
    cookie.path === '/' ? '' : 'path',
    cookie.domain === undefined ? '' : 'domain',
    cookie.httpOnly ? '' : 'httpOnly',
    cookie.sameSite === 'lax' ? '' : 'sameSite',
    cookie.secure === 'auto' ? '' : 'secure',
    cookie.partitioned ? 'partitioned' : '',
    cookie.idle === undefined ? '' : 'idle',
    cookie.absolute === undefined ? '' : 'absolute',
  ].filter((name) => name !== '');
  if (fixed.length > 0)
    report.say(
      at,
      `${fixed.join(', ')}: not carried over. Caddy's cookie is Path=/, HttpOnly, SameSite=Lax and lasts as long as the browser is open.`,
    );
  if (cookie.onFailure !== 'rehome')
    report.say(
      at,
      `onFailure: ${cookie.onFailure} is not carried over: Caddy binds users of an upstream that is down to another, for good.`,
    );
  return `cookie ${word(cookie.name)}${secret === undefined ? '' : ` ${createHmac('sha256', secret).update('caddy lb_policy cookie').digest('hex').slice(0, 32)}`}`;
}
