import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { standardKinds, type Kinds } from '../route/kinds.js';
import { sealsBindings } from './assembly.js';
import type { Config, RouteConfig } from './config/config.js';
import { sampleRule } from './config/sample-rule.js';
import { openFilesMax, openFilesWarning } from './open-files.js';

/** A pool of thousands with one mistake needs no thousand lines. */
const ALIKE_MAX = 5;

/**
 * What is allowed, and most likely not meant: said by `validate`, and when a gateway starts or reloads. Each
 * is a sentence that says what to do.
 */
export function configWarnings(config: Config, kinds: Kinds = standardKinds): string[] {
  const files = openFilesWarning(config, openFilesMax());
  return [
    ...few(config.routes.flatMap((route) => ruleWarnings(route, kinds))),
    ...(config.keys.length === 0 && sealsBindings(config, kinds)
      ? [
          'no keys are set, so the cookies of this run mean nothing to the next. Set keys (openssl rand -base64 32).',
        ]
      : []),
    ...(config.tls === undefined && config.listen.port === 443
      ? ['listen is port 443, and there is no tls: browsers speak HTTPS to it. Write tls: { cert, key }.']
      : []),
    ...few(selfWarnings(config)),
    ...(files === undefined ? [] : [files]),
  ];
}

function ruleWarnings({ name, affinity }: RouteConfig, kinds: Kinds): string[] {
  const warnings: string[] = [];
  const always = affinity.findIndex((choice) => kinds.rule(choice.name).alwaysFinds === true);
  const unasked = always === -1 ? [] : affinity.slice(always + 1).map((choice) => choice.name);
  if (unasked.length > 0) {
    const above = affinity[always]!.name;
    warnings.push(
      `route ${name}: ${above} finds a key in every request, so ${unasked.join(', ')} below it ${unasked.length === 1 ? 'is' : 'are'} never asked. Move ${above} to the end.`,
    );
  }
  const binding = affinity
    .map((choice) => sampleRule(kinds, choice, name))
    .filter(({ bind }) => bind !== undefined)
    .map((rule) => `${rule.name} ${rule.subject}`.trim());
  if (binding.length > 1)
    warnings.push(
      `route ${name}: ${binding.join(' and ')} ${binding.length > 2 ? 'all' : 'both'} write a cookie, and only the first does so for a new user. Remove the others once their cookies have expired.`,
    );
  return warnings;
}

/** Requests to itself would go round until `tries` or the connections end. */
function selfWarnings({ listen, pools }: Config): string[] {
  if (listen.port === 0) return [];
  const own = ownAddresses(listen.host);
  return pools.flatMap(({ name, upstreams }) =>
    upstreams.flatMap(({ id, url }) => {
      const { hostname, port, protocol } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
      const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
      return number === listen.port && own.has(host)
        ? [`upstream ${id} of pool ${name} is the gateway itself (${url}). Write the address of the app.`]
        : [];
    }),
  );
}

/** Names and addresses at which a listener can be reached from this machine. */
function ownAddresses(host: string | undefined): ReadonlySet<string> {
  const isEvery = host === undefined || host === '0.0.0.0' || host === '::';
  if (!isEvery) {
    const isLoopback = host === '127.0.0.1' || host === '::1';
    return new Set([host.toLowerCase(), ...(isLoopback || isIP(host) === 0 ? ['localhost'] : [])]);
  }
  const machine = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return new Set(['localhost', ...machine.map(({ address }) => address.toLowerCase())]);
}

function few(warnings: readonly string[]): readonly string[] {
  const more = warnings.length - ALIKE_MAX;
  return more <= 0 ? warnings : [...warnings.slice(0, ALIKE_MAX), `and ${more} more of the same kind.`];
}
