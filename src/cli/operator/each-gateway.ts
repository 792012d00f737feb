import { StickyError } from '../../base/errors.js';
import { EXIT, type Surroundings } from '../surroundings.js';
import { adminTargets, type AdminFlags, type AdminTarget } from './admin-target.js';

/** What was learnt of one gateway: lines for people, a value for programs. */
export interface GatewayWord {
  readonly lines: readonly string[];
  readonly json: object;
  /** It was done, but what was asked for is not so: such as no upstream for a request. */
  readonly isShort?: boolean;
}

/**
 * Does the same at every gateway, at once, and tells how it went, in the order of the flags. One that fails
 * keeps no other from being asked.
 */
export async function atEachGateway(
  flags: AdminFlags,
  around: Surroundings,
  ask: (target: AdminTarget) => Promise<GatewayWord>,
): Promise<number> {
  const targets = adminTargets(flags, around);
  const words = await Promise.allSettled(targets.map((target) => ask(target)));
  let exitCode: number = EXIT.ok;
  words.forEach((word, at) => {
    const { name } = targets[at]!;
    if (word.status === 'rejected') {
      if (!(word.reason instanceof StickyError)) throw word.reason;
      const { code, message } = word.reason;
      around.stderr.write(`stickyroute: ${message}\n`);
      if (flags.json === true) print(around, { gateway: name, error: { code, message } });
      exitCode = EXIT.failed;
      return;
    }
    const { lines, json, isShort } = word.value;
    if (isShort === true) exitCode = EXIT.failed;
    if (flags.json === true) print(around, { gateway: name, ...json });
    else {
      if (targets.length > 1) around.stdout.write(`${at > 0 ? '\n' : ''}== ${name}\n`);
      around.stdout.write(lines.map((line) => `${line}\n`).join(''));
    }
  });
  return exitCode;
}

function print({ stdout }: Surroundings, value: object): void {
  stdout.write(`${JSON.stringify(value)}\n`);
}
