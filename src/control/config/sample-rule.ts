import type { Random } from '../../base/random.js';
import type { Rule } from '../../route/affinity/rule.js';
import type { Kinds } from '../../route/kinds.js';
import type { Choice } from './config.js';

/** Nothing that it seals is ever sent. */
const NO_CHANCE: Random = { below: () => 0, id: () => '0'.repeat(32) };

/** A rule made of checked options, to ask what it would do. It seals with a key of no worth, unless told. */
export function sampleRule(
  kinds: Kinds,
  { name, options }: Choice,
  route: string,
  keys: readonly string[] = ['-'.repeat(32)],
): Rule {
  const context = { route, keys, random: NO_CHANCE, tokenVerifier: () => async () => ({}) };
  return kinds.rule(name).create(options, context);
}
