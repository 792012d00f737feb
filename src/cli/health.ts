import { get as getPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { InvalidArgumentError, type Command } from 'commander';
import { systemClock } from '../base/clock.js';
import { EXIT, type Surroundings } from './surroundings.js';

const USUAL = 'http://127.0.0.1:9901/ready';
/** Docker and kubelet give a check a second or more; who has to wait longer than this is not well. */
const ANSWER_MS = 2000;
const TEXT_CHARS_MAX = 1000;

const EXAMPLES = `
Examples:
  stickyroute health
  stickyroute health --url http://127.0.0.1:9901/live

It asks the port of \`monitor\` in the configuration. Exit codes: 0 ready, 1 not ready or no answer, 2 bad command line.`;

/** `stickyroute health`: for containers, which have no other program to ask with. */
export function addHealth(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('health')
    .summary('ask a running gateway whether it is ready')
    .description('Asks a running gateway whether it is ready, and says so in one line.')
    .option('--url <url>', 'where to ask', toUrl, new URL(USUAL))
    .addHelpText('after', EXAMPLES)
    .action(async ({ url }: { readonly url: URL }) => {
      const { isWell, text } = await ask(url);
      around.stdout.write(`${text}\n`);
      end(isWell ? EXIT.ok : EXIT.failed);
    });
}

interface Answer {
  readonly isWell: boolean;
  readonly text: string;
}

function ask(url: URL): Promise<Answer> {
  return new Promise((resolve) => {
    const asked: ClientRequest = (url.protocol === 'https:' ? getSecure : getPlain)(url, { agent: false });
    const late = systemClock.after(ANSWER_MS, () => finish(false, `${url.href} has not answered in 2s`));
    const finish = (isWell: boolean, text: string): void => {
      late.stop();
      asked.destroy();
      resolve({ isWell, text });
    };
    asked.on('response', (response) => {
      const isWell = response.statusCode === 200;
      void lines(response).then((text) =>
        finish(isWell, text === '' ? `status ${response.statusCode}` : text),
      );
    });
    asked.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      finish(false, `${url.href} gives no answer (${code ?? message})`),
    );
  });
}

/** The first line, and the reasons behind it, in one. */
async function lines(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const piece of response) {
      text += String(piece);
      if (text.length > TEXT_CHARS_MAX) break;
    }
  } catch {
    // What has come by then is said.
  }
  const [first = '', ...reasons] = text
    .slice(0, TEXT_CHARS_MAX)
    .replace(/[^\x20-\x7e\n]/g, '?')
    .trim()
    .split('\n');
  return reasons.length === 0 ? first : `${first}: ${reasons.join('; ')}`;
}

function toUrl(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError(`Write it whole, such as ${USUAL}.`);
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = '/ready';
  return url;
}
