import { parseDuration } from '../../base/duration.js';
import { memberAddress } from '../../route/placement/member-address.js';
import { failTimeoutWithin } from '../bounds.js';
import { isOrigin } from '../connect-address.js';
import type { DraftUpstream } from '../draft.js';
import type { Report } from '../report.js';
import { isHarmless } from './harmless.js';
import type { Directive } from './directives.js';
import type { Variables } from './variables.js';

/** An `upstream` block, read. */
export interface NginxGroup {
  readonly name: string;
  readonly at: string;
  readonly servers: readonly NginxServer[];
  /** Rules with a key, in our words; empty where the block only balances. */
  readonly keys: readonly unknown[];
  readonly placement: string | undefined;
  readonly balance: string | undefined;
  readonly sticky: Sticky | undefined;
  readonly passive: { readonly maxFails: number; readonly failTimeout: string };
}

export type Sticky =
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly options: Readonly<Record<string, unknown>>;
      readonly at: string;
    }
  | { readonly kind: 'route'; readonly cookie: string; readonly at: string };

export interface NginxServer extends DraftUpstream {
  readonly isBackup: boolean;
  readonly route: string | undefined;
  readonly at: string;
}

/** What only concerns nginx's own work with connections and memory. */
const WITHOUT_MEANING = new Set([
  'zone',
  'keepalive',
  'keepalive_timeout',
  'keepalive_requests',
  'keepalive_time',
]);

/** nginx's own defaults: one failed request in ten seconds. */
const FAILS_DEFAULT = { maxFails: 1, failTimeout: '10s' };

export function nginxGroup(directive: Directive, variables: Variables, report: Report): NginxGroup {
  const name = directive.args[0] ?? '';
  const servers: NginxServer[] = [];
  const passives: { maxFails: number; failTimeout: string }[] = [];
  const method: { keys: unknown[]; placement: string | undefined; balance: string | undefined } = {
    keys: [],
    placement: undefined,
    balance: 'roundRobin',
  };
  let sticky: Sticky | undefined;
  for (const line of directive.block ?? []) {
    if (line.name === 'server') {
      const server = nginxServer(line, report);
      if (server !== undefined) {
        servers.push(server.server);
        passives.push(server.passive);
      }
    } else if (line.name === 'sticky') sticky = stickyOf(line, variables, report);
    else if (!WITHOUT_MEANING.has(line.name)) readMethod(line, method, variables, report);
  }
  const passive =
    passives[0] === undefined ? FAILS_DEFAULT : passiveWithin(passives[0], servers[0]!.at, report);
  passives.forEach((other, at) => {
    if (other.maxFails !== passives[0]!.maxFails || other.failTimeout !== passives[0]!.failTimeout)
      report.say(
        servers[at]!.at,
        `max_fails and fail_timeout are those of ${servers[0]!.at} here: stickyroute has one of each for a pool.`,
      );
  });
  return { name, at: directive.at, servers, ...method, sticky, passive };
}

/** `fail_timeout=0` forgets a failure at once, and so counts none. */
function passiveWithin(
  { maxFails, failTimeout }: { readonly maxFails: number; readonly failTimeout: string },
  at: string,
  report: Report,
): { readonly maxFails: number; readonly failTimeout: string } {
  if (maxFails === 0 || failTimeout === '0s') return { maxFails: 0, failTimeout: FAILS_DEFAULT.failTimeout };
  return { maxFails, failTimeout: failTimeoutWithin(failTimeout, at, report) };
}

function readMethod(
  line: Directive,
  method: { keys: unknown[]; placement: string | undefined; balance: string | undefined },
  variables: Variables,
  report: Report,
): void {
  switch (line.name) {
    case 'ip_hash':
      method.keys = ['ip'];
      method.placement = 'nginxIpHash';
      return;
    case 'hash': {
      const keys = variables.keys(line.args[0] ?? '');
      if ('unknown' in keys) {
        report.say(line.at, `hash ${line.args.join(' ')} is not carried over: ${keys.unknown}`);
        return;
      }
      for (const note of keys.notes) report.say(line.at, note);
      method.keys = [...keys.rules];
      method.placement = line.args[1] === 'consistent' ? 'nginxConsistent' : 'nginxHash';
      return;
    }
    case 'least_conn':
      method.balance = 'leastRequests';
      return;
    case 'random':
      method.balance = 'twoChoices';
      if (line.args[0] !== 'two')
        report.say(line.at, 'random is carried over as the better of two random ones.');
      else if (line.args[1] !== undefined && line.args[1] !== 'least_conn')
        report.say(
          line.at,
          `${line.args[1]} is carried over as least_conn: requests in progress are what stickyroute compares.`,
        );
      return;
    default:
      report[isHarmless(line) ? 'harmless' : 'say'](line.at, `${line.name} is not carried over.`);
  }
}

function nginxServer(
  { args, at }: Directive,
  report: Report,
): { readonly server: NginxServer; readonly passive: { maxFails: number; failTimeout: string } } | undefined {
  const [address = '', ...params] = args;
  if (/^unix:/i.test(address)) {
    report.say(at, `server ${address} is left out: stickyroute connects over TCP.`);
    return undefined;
  }
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(address) ?? [];
  const url = `http://${host}${port === undefined ? '' : `:${Number(port)}`}`;
  if (host === undefined || !isOrigin(url)) {
    report.say(at, `server ${address} is left out: it is not a host and a port.`);
    return undefined;
  }
  let weight = 1;
  let draining = false;
  let isBackup = false;
  let route: string | undefined;
  const passive = { ...FAILS_DEFAULT };
  for (const param of params) {
    const [name, value = ''] = param.split(/=(.*)/s);
    if (name === 'weight' && /^\d+$/.test(value)) weight = Number(value);
    else if (name === 'max_fails' && /^\d+$/.test(value)) passive.maxFails = Math.min(1000, Number(value));
    else if (name === 'fail_timeout') passive.failTimeout = nginxTime(value) ?? passive.failTimeout;
    else if (name === 'route') route = value;
    else if (name === 'backup') isBackup = true;
    else if (name === 'drain') draining = true;
    else if (name === 'down') {
      draining = true;
      report.say(
        at,
        'down is carried over as draining: nobody new gets there, and whoever is bound to it still does.',
      );
    } else if (name !== 'resolve') report.say(at, `${param} is not carried over.`);
  }
  const written = `${host}:${port ?? 80}`;
  const server: NginxServer = {
    id: written.replace(/[[\]]/g, ''),
    url,
    ...(weight !== 1 && { weight }),
    ...(draining && { draining }),
    // nginx hashes what is written here.
    ...(address !== memberAddress({ id: '', url, weight: 1 }) && { address }),
    isBackup,
    route,
    at,
  };
  return { server, passive };
}

function stickyOf({ args, at }: Directive, variables: Variables, report: Report): Sticky | undefined {
  const [kind, ...rest] = args;
  if (kind === 'route') {
    const cookies = rest.flatMap((variable) => variables.cookie(variable) ?? []);
    for (const variable of rest)
      if (variables.cookie(variable) === undefined)
        report.say(at, `sticky route ${variable} is not carried over: stickyroute follows cookies.`);
    if (cookies.length > 1) report.say(at, `sticky route: only the cookie ${cookies[0]!} is carried over.`);
    return cookies[0] === undefined ? undefined : { kind: 'route', cookie: cookies[0], at };
  }
  if (kind !== 'cookie' || rest[0] === undefined) {
    report.say(
      at,
      `sticky ${args.join(' ')} is not carried over: stickyroute remembers no sessions. Its rule cookie binds clients without.`,
    );
    return undefined;
  }
  const options: Record<string, unknown> = {};
  for (const param of rest.slice(1)) {
    const [name, value = ''] = param.split(/=(.*)/s);
    const life = name === 'expires' ? nginxTime(value) : undefined;
    if (life !== undefined) options['idle'] = life;
    else if (name === 'domain' || name === 'path') options[name] = value;
    else if (name === 'secure') options['secure'] = 'always';
    else if (name === 'samesite') options['sameSite'] = value.toLowerCase();
    else if (name !== 'httponly') report.say(at, `${param} is not carried over.`);
  }
  if (!rest.includes('httponly')) options['httpOnly'] = false;
  // Browsers drop one that is not secure.
  if (options['sameSite'] === 'none') options['secure'] = 'always';
  return { kind: 'cookie', name: rest[0], options, at };
}

/** `30`, `30s`, `1m`, `1h 30m`: seconds unless said otherwise, as one duration of ours. */
export function nginxTime(text: string): string | undefined {
  const parts = text
    .trim()
    .split(/\s+|(?<=[a-zA-Z])(?=\d)/)
    .map((part) => /^(\d{1,9})(ms|s|m|h|d|w)?$/.exec(part));
  if (parts.some((part) => part === null)) return undefined;
  const ms = parts.reduce(
    (sum, part) =>
      sum +
      (part![2] === 'w'
        ? Number(part![1]) * 7 * 86_400_000
        : parseDuration(`${part![1]!}${part![2] ?? 's'}`)!),
    0,
  );
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
