import { Command } from 'commander';
import { addAdvise } from './advise.js';
import { addCompletion } from './completion.js';
import { addExplain } from './explain.js';
import { addExport } from './export.js';
import { reportFailure } from './failure.js';
import { addHealth } from './health.js';
import { addImport } from './import.js';
import type { StartGateway } from './served-gateway.js';
import type { Surroundings } from './surroundings.js';
import { addAskAndTell } from './operator/ask-and-tell.js';
import { addEvents } from './operator/events.js';
import { addStatus } from './operator/status.js';
import { addVerbs } from './operator/verbs.js';
import { addUp } from './up.js';
import { addValidate } from './validate.js';
import { version } from '../control/version.js';

const EXAMPLES = `
Examples:
  stickyroute up --upstream http://127.0.0.1:3001 --upstream http://127.0.0.1:3002
  stickyroute up -c stickyroute.yaml
  stickyroute validate -c stickyroute.yaml
  stickyroute explain -c stickyroute.yaml --url http://example.org/ --header 'x-user-id: 7'
  stickyroute advise
  stickyroute export nginx -c stickyroute.yaml > nginx.conf
  stickyroute import nginx.conf > stickyroute.yaml
  stickyroute status
  stickyroute drain api-2 --within 30m

Every key of the configuration: docs/configuration.md. Exit codes: 0 done, 1 failed, 2 bad configuration or command line, 3 with --strict, not all carried over.`;

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
  addUp(program, around, end, startGateway);
  addValidate(program, around, end);
  addExplain(program, around, end);
  addHealth(program, around, end);
  addAdvise(program, around, end);
  addExport(program, around, end);
  addImport(program, around, end);
  addStatus(program, around, end);
  addVerbs(program, around, end);
  addAskAndTell(program, around, end);
  addEvents(program, around, end);
  addCompletion(program, around, end);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, around.stderr);
  }
}
