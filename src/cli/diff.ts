import { InvalidArgumentError, type Command } from 'commander';
import { assemble } from '../control/assembly.js';
import { forecast, forecastText, moreThan } from '../control/forecast/forecast.js';
import { outlookOf, type Outlook } from '../control/forecast/outlook.js';
import { offlineConfig } from '../control/offline-upstreams.js';
import { configOf } from './source.js';
import { EXIT, type Surroundings } from './surroundings.js';

type DiffFlags = Readonly<Record<string, unknown>>;

/** `stickyroute diff`: what does this change of the configuration do to users? */
export function addDiff(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('diff')
    .summary('say which users a change of the configuration moves')
    .description(
      'Says what users notice when the configuration of the first file is replaced by that of the second. Starts nothing.',
    )
    .argument('<old>', 'the configuration that runs')
    .argument('<new>', 'the one that shall run')
    .option('--max-moved <share>', 'exit 3 when more users move on any route, such as 5%', toShare)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  stickyroute diff stickyroute.yaml next.yaml\n  stickyroute diff stickyroute.yaml next.yaml --max-moved 5%\n\nExit codes: 0 done, 2 a bad configuration or command line, 3 more users move than --max-moved allows.',
    )
    .action((old: string, next: string, flags: DiffFlags) => {
      const json = flags['json'];
      const movedMax = flags['maxMoved'];
      const told = forecast(outlookOfFile(old, around), outlookOfFile(next, around));
      const excess = moreThan(told, typeof movedMax === 'number' ? movedMax : 1);
      const lines = forecastText(told);
      around.stdout.write(json === true ? `${JSON.stringify(told, null, 2)}\n` : `${lines.join('\n')}\n`);
      if (excess !== undefined) around.stderr.write(`stickyroute: ${excess}\n`);
      end(excess === undefined ? EXIT.ok : EXIT.incomplete);
    });
}

function outlookOfFile(file: string, around: Surroundings): Outlook {
  const known = offlineConfig(configOf(file, around).config);
  const [broken] = known.broken;
  if (broken !== undefined) throw broken;
  for (const note of known.unknown) around.stderr.write(`note: ${file}: ${note}\n`);
  return outlookOf(assemble(known.config));
}

function toShare(text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,3})?) ?%$/.exec(text) ?? [];
  const share = Number(digits) / 100;
  if (digits !== undefined && share <= 1) return share;
  throw new InvalidArgumentError('Write a share from 0% to 100%, such as 5%.');
}
