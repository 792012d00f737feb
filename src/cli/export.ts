import { InvalidArgumentError, type Command } from 'commander';
import { checkKnown, offlineConfig } from '../control/offline-upstreams.js';
import { exportText, targets } from '../interop/export.js';
import { Report } from '../interop/report.js';
import { parseVersion, type Version } from '../interop/version.js';
import { configOf } from './source.js';
import { sayEnd } from './interop-end.js';
import type { Surroundings } from './surroundings.js';

interface ExportFlags {
  readonly config?: string;
  readonly targetVersion?: Version;
  readonly strict?: boolean;
  readonly accept?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute export nginx -c stickyroute.yaml > nginx.conf
  stickyroute export nginx --target-version 1.29.6 > nginx.conf
  stickyroute export haproxy --strict > haproxy.cfg

The file goes to standard output; what it can't say as stickyroute does goes to standard error and into its head, a line each.
A note says what a loss means: it opens a door (what the configuration keeps strangers from, the other balancer can't), behaves differently, or is harmless.
Exit codes: 0 written, 2 bad configuration or command line, 3 written, but something opens a door (--accept: 0), or with --strict not all is carried over.`;

/** `stickyroute export`: this configuration as another balancer's. */
export function addExport(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('export')
    .summary('write the configuration of nginx, HAProxy, Caddy or Envoy that does the same')
    .description(
      'Writes the configuration of another balancer that sends users where stickyroute would, as far as it can.',
    )
    .argument('<target>', targets.map(({ name }) => name).join(', '), toTarget)
    .option(
      '-c, --config <file>',
      'the configuration, YAML or JSON (default: stickyroute.yaml, .yml or .json here)',
    )
    .option('--target-version <version>', 'the version of the other balancer, such as 1.29.6', toVersion)
    .option('--strict', 'exit 3 when anything is not carried over')
    .option('--accept', 'exit 0 though something opens a door')
    .addHelpText('after', EXAMPLES)
    .action(
      (
        target: (typeof targets)[number],
        { config: given, targetVersion, strict = false, accept = false }: ExportFlags,
      ) => {
        const { file, config } = configOf(given, around);
        const known = offlineConfig(config);
        for (const note of known.unknown) around.stderr.write(`${file}: ${note}\n`);
        checkKnown(known);
        const report = new Report();
        around.stdout.write(exportText(target, known.config, file, targetVersion, report));
        for (const line of report.lines) around.stderr.write(`${file}: ${line}\n`);
        end(sayEnd(report, around.stderr, { strict, accept }));
      },
    );
}

function toTarget(text: string): (typeof targets)[number] {
  const target = targets.find(({ name }) => name === text.toLowerCase());
  if (target !== undefined) return target;
  throw new InvalidArgumentError(`Write one of ${targets.map(({ name }) => name).join(', ')}.`);
}

function toVersion(text: string): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw new InvalidArgumentError('Write a version such as 1.29.6.');
}
