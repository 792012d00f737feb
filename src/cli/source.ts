import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StickyError } from '../base/errors.js';
import type { Config } from '../control/config/config.js';
import { loadConfig, readConfig } from '../control/config/load.js';
import { ConfigError, type ConfigProblem } from '../control/config/problem.js';
import { PRESETS, type PresetName } from '../control/presets.js';
import type { Surroundings } from './surroundings.js';

const NAMES = ['stickyroute.yaml', 'stickyroute.yml', 'stickyroute.json'];

/** The file of `-c`, or the one with the usual name in the working folder. */
export function configFile(given: string | undefined, cwd: string): string | undefined {
  return given ?? NAMES.find((name) => existsSync(join(cwd, name)));
}

/** Reads the file of `-c` or the usual one; says what to type when there is neither. */
export function configOf(
  given: string | undefined,
  { cwd, env }: Surroundings,
): { readonly file: string; readonly config: Config } {
  const file = configFile(given, cwd);
  if (file === undefined)
    throw new StickyError(
      'STICKY_CONFIG_UNREADABLE',
      `There is no ${NAMES[0]} in this folder. Name a file: -c FILE.`,
    );
  return { file, config: loadConfig(file, env, cwd) };
}

/** What stands in for a file on the command line. */
export interface RoutingFlags {
  readonly upstream?: readonly string[];
  readonly affinity?: readonly string[];
  readonly placement?: string;
  readonly balance?: string;
  /** Under what the other flags say. */
  readonly preset?: PresetName;
}

const FLAG_OF: Readonly<Record<string, keyof RoutingFlags>> = {
  upstreams: 'upstream',
  affinity: 'affinity',
  placement: 'placement',
  balance: 'balance',
};

/** One pool and one route from flags. Problems speak of the flags. */
export function configOfFlags(flags: RoutingFlags, cwd: string): Config {
  const value = {
    ...PRESETS.find(({ name }) => name === flags.preset)?.config,
    upstreams: flags.upstream,
    ...(flags.affinity && { affinity: flags.affinity.map(ruleOf) }),
    ...(flags.placement !== undefined && { placement: flags.placement }),
    ...(flags.balance !== undefined && { balance: flags.balance }),
  };
  try {
    return readConfig(value, { folder: cwd });
  } catch (error) {
    if (error instanceof ConfigError)
      throw new ConfigError(error.problems.map((problem) => inFlags(problem, flags)));
    throw error;
  }
}

/** `ip` stays; `header:x-user-id` becomes `{ header: 'x-user-id' }`. */
function ruleOf(text: string): unknown {
  const colon = text.indexOf(':');
  return colon === -1 ? text : { [text.slice(0, colon)]: text.slice(colon + 1) };
}

function inFlags(problem: ConfigProblem, flags: RoutingFlags): ConfigProblem {
  const [, key = '', at] = /^(\w+)(?:\[(\d+)\])?/.exec(problem.path) ?? [];
  const flag = FLAG_OF[key];
  if (flag === undefined) return problem;
  const value = at === undefined ? flags[flag] : flags[flag]?.[Number(at)];
  // A URL with a password would show it.
  const shown = typeof value === 'string' && !value.includes('@') ? ` ${value}` : '';
  return { path: `--${flag}${shown}`, message: problem.message };
}
