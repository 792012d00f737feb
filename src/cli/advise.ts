import type { Command } from 'commander';
import { CLIENTS, KEEPS } from '../control/presets.js';
import { adviceText, type Answers } from './advice-text.js';
import { askAll, toClients, toKeeps, toProxies, toUsers } from './questions.js';
import { configOfFlags } from './source.js';
import { EXIT, type Surroundings } from './surroundings.js';

type AdviseFlags = Partial<Omit<Answers, 'upstreams'>> & { readonly upstream?: readonly string[] };

const EXAMPLES = `
Examples:
  stickyroute advise
  stickyroute advise --users 50000
  stickyroute advise --users 2M --clients browsers --keeps copies --proxies 10.0.0.0/8 > stickyroute.yaml

Without flags it asks four questions. What it prints is a configuration, with the reasons as comments.
Exit codes: 0 advice given, 1 nobody answered, 2 bad command line.`;

const NOBODY = `stickyroute: advise asks its questions at a terminal, and there is none here. Answer with flags:
  stickyroute advise --users 50000 [--clients ${CLIENTS.join('|')}] [--keeps ${KEEPS.join('|')}] [--proxies 10.0.0.0/8]
`;

/** `stickyroute advise`: which preset, which configuration, and why? */
export function addAdvise(program: Command, around: Surroundings, end: (code: number) => void): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  program
    .command('advise')
    .summary('say which preset fits, with its configuration and the reason')
    .description(
      'Asks four questions, or takes the answers as flags, and prints the preset that fits, its configuration and the reason.',
    )
    .option('--users <count>', 'how many users the service has, or will have soon: 50000, 10k, 2M', toUsers)
    .option('--clients <who>', `who calls it: ${CLIENTS.join(', ')}`, toClients)
    .option(
      '--keeps <what>',
      `what an upstream keeps of a user between two requests: ${KEEPS.join(', ')}`,
      toKeeps,
    )
    .option(
      '--proxies <ranges>',
      'the proxies in front of the gateway: addresses or ranges with commas between, or none',
      toProxies,
    )
    .option('-u, --upstream <url>', 'an upstream for the printed configuration (repeatable)', collect)
    .addHelpText('after', EXAMPLES)
    .action(async ({ upstream: upstreams, ...given }: AdviseFlags, command: Command) => {
      // What is wrong with an upstream is told in the words of the flag.
      if (upstreams !== undefined) configOfFlags({ upstream: upstreams }, around.cwd);
      const { users } = given;
      if (users === undefined && Object.keys(given).length > 0)
        command.error(
          'error: --users is missing. The size decides first: write --users 50000, or none of the flags to be asked.',
        );
      const answers = users === undefined ? await asked(around) : { ...given, users };
      if (answers === undefined) {
        end(EXIT.failed);
        return;
      }
      around.stdout.write(adviceText({ ...answers, upstreams }));
      end(EXIT.ok);
    });
}

async function asked({ openTerminal, stderr }: Surroundings): Promise<Answers | undefined> {
  const terminal = openTerminal?.();
  if (terminal === undefined) {
    stderr.write(NOBODY);
    return undefined;
  }
  try {
    const answers = await askAll(terminal, stderr);
    if (answers === undefined) stderr.write('\nstickyroute: no answers, so no advice.\n');
    return answers;
  } finally {
    terminal.close();
  }
}
