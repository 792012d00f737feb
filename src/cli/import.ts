import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { CADDY_VERSION_WANTED, caddyWay } from '../route/placement/caddy-contest.js';
import { importText, origins, type Origin } from '../interop/import.js';
import { Report } from '../interop/report.js';
import { EXIT, type Surroundings } from './surroundings.js';

interface ImportFlags {
  readonly from?: Origin;
  readonly fromVersion?: string;
  readonly strict?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute import /etc/nginx/nginx.conf > stickyroute.yaml
  stickyroute import --from haproxy lb.cfg > stickyroute.yaml
  stickyroute import --from-version 2.6.2 Caddyfile > stickyroute.yaml

The configuration goes to standard output; what was not understood goes to standard error, with file and line.
Exit codes: 0 read, 1 the file can't be read or is broken, 2 bad command line, 3 with --strict: read, but not all was understood.`;

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
    .option('--strict', 'exit 3 when something was not understood')
    .addHelpText('after', EXAMPLES)
    .action((file: string, { from, fromVersion, strict }: ImportFlags) => {
      const report = new Report();
      around.stdout.write(importText(resolve(around.cwd, file), file, from, report, fromVersion));
      for (const line of report.lines) around.stderr.write(`${line}\n`);
      end(strict === true && report.lines.length > 0 ? EXIT.incomplete : EXIT.ok);
    });
}

function toOrigin(text: string): Origin {
  const origin = origins.find(({ name }) => name === text.toLowerCase());
  if (origin !== undefined) return origin;
  throw new InvalidArgumentError(`Write one of ${origins.map(({ name }) => name).join(', ')}.`);
}

function toCaddyVersion(text: string): string {
  if (caddyWay(text) !== undefined) return text;
  throw new InvalidArgumentError(`Write ${CADDY_VERSION_WANTED}.`);
}
