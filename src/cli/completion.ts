import { Argument, type Command } from 'commander';
import { EXIT, type Surroundings } from './surroundings.js';

/** A command, as a shell completes it. */
interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly long: string; readonly takesValue: boolean; readonly about: string }[];
}

const SHELLS = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
} as const satisfies Record<string, (commands: readonly Completed[]) => string>;

/** `stickyroute completion`: what a shell needs to complete our commands and flags. */
export function addCompletion(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('completion')
    .summary('print what bash, zsh or fish need to complete these commands')
    .description('Prints a script for a shell, which then completes commands and flags.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(stickyroute completion bash)\n  stickyroute completion zsh > ~/.zfunc/_stickyroute\n  stickyroute completion fish > ~/.config/fish/completions/stickyroute.fish',
    )
    .action((shell: keyof typeof SHELLS) => {
      around.stdout.write(SHELLS[shell](program.commands.map(completed)));
      end(EXIT.ok);
    });
}

function completed(command: Command): Completed {
  return {
    name: command.name(),
    summary: command.summary(),
    flags: [
      ...command.options.map(({ long, required, description }) => ({
        long: long!,
        takesValue: required,
        about: description,
      })),
      { long: '--help', takesValue: false, about: 'display help for command' },
    ],
  };
}

const names = (commands: readonly Completed[], between: string): string =>
  commands.map(({ name }) => name).join(between);
const flagsOf = ({ flags }: Completed): string => flags.map(({ long }) => long).join(' ');

function bashScript(commands: readonly Completed[]): string {
  const cases = commands.map((command) => `    ${command.name}) flags="${flagsOf(command)}" ;;`).join('\n');
  return `# stickyroute: completion for bash. source <(stickyroute completion bash)
_stickyroute() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" command="" flags="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${names(commands, '|')}) command="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  case "$command" in
    "") COMPREPLY=($(compgen -W "${names(commands, ' ')} --help --version" -- "$cur")); return ;;
${cases}
  esac
  if [[ "$command" == completion && "$cur" != -* ]]; then
    COMPREPLY=($(compgen -W "${Object.keys(SHELLS).join(' ')}" -- "$cur"))
  elif [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _stickyroute stickyroute
`;
}

function zshScript(commands: readonly Completed[]): string {
  const cases = commands.map((command) => `    (${command.name}) flags=(${flagsOf(command)}) ;;`).join('\n');
  return `#compdef stickyroute
# stickyroute: completion for zsh. stickyroute completion zsh > a folder of $fpath, as _stickyroute
_stickyroute() {
  local command= word
  local -a flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in
      (${names(commands, '|')}) command=$word; break ;;
    esac
  done
  case "$command" in
    ('') compadd -- ${names(commands, ' ')} --help --version; return ;;
${cases}
  esac
  if [[ $command == completion && "\${words[CURRENT]}" != -* ]]; then
    compadd -- ${Object.keys(SHELLS).join(' ')}
  elif [[ "\${words[CURRENT]}" == -* ]]; then
    compadd -- $flags
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _stickyroute ]]; then
  _stickyroute "$@"
elif (( $+functions[compdef] )); then
  compdef _stickyroute stickyroute
fi
`;
}

function fishScript(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c stickyroute -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...flags.map(
      ({ long, takesValue, about }) =>
        `complete -c stickyroute -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(about)}`,
    ),
  ]);
  const shells = `complete -c stickyroute -n '__fish_seen_subcommand_from completion' -f -a '${Object.keys(SHELLS).join(' ')}'`;
  return `# stickyroute: completion for fish\n${lines.join('\n')}\n${shells}\n`;
}

/** As fish reads it. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
