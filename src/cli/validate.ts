import type { Command } from 'commander';
import { assemble } from '../control/assembly.js';
import { configWarnings } from '../control/warnings.js';
import { offlineConfig } from '../control/offline-upstreams.js';
import { resolveWarnings } from './resolve.js';
import { summary } from './summary.js';
import { configOf } from './source.js';
import { EXIT, type Surroundings } from './surroundings.js';

/** `stickyroute validate`: is this configuration good, and if not, what is wrong with it? */
export function addValidate(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('validate')
    .summary('check a configuration and list every problem in it')
    .description(
      'Checks a configuration, its certificate files and the environment variables it reads. Starts nothing.',
    )
    .option(
      '-c, --config <file>',
      'the configuration, YAML or JSON (default: stickyroute.yaml, .yml or .json here)',
    )
    .option('--resolve', 'also look up the names of upstreams, and warn of those with several addresses')
    .addHelpText(
      'after',
      '\nExamples:\n  stickyroute validate\n  stickyroute validate -c /etc/stickyroute.yaml --resolve\n\nExit codes: 0 good, 2 with problems.',
    )
    .action(async ({ config: given, resolve }: { config?: string; resolve?: boolean }) => {
      const { file, config } = configOf(given, around);
      // Some things only show when it is put together, such as a placement with more upstreams than it has
      // room for.
      const known = offlineConfig(config);
      const [broken] = known.broken;
      if (broken !== undefined) throw broken;
      assemble(known.config);
      around.stdout.write(`${file}: ok, ${summary(config)}\n`);
      for (const note of known.unknown) around.stderr.write(`note: ${note}\n`);
      for (const warning of configWarnings(known.config)) around.stderr.write(`warning: ${warning}\n`);
      if (resolve === true)
        for (const warning of await resolveWarnings(known.config))
          around.stderr.write(`${file}: ${warning}\n`);
      end(EXIT.ok);
    });
}
