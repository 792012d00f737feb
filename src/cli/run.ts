import { Command } from 'commander';
import { commandFilesFor } from './commands.js';
import { addCompletion } from './completion.js';
import { reportFailure } from './failure.js';
import type { StartGateway } from './served-gateway.js';
import type { Surroundings } from './surroundings.js';
import { version } from '../control/version.js';

const EXAMPLES = `
Examples:
  stickyroute up --upstream http://127.0.0.1:3001 --upstream http://127.0.0.1:3002
  stickyroute up -c stickyroute.yaml
  stickyroute validate -c stickyroute.yaml
  stickyroute explain -c stickyroute.yaml --url http://example.org/ --header 'x-user-id: 7'
  stickyroute diff stickyroute.yaml next.yaml --max-moved 5%
  stickyroute advise
  stickyroute export nginx -c stickyroute.yaml > nginx.conf
  stickyroute import nginx.conf > stickyroute.yaml
  stickyroute status
  stickyroute drain api-2 --within 30m

Every key of the configuration: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 bad configuration or command line, 3 with --strict, not all carried over, or with --max-moved, more users move.`;

/** The command line as a function: returns the exit code. `argv` is what follows the program's name. */
export async function run(
  argv: readonly string[],
  around: Surroundings,
  startGateway?: StartGateway,
): Promise<number> {
  let exitCode = 0;
  const end = (code: number): void => void (exitCode = code);
  const program = new Command('stickyroute')
    .description(
      "Keeps every user on one upstream, and makes it not matter when it can't: a session-affinity gateway.",
    )
    .version(version(), '-V, --version', 'print the version')
    .configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
    })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  for (const file of commandFilesFor(argv)) (await file.load())(program, around, end, startGateway);
  addCompletion(program, around, end);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, around.stderr);
  }
}
