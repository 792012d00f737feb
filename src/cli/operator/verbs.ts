import { InvalidArgumentError, type Command } from 'commander';
import { systemClock } from '../../base/clock.js';
import { DURATION_FORM, parseDuration } from '../../base/duration.js';
import { StickyError } from '../../base/errors.js';
import { INSTANT_FORM, parseInstant } from '../../base/instant.js';
import type { PoolStateView, UpstreamView } from '../../control/admin/admin-views.js';
import { EXIT, type Surroundings } from '../surroundings.js';
import { callAdmin } from './admin-call.js';
import { withAdminFlags, type AdminFlags, type AdminTarget } from './admin-target.js';
import { waitForDrain } from './drain-wait.js';
import { atEachGateway, type GatewayWord } from './each-gateway.js';
import { findByName, pathOf } from './upstream-name.js';

interface DrainFlags extends AdminFlags {
  readonly within?: number;
  readonly until?: number;
  readonly quiet?: string;
  readonly wait?: boolean;
  readonly timeout?: number;
}

interface Changed {
  readonly changed: boolean;
  readonly saved?: boolean;
  readonly upstream: UpstreamView;
}

const UPSTREAM = 'its id, or POOL/ID where several pools have one of that id';

/** `stickyroute drain`, `enable`, `disable` and `weight`: what shall become of an upstream? */
export function addVerbs(program: Command, around: Surroundings, end: (code: number) => void): void {
  withAdminFlags(program.command('drain'))
    .summary('send an upstream no new users, and move those who are there by a deadline')
    .description(
      'Sends an upstream no new users from now on. With --within or --until, those who are there are moved one after the other until then; without, they still come.',
    )
    .argument('<upstream>', UPSTREAM)
    .option('--within <duration>', 'how long it may take: 30m', toDuration)
    .option('--until <instant>', 'when it must be over: 2027-03-01T18:00:00Z', toInstant)
    .option('--quiet <duration>', 'users who were quiet for so long, or come to a new page, leave first')
    .option('--wait', 'tell how far it is, and come back when it is over')
    .option('--timeout <duration>', 'with --wait: come back after so long at the latest', toDuration)
    .addHelpText(
      'after',
      '\nExamples:\n  stickyroute drain api-2\n  stickyroute drain api-2 --within 30m --wait\n  stickyroute drain web/api-2 --until 2027-03-01T18:00:00Z --admin http://10.0.0.1:9900 --admin http://10.0.0.2:9900\n\nSeveral gateways get the same instants, so that they move the same users at the same time.\nExit codes: 0 done, 1 refused or no answer, 2 bad command line.\nWith --wait: 0 empty, 1 users were left at the end, or nobody can say, 2 refused or bad command line.',
    )
    .action(async (name: string, flags: DrainFlags, command: Command) => {
      const { within, until, quiet, wait, timeout: timeoutMs } = flags;
      const hasEnd = within !== undefined || until !== undefined;
      if (within !== undefined && until !== undefined)
        command.error('error: --within and --until say the same thing twice. Write one of them.');
      if (!hasEnd && (wait === true || quiet !== undefined))
        command.error('error: --wait and --quiet need an end. Write --within 30m, or --until INSTANT.');
      if (timeoutMs !== undefined && wait !== true)
        command.error('error: --timeout is for --wait. Write both.');
      // Made once, so that all gateways draw the same turns; whole seconds, as they are written, and to come.
      const fromMs = Math.ceil(systemClock.now() / 1000) * 1000;
      const body = hasEnd
        ? {
            from: secondsText(fromMs),
            until: secondsText(until ?? fromMs + Math.ceil(within! / 1000) * 1000),
            ...(quiet !== undefined && { quiet }),
          }
        : {};
      const targets: AdminTarget[] = [];
      let isRefused = false;
      const asked = await atEachGateway(flags, around, async (target) => {
        try {
          const word = await say(target, name, 'drain', body);
          targets.push(target);
          return word;
        } catch (error) {
          isRefused ||= !(error instanceof StickyError && error.code === 'STICKY_ADMIN_UNREACHABLE');
          throw error;
        }
      });
      if (wait !== true) end(asked);
      else if (isRefused) {
        end(EXIT.misused);
        if (targets.length > 0)
          around.stderr.write(
            `stickyroute: the drain goes on at ${targets.map((target) => target.name).join(', ')}. To end it: stickyroute enable.\n`,
          );
      } else {
        const isEmpty = await waitForDrain({ targets, name, stderr: around.stderr, timeoutMs });
        end(isEmpty ? asked : EXIT.failed);
      }
    });
  for (const [verb, summary] of [
    ['enable', 'let all users come to an upstream'],
    ['disable', 'send an upstream no requests at all, bound users included'],
  ] as const)
    withAdminFlags(program.command(verb))
      .summary(summary)
      .description(`Asks running gateways to ${summary}.`)
      .argument('<upstream>', UPSTREAM)
      .addHelpText('after', `\nExamples:\n  stickyroute ${verb} api-2`)
      .action(async (name: string, flags: AdminFlags) => {
        end(await atEachGateway(flags, around, (target) => say(target, name, verb, {})));
      });
  withAdminFlags(program.command('weight'))
    .summary('give an upstream another share of users and requests')
    .description('Gives an upstream another weight, until its configuration says the same.')
    .argument('<upstream>', UPSTREAM)
    .argument('<weight>', 'above 0', toWeight)
    .addHelpText('after', '\nExamples:\n  stickyroute weight api-2 2.5')
    .action(async (name: string, weight: number, flags: AdminFlags) => {
      end(await atEachGateway(flags, around, (target) => say(target, name, 'weight', { weight })));
    });
}

async function say(target: AdminTarget, name: string, verb: string, body: object): Promise<GatewayWord> {
  const { pools } = await callAdmin<{ pools: PoolStateView[] }>(target, '/pools');
  const found = findByName(name, pools, target.name);
  const answer = await callAdmin<Changed>(target, `${pathOf(found)}/${verb}`, body);
  const { changed, saved, upstream } = answer;
  const { id, standing, weight, drain } = upstream;
  const until = drain === undefined ? '' : ` until ${drain.until}`;
  const line = `upstream ${id} of pool ${found.pool} is ${standing}${until}, weight ${weight}${changed ? '' : ' (as before)'}`;
  return {
    lines:
      saved === false
        ? [line, 'warning: the state file could not be written, so a restart forgets it']
        : [line],
    json: { pool: found.pool, ...answer },
  };
}

function secondsText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function toDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`Write ${DURATION_FORM}.`);
}

function toInstant(text: string): number {
  const ms = parseInstant(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(`Write ${INSTANT_FORM}.`);
}

function toWeight(text: string): number {
  if (/^\d{1,7}(?:\.\d{1,9})?$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('Write a number above 0, such as 2 or 0.5.');
}
