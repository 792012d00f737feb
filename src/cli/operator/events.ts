import type { Command } from 'commander';
import { stayAlive, systemClock } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';
import type { Surroundings } from '../surroundings.js';
import { callAdmin, openAdminAnswer } from './admin-call.js';
import { adminTargets, withAdminFlags, type AdminFlags, type AdminTarget } from './admin-target.js';
import { atEachGateway } from './each-gateway.js';
import { printable } from './text-table.js';

interface EventsFlags extends AdminFlags {
  readonly last?: boolean;
}

type Told = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly at: string;
  readonly kind: string;
};

const AGAIN_MS = 2000;
const LINE_CHARS_MAX = 1024 * 1024;

/** `stickyroute events`: what happens to a running gateway? */
export function addEvents(program: Command, around: Surroundings, end: (code: number) => void): void {
  withAdminFlags(program.command('events'))
    .summary('tell what happens to a running gateway')
    .description(
      'Tells what happens to running gateways: conditions, standings, reloads, workers. Until Ctrl-C.',
    )
    .option('--last', 'what happened lately, and no more')
    .addHelpText('after', '\nExamples:\n  stickyroute events\n  stickyroute events --last --json')
    .action(async (flags: EventsFlags) => {
      if (flags.last === true) {
        end(
          await atEachGateway(flags, around, async (target) => {
            const { events } = await callAdmin<{ events: Told[] }>(target, '/events');
            return { lines: events.map(eventText), json: { events } };
          }),
        );
        return;
      }
      const targets = adminTargets(flags, around);
      await Promise.all(targets.map((target) => follow(target, targets.length > 1, flags, around)));
    });
}

/** Comes back when the gateway goes away; the first time it must be there. */
async function follow(
  target: AdminTarget,
  isNamed: boolean,
  flags: EventsFlags,
  { stdout, stderr }: Surroundings,
): Promise<void> {
  const hold = stayAlive();
  let lastId: string | undefined;
  let hasBegun = false;
  const take = ({ event, id, data }: StreamedMessage): void => {
    if (id !== undefined) lastId = id;
    if (event === 'gap') stderr.write(`stickyroute: ${target.name}: some events were missed.\n`);
    if (event !== 'change') return;
    const told = JSON.parse(data) as Told;
    const text =
      flags.json === true
        ? JSON.stringify({ gateway: target.name, ...told })
        : `${isNamed ? `${target.name} ` : ''}${eventText(told)}`;
    stdout.write(`${text}\n`);
  };
  try {
    for (;;) {
      try {
        const answer = await openAdminAnswer(target, '/events', {
          headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
        });
        // A refusal is told in the words of any other call.
        if (answer.statusCode !== 200) {
          answer.destroy();
          await callAdmin(target, '/events?limit=1');
          throw new StickyError(
            'STICKY_ADMIN_REFUSED',
            `${target.name}: as many event streams as may be are open.`,
          );
        }
        hasBegun = true;
        await readStream(answer, take);
      } catch (error) {
        if (!hasBegun) throw error;
      }
      stderr.write(`stickyroute: ${target.name} has ended; trying again.\n`);
      await new Promise<void>((next) => systemClock.after(AGAIN_MS, next));
    }
  } finally {
    hold.stop();
  }
}

interface StreamedMessage {
  event: string;
  id: string | undefined;
  data: string;
}

async function readStream(
  answer: AsyncIterable<Buffer>,
  take: (message: StreamedMessage) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of answer) {
    text += decoder.decode(piece, { stream: true });
    let at: number;
    while ((at = text.indexOf('\n\n')) !== -1) {
      const fields = new Map(
        text
          .slice(0, at)
          .split('\n')
          .map(
            (line) =>
              [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()] as const,
          ),
      );
      text = text.slice(at + 2);
      take({ event: fields.get('event') ?? '', id: fields.get('id'), data: fields.get('data') ?? '' });
    }
    // A snapshot of 4096 upstreams has less.
    if (text.length > LINE_CHARS_MAX * 4)
      throw new StickyError('STICKY_ADMIN_REFUSED', 'An event has no end.');
  }
}

function eventText({ id: _id, at, kind, ...fields }: Told): string {
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${text(value)}`);
  return printable([at, kind, ...rest].join(' '));
}

function text(value: unknown): string {
  return typeof value === 'string' && !/[\s=]/.test(value) ? value : JSON.stringify(value);
}
