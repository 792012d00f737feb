import type { Command } from 'commander';
import { assemble } from '../control/assembly.js';
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
    .addHelpText(
      'after',
      '\nExamples:\n  stickyroute validate\n  stickyroute validate -c /etc/stickyroute.yaml\n\nExit codes: 0 good, 2 with problems.',
    )
    .action(({ config: given }: { config?: string }) => {
      const { file, config } = configOf(given, around);
      // Some things only show when it is put together, such as a placement with more upstreams than it has
      // room for.
      assemble(config);
      around.stdout.write(`${file}: ok, ${summary(config)}\n`);
      end(EXIT.ok);
    });
}
