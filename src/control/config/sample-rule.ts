import { rules } from '../../route/affinity/registry.js';
import type { Rule } from '../../route/affinity/rule.js';

/**
 * A rule made of checked options, to ask what it would do; undefined for a name that is none. It seals with a
 * key of no worth.
 */
export function sampleRule(name: string, options: unknown, route: string): Rule | undefined {
  return rules
    .get(name)
    ?.create(options, { route, keys: ['-'.repeat(32)], tokenVerifier: () => async () => ({}) });
}
