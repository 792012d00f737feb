import { isDeepStrictEqual } from 'node:util';
import { plainFacts } from '../../route/plain-facts.js';
import type { RouteConfig } from '../config/config.js';
import { durationText } from '../config/values.js';
import type { ForecastLine } from './forecast-line.js';
import { NOBODY } from './key-moves.js';
import type { Outlook, SampledRule } from './outlook.js';

/** What changes of a route's rules and its balance. */
export function ruleLines(
  route: string,
  oldRules: readonly SampledRule[],
  nowRules: readonly SampledRule[],
  before: Outlook,
  after: Outlook,
  old: RouteConfig,
  now: RouteConfig,
): ForecastLine[] {
  const lines: ForecastLine[] = [];
  const say = (kind: ForecastLine['kind'], text: string): void =>
    void lines.push({ kind, route, text: `route ${route}: ${text}` });
  const [was, is] = [oldRules, nowRules].map((rules) => rules.map(({ label }) => label).join(', '));
  if (was !== is)
    say(
      'rules',
      `affinity is ${is === '' ? 'none' : is}, and was ${was === '' ? 'none' : was}${firstText(oldRules, nowRules)}`,
    );
  for (const { rule, label } of nowRules) {
    const one = oldRules.find((each) => each.label === label)?.rule;
    if (one === undefined) continue;
    if (one.onFailure !== rule.onFailure)
      say('failure', `onFailure of ${label} is ${rule.onFailure} instead of ${one.onFailure}`);
    const [waited, waits] = [one.rehomeAfterMs ?? 0, rule.rehomeAfterMs ?? 0];
    if (waited !== waits)
      say('failure', `rehomeAfter of ${label} is ${durationText(waits)} instead of ${durationText(waited)}`);
    for (const limit of ['idle', 'absolute'] as const) {
      const [had, has] = [one, rule].map((each) => each.bindingLimits?.[`${limit}Ms`] ?? 0) as [
        number,
        number,
      ];
      if (has !== 0 && (had === 0 || has < had))
        say(
          'limits',
          `${limit} of ${label} is ${durationText(has)} instead of ${had === 0 ? 'no limit' : durationText(had)}: users whose cookies are older than that are placed anew`,
        );
    }
  }
  if (!isDeepStrictEqual(old.balance, now.balance))
    say('balance', `balance ${now.balance.name} instead of ${old.balance.name}: for new users only`);
  if (
    !isDeepStrictEqual(before.config.trustedProxies, after.config.trustedProxies) &&
    nowRules.some(looksAtAddress)
  )
    say(
      'proxies',
      'other trustedProxies: users behind proxies may have another address, and with it another key',
    );
  return lines;
}

function firstText(oldRules: readonly SampledRule[], nowRules: readonly SampledRule[]): string {
  const [was] = oldRules;
  const [is] = nowRules;
  if (is === undefined) return ': the balance decides';
  return was?.label === is.label ? '' : `: ${is.label} decides first`;
}

function looksAtAddress({ rule, alwaysFinds }: SampledRule): boolean {
  if (!alwaysFinds) return false;
  const [one, other] = ['192.0.2.7', '203.0.113.9'].map((ip) =>
    rule.find(plainFacts({ ip, nowMs: 0 }), NOBODY),
  );
  return !isDeepStrictEqual(one, other);
}
