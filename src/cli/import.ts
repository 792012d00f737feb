import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { CADDY_VERSION_WANTED, caddyWay } from '../route/placement/caddy-contest.js';
import { importText, origins, type ImportedBalancer } from '../interop/import.js';
import { Report } from '../interop/report.js';
import { sayEnd } from './interop-end.js';
import type { Surroundings } from './surroundings.js';

interface ImportFlags {
  readonly from?: ImportedBalancer;
  readonly fromVersion?: string;
  readonly strict?: boolean;
  readonly accept?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute import /etc/nginx/nginx.conf > stickyroute.yaml
  stickyroute import --from haproxy lb.cfg > stickyroute.yaml
  stickyroute import --from-version 2.6.2 Caddyfile > stickyroute.yaml

The configuration goes to standard output; what is not carried over goes to standard error and, as comments, into the configuration, with file and line.
A note says what a loss means: it opens a door (a password, an address or a certificate is no longer asked for), behaves differently, or is harmless.
A route that opens a door is written commented out, unless --accept says that everybody may use it.
Exit codes: 0 read, 1 the file can't be read or is broken, 2 bad command line, 3 read, but something opens a door, or with --strict not all is carried over.`;

/** `stickyroute import`: another balancer's configuration as ours. */
export function addImport(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('import')
    .summary('read the configuration of nginx, HAProxy or Caddy')
    .description(
      'Reads the configuration of another balancer and writes the one of stickyroute that sends users to the same upstreams. It guesses nothing: what it does not understand it says.',
    )
    .argument('<file>', 'nginx.conf, haproxy.cfg or Caddyfile; what it includes is read too')
    .option(
      '--from <balancer>',
      `${origins.map(({ name }) => name).join(', ')}; where the file's name does not say it`,
      toOrigin,
    )
    .option(
      '--from-version <version>',
      'its version, such as 2.6.2: Caddy has placed keys in three ways',
      toCaddyVersion,
    )
    .option('--strict', 'exit 3 when anything is not carried over')
    .option('--accept', 'write the routes that open a door as they are, and exit 0')
    .addHelpText('after', EXAMPLES)
    .action((file: string, { from, fromVersion, strict = false, accept = false }: ImportFlags) => {
      const report = new Report();
      around.stdout.write(
        importText(resolve(around.cwd, file), file, from, report, { version: fromVersion, accept }),
      );
      for (const line of report.lines) around.stderr.write(`${line}\n`);
      end(sayEnd(report, around.stderr, { strict, accept }));
    });
}

function toOrigin(text: string): ImportedBalancer {
  const origin = origins.find(({ name }) => name === text.toLowerCase());
  if (origin !== undefined) return origin;
  throw new InvalidArgumentError(`Write one of ${origins.map(({ name }) => name).join(', ')}.`);
}

function toCaddyVersion(text: string): string {
  if (caddyWay(text) !== undefined) return text;
  throw new InvalidArgumentError(`Write ${CADDY_VERSION_WANTED}.`);
}
