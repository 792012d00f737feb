import { StickyError } from '../../base/errors.js';
import type { Kinds } from '../../route/kinds.js';
import type { SourceDefinition } from '../../route/pool/source.js';
import { dnsSource } from './dns-source.js';
import { fileSource } from './file-source.js';
import { kubernetesSource } from './kubernetes-source.js';

/** Those that stickyroute brings along. */
const standardSources = [fileSource, dnsSource, kubernetesSource] as readonly SourceDefinition[];

/**
 * Every source that a configuration can name: those that stickyroute brings along, and those among the kinds.
 * Throws STICKY_CONFIG_INVALID for a name that is taken.
 */
export function sourceKinds({ sources }: Kinds): readonly SourceDefinition[] {
  const taken = sources.find(({ name }) => standardSources.some((standard) => standard.name === name));
  if (taken === undefined) return [...standardSources, ...sources];
  throw new StickyError(
    'STICKY_CONFIG_INVALID',
    `There is a source "${taken.name}" already. Give the source of your own another name.`,
  );
}

export function sourceKind(kinds: Kinds, name: string): SourceDefinition {
  const definition = sourceKinds(kinds).find((each) => each.name === name);
  if (definition !== undefined) return definition;
  throw new StickyError(
    'STICKY_CONFIG_INVALID',
    `The configuration names the source "${name}", which is not among the kinds given here. Give readConfig and startGateway the same kinds.`,
  );
}
