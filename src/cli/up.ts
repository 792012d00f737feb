import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { pino } from 'pino';
import { systemClock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Config, Listen } from '../control/config/config.js';
import { loadConfig } from '../control/config/load.js';
import { listen as listenSchema, workers as workersSchema } from '../control/config/schema.js';
import { PRESETS, type PresetName } from '../control/presets.js';
import { configWarnings } from '../control/warnings.js';
import { watchConfig } from './config-watch.js';
import { runUntilStopped } from './lifetime.js';
import type { StartGateway } from './served-gateway.js';
import { configFile, configOfFlags, type RoutingFlags } from './source.js';
import { overview } from './summary.js';
import { EXIT, type Surroundings } from './surroundings.js';
import { version } from '../control/version.js';

interface UpFlags extends RoutingFlags {
  readonly config?: string;
  readonly listen?: Listen;
  readonly workers?: Config['workers'];
  readonly expose?: boolean;
  readonly accessLog: boolean;
  readonly watch?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute up --upstream http://127.0.0.1:3001 --upstream http://127.0.0.1:3002
  stickyroute up --preset medium --upstream http://10.0.0.1:3000 --upstream http://10.0.0.2:3000
  stickyroute up --upstream http://10.0.0.1:3000 --upstream http://10.0.0.2:3000 --affinity header:x-user-id --affinity ip
  stickyroute up -c stickyroute.yaml --listen 127.0.0.1:8080 --expose

Rules for --affinity, tried in the order given: cookie, ip, header:NAME, query:NAME, path:/users/:id, routeCookie:NAME, keyCookie:NAME.
Signals: SIGTERM, SIGINT and SIGQUIT stop it once requests in progress are done, a second one at once; SIGHUP reads the file again.`;

/** Loaded when needed: `validate` and `--help` have no use for the gateway. */
const realGateway: StartGateway = async (config, options) => {
  const count = workerCount(config);
  if (count === 1) return (await import('../control/index.js')).startGateway(config, options);
  return (await import('../control/workers/supervisor.js')).startSupervisor(config, count, options);
};

function workerCount({ workers }: Config): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** `stickyroute up`: runs the gateway until a signal ends it. */
export function addUp(
  program: Command,
  around: Surroundings,
  end: (code: number) => void,
  startGateway: StartGateway = realGateway,
): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  program
    .command('up')
    .summary('run the gateway')
    .description('Runs the gateway, from a file or from flags alone.')
    .option(
      '-c, --config <file>',
      'the configuration, YAML or JSON (default: stickyroute.yaml, .yml or .json here)',
    )
    .option(
      '-u, --upstream <url>',
      'an upstream, instead of a file; its id is its host and port (repeatable)',
      collect,
    )
    .option('-l, --listen <address>', 'port, or address:port (default: 8080)', toListen)
    .option(
      '-p, --preset <size>',
      `what fits the number of users: ${PRESETS.map(({ name }) => name).join(', ')} (see: stickyroute advise)`,
      toPreset,
    )
    .option('-a, --affinity <rule>', 'how users are told apart (repeatable; default: cookie)', collect)
    .option(
      '--placement <name>',
      'key → upstream: rendezvous, ring, maglev, or as another balancer does, such as nginxConsistent (default: rendezvous)',
    )
    .option(
      '--balance <name>',
      'no key → upstream: leastRequests, roundRobin or twoChoices (default: leastRequests)',
    )
    .option(
      '-w, --workers <count>',
      'processes that share the port, or auto for one a core (default: 1)',
      toWorkers,
    )
    .option('--expose', 'add x-upstream and x-affinity to answers')
    .option('--watch', 'read the file again whenever it changes; a bad one changes nothing')
    .option('--no-access-log', 'write no line a request')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: UpFlags) => {
      const read = configReader(flags, around);
      if (flags.watch === true && read.file === undefined)
        throw new StickyError(
          'STICKY_CONFIG_INVALID',
          '--watch has nothing to watch, because there is no file. Name one: -c FILE.',
        );
      const config = read.config();
      const outputs = around.openOutputs(workerCount(config) > 1);
      const serving: Surroundings = { ...around, stderr: outputs.stderr };
      const file = read.file === undefined ? undefined : { name: read.file, read: read.config };
      const inherited = around.inheritPort?.();
      const logger = pino({ base: null }, outputs.log);
      const notices = around.openNotices?.();
      const gateway = await startGateway(config, { logger, file, inherited });
      // Whoever reads that it listens may send a signal at once.
      const path =
        flags.watch === true && read.file !== undefined ? resolve(around.cwd, read.file) : undefined;
      const watch =
        path === undefined ? undefined : (changed: () => void) => watchConfig(path, systemClock, changed);
      const stopped = runUntilStopped(gateway, read.file, serving, notices, watch);
      announce(gateway.address, config, serving);
      notices?.ready();
      await stopped;
      await outputs.finish();
      end(EXIT.ok);
    });
}

/** Where the configuration comes from, and how to read it anew with the same flags on top. */
function configReader(
  flags: UpFlags,
  around: Surroundings,
): { readonly file: string | undefined; config(): Config } {
  const { upstream, preset, affinity, placement, balance } = flags;
  const routing = Object.entries({ upstream, preset, affinity, placement, balance })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => `--${name}`);
  if (upstream !== undefined && flags.config === undefined) {
    return { file: undefined, config: () => withFlags(configOfFlags(flags, around.cwd), flags) };
  }
  const file = configFile(flags.config, around.cwd);
  if (file === undefined) throw new StickyError('STICKY_CONFIG_UNREADABLE', NOTHING_TO_RUN);
  if (routing.length > 0) {
    const instead =
      upstream === undefined ? 'or name upstreams with --upstream and use no file' : 'or leave out -c';
    throw new StickyError(
      'STICKY_CONFIG_INVALID',
      `${routing.join(' and ')} can't be mixed with a file (${file}). Write it into the file, ${instead}.`,
    );
  }
  return { file, config: () => withFlags(loadConfig(file, around.env, around.cwd), flags) };
}

const NOTHING_TO_RUN = `There is nothing to run: no stickyroute.yaml in this folder, no -c, no --upstream. Type one of
  stickyroute up --upstream http://127.0.0.1:3001 --upstream http://127.0.0.1:3002
  stickyroute up -c FILE`;

/** What concerns the gateway and not the routing may be said in both places; the flag wins. */
function withFlags(config: Config, { listen, workers, expose, accessLog }: UpFlags): Config {
  return {
    ...config,
    listen: listen ?? config.listen,
    workers: workers ?? config.workers,
    expose: expose ?? config.expose,
    accessLog: accessLog && config.accessLog,
  };
}

function announce(address: string, config: Config, { stderr }: Surroundings): void {
  const count = workerCount(config);
  stderr.write(
    `stickyroute ${version()} listens at ${address}${count === 1 ? '' : ` with ${count} workers`}\n`,
  );
  for (const line of overview(config)) stderr.write(`  ${line}\n`);
  for (const warning of configWarnings(config)) stderr.write(`  warning: ${warning}\n`);
}

function toPreset(text: string): PresetName {
  const preset = PRESETS.find(({ name }) => name === text);
  if (preset !== undefined) return preset.name;
  throw new InvalidArgumentError(
    `The presets are ${PRESETS.map(({ name, size }) => `${name} (${size})`).join(', ')}.`,
  );
}

function toListen(text: string): Listen {
  const result = listenSchema.safeParse(text);
  if (result.success) return result.data;
  throw new InvalidArgumentError(`It ${result.error.issues[0]!.message}`);
}

function toWorkers(text: string): Config['workers'] {
  const result = workersSchema.safeParse(text);
  if (result.success) return result.data;
  throw new InvalidArgumentError(`It ${result.error.issues[0]!.message}`);
}
