import { CADDY_VERSION_DEFAULT } from '../../route/placement/caddy-contest.js';
import { FromEnvironment } from '../draft.js';
import type { Report } from '../report.js';
import type { Segment } from './segments.js';
import { caddyTime } from './time.js';

/** How a reverse_proxy chooses, in our words. */
export interface Policies {
  readonly bindings: readonly unknown[];
  readonly keys: readonly unknown[];
  readonly placement: unknown;
  readonly balance: string | undefined;
  readonly weights: readonly number[] | undefined;
}

const BALANCES: Readonly<Record<string, string>> = {
  least_conn: 'leastRequests',
  round_robin: 'roundRobin',
  random: 'twoChoices',
  random_choose: 'twoChoices',
  weighted_round_robin: 'roundRobin',
};

/** `version`: the Caddy whose file it is; undefined where nobody said. */
export function policies(policy: Segment | undefined, version: string | undefined, report: Report): Policies {
  const bindings: unknown[] = [];
  const keys: unknown[] = [];
  let balance: string | undefined;
  let weights: readonly number[] | undefined;
  for (let line: Segment | undefined = policy, isLast = false; line !== undefined && !isLast;) {
    const [name = '', ...args] = line.args;
    const { at } = line;
    if (name === 'cookie') bindings.push(...cookieRules(line, args, report));
    else if (name === 'header' && args[0] !== undefined) keys.push({ header: args[0].toLowerCase() });
    else if (name === 'query' && args[0] !== undefined) keys.push({ query: args[0] });
    else if (name === 'ip_hash' || name === 'client_ip_hash') keys.push('ip');
    else {
      isLast = true;
      balance = BALANCES[name];
      if (name === 'weighted_round_robin') weights = args.map(Number);
      if (name === 'random') report.say(at, 'lb_policy random is carried over as twoChoices.');
      else if (balance === undefined)
        report.say(
          at,
          `lb_policy ${[name, ...args].join(' ')} is not carried over: stickyroute has no such choice.`,
        );
    }
    for (const { name: option, args: values, at: here } of line.block ?? []) {
      if (option !== 'fallback' && !(name === 'cookie' && option === 'max_age'))
        report.say(here, `${[option, ...values].slice(0, 2).join(' ')} is not carried over.`);
    }
    line = line.block?.find((inner) => inner.name === 'fallback');
  }
  if (keys.length > 0 && version === undefined)
    report.say(
      policy!.at,
      `lb_policy: keys are placed as Caddy ${CADDY_VERSION_DEFAULT} and later do. For the file of an older one say which: --from-version 2.6.2.`,
    );
  const placement =
    keys.length === 0 ? undefined : version === undefined ? 'caddyHrw' : { caddyHrw: { version } };
  return { bindings, keys, placement, balance, weights };
}

function cookieRules(
  { at, block = [] }: Segment,
  [name = 'lb', secret]: readonly string[],
  report: Report,
): unknown[] {
  report.harmless(
    at,
    `lb_policy cookie ${name} becomes a sealed cookie of stickyroute. Cookies of Caddy are followed too; when all are replaced, take acceptCookies out.`,
  );
  const absolute = caddyTime(block.find((line) => line.name === 'max_age')?.args[0]);
  return [
    absolute === undefined || absolute === '0s' ? 'cookie' : { cookie: { absolute } },
    {
      acceptCookies: {
        formats: [{ caddy: { name, ...(secret !== undefined && { secret: secretOf(secret, at, report) }) } }],
      },
    },
  ];
}

/** `{$NAME}` and `{$NAME:otherwise}` read the environment, there as here. */
function secretOf(text: string, at: string, report: Report): string | FromEnvironment {
  const [, name, otherwise] = /^\{\$(\w+)(:[^}]*)?\}$/.exec(text) ?? [];
  if (name === undefined) {
    if (/\{\$\w/.test(text))
      report.say(
        at,
        'lb_policy cookie: its secret is partly in the environment, and that part is not carried over. Write secret: as it is in full.',
      );
    return text;
  }
  if (otherwise !== undefined)
    report.say(
      at,
      `lb_policy cookie: the secret is read from ${name} here, and nothing stands in for it where that is not set.`,
    );
  return new FromEnvironment(name);
}
