import type { Command } from 'commander';
import { stayAlive, systemClock } from '../../base/clock.js';
import type { PoolStateView, StatusView } from '../../control/admin/admin-views.js';
import type { Surroundings } from '../surroundings.js';
import { callAdmin } from './admin-call.js';
import { withAdminFlags, type AdminFlags, type AdminTarget } from './admin-target.js';
import { atEachGateway, type GatewayWord } from './each-gateway.js';
import { ageText, upstreamLines } from './upstream-table.js';

const EXAMPLES = `
Examples:
  stickyroute status
  stickyroute status --watch
  stickyroute status --admin http://10.0.0.1:9900 --admin http://10.0.0.2:9900 --json

Exit codes: 0 every gateway answered, 1 one did not, 2 bad command line.`;

const WATCH_MS = 1000;
/** Clears the screen, and goes to its first place. */
const CLEAR = '\x1b[2J\x1b[H';

/** `stickyroute status` and `stickyroute upstreams`: how is a running gateway? */
export function addStatus(program: Command, around: Surroundings, end: (code: number) => void): void {
  withAdminFlags(program.command('status'))
    .summary('say how a running gateway is')
    .description('Asks the admin API of running gateways how they are, with all their upstreams.')
    .option('-w, --watch', 'again every second, until Ctrl-C')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: AdminFlags & { readonly watch?: boolean }) => {
      if (flags.watch !== true) end(await atEachGateway(flags, around, (target) => wordOf(target, around)));
      else await watch(() => atEachGateway(flags, around, (target) => wordOf(target, around)), flags, around);
    });
  withAdminFlags(program.command('upstreams'))
    .summary('list the upstreams of a running gateway')
    .description('Lists the upstreams of running gateways: condition, standing, weight, and why.')
    .argument('[pool]', 'of this pool alone')
    .addHelpText('after', '\nExamples:\n  stickyroute upstreams\n  stickyroute upstreams api --json')
    .action(async (pool: string | undefined, flags: AdminFlags) => {
      end(
        await atEachGateway(flags, around, async (target): Promise<GatewayWord> => {
          const pools =
            pool === undefined
              ? (await callAdmin<{ pools: PoolStateView[] }>(target, '/pools')).pools
              : [await callAdmin<PoolStateView>(target, `/pools/${encodeURIComponent(pool)}`)];
          return { lines: upstreamLines(pools, systemClock.now(), around.columns?.()), json: { pools } };
        }),
      );
    });
}

async function wordOf(target: AdminTarget, around: Surroundings): Promise<GatewayWord> {
  const [status, { pools }] = await Promise.all([
    callAdmin<StatusView>(target, '/status'),
    callAdmin<{ pools: PoolStateView[] }>(target, '/pools'),
  ]);
  const nowMs = systemClock.now();
  const { version, address, workers, startedAt, configuration, counters } = status;
  const { file, inUseSince, lastReload } = configuration;
  const age = (instant: string): string => ageText(nowMs - Date.parse(instant));
  const crew = workers.wanted === 1 ? '' : `, ${workers.listening} of ${workers.wanted} workers`;
  const lines = [
    `stickyroute ${version} at ${address}, up ${age(startedAt)}${crew}, ${counters.connections} connections, ${counters.requests} requests`,
    `configuration ${file ?? 'from code'}, in use for ${age(inUseSince)}`,
    ...(lastReload?.problem === undefined
      ? []
      : [
          `the last reload, ${age(lastReload.at)} ago by ${lastReload.by}, was refused: ${lastReload.problem.split('\n')[0]}`,
        ]),
    ...(lastReload?.needsRestart ?? []).map(
      ({ setting, wanted }) => `${setting} ${wanted} waits for the next start`,
    ),
    '',
    ...upstreamLines(pools, nowMs, around.columns?.()),
  ];
  return { lines, json: { status, pools } };
}

/** Until the process is ended by a signal. */
async function watch(show: () => Promise<number>, flags: AdminFlags, around: Surroundings): Promise<void> {
  const hold = stayAlive();
  try {
    for (;;) {
      if (flags.json !== true && around.columns?.() !== undefined) around.stdout.write(CLEAR);
      await show();
      await new Promise<void>((next) => systemClock.after(WATCH_MS, next));
    }
  } finally {
    hold.stop();
  }
}
