import type { Command } from 'commander';
import { configJsonSchema } from '../control/config/json-schema.js';
import { standardKinds } from '../route/kinds.js';
import { EXIT, type Surroundings } from './surroundings.js';

const EXAMPLES = `
Examples:
  stickyroute schema > stickyroute.schema.json

An editor that knows YAML then completes and checks a file that begins with
  # yaml-language-server: $schema=stickyroute.schema.json`;

/** `stickyroute schema`: the configuration, for editors. */
export function addSchema(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('schema')
    .summary('print the JSON Schema of the configuration, for editors')
    .description(
      'Prints a JSON Schema of the configuration, by which editors complete and check. What it can not say, `validate` does.',
    )
    .addHelpText('after', EXAMPLES)
    .action(() => {
      around.stdout.write(`${JSON.stringify(configJsonSchema(standardKinds), null, 2)}\n`);
      end(EXIT.ok);
    });
}
