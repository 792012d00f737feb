import { InvalidArgumentError, type Command } from 'commander';
import { exportText, targets } from '../interop/export.js';
import { Report } from '../interop/report.js';
import { parseVersion, type Version } from '../interop/version.js';
import { configOf } from './source.js';
import { EXIT, type Surroundings } from './surroundings.js';

interface ExportFlags {
  readonly config?: string;
  readonly targetVersion?: Version;
  readonly strict?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute export nginx -c stickyroute.yaml > nginx.conf
  stickyroute export nginx --target-version 1.29.6 > nginx.conf
  stickyroute export haproxy --strict > haproxy.cfg

The file goes to standard output; what it can't say as stickyroute does goes to standard error, a line each.
Exit codes: 0 written, 2 bad configuration or command line, 3 with --strict: written, but not all is carried over.`;

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
    .option('--strict', 'exit 3 when something is not carried over')
    .addHelpText('after', EXAMPLES)
    .action((target: (typeof targets)[number], { config: given, targetVersion, strict }: ExportFlags) => {
      const { file, config } = configOf(given, around);
      const report = new Report();
      around.stdout.write(exportText(target, config, file, targetVersion, report));
      for (const line of report.lines) around.stderr.write(`${file}: ${line}\n`);
      end(strict === true && report.lines.length > 0 ? EXIT.incomplete : EXIT.ok);
    });
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
