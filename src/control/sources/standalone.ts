import { systemClock, type Clock } from '../../base/clock.js';
import { badOption } from '../../base/options.js';
import { systemRandom, type Random } from '../../base/random.js';
import type { Source, SourceDefinition } from '../../route/pool/source.js';
import { pathText } from '../config/problem.js';
import { sentence, toIssues } from '../config/messages.js';
import { dnsSource } from './dns-source.js';
import { fileSource } from './file-source.js';
import { kubernetesSource } from './kubernetes-source.js';

/** What a source takes from outside; each has a default. */
export interface SourceSurroundings {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Where relative paths start. Default: the working folder. */
  readonly folder?: string | undefined;
}

/** A list in a file, as `file:` in `sources`. Throws STICKY_CONFIG_INVALID for options that can't be. */
export function file(options: unknown, around?: SourceSurroundings): Source {
  return standalone(fileSource as SourceDefinition, options, around);
}

/** Addresses or SRV records, as `dns:` in `sources`. */
export function dns(options: unknown, around?: SourceSurroundings): Source {
  return standalone(dnsSource as SourceDefinition, options, around);
}

/** The pods of a service, as `kubernetes:` in `sources`. */
export function kubernetes(options: unknown, around?: SourceSurroundings): Source {
  return standalone(kubernetesSource as SourceDefinition, options, around);
}

function standalone(
  definition: SourceDefinition,
  options: unknown,
  { clock = systemClock, random = systemRandom, folder = process.cwd() }: SourceSurroundings = {},
): Source {
  const read = definition.options.safeParse(options, { error: sentence });
  if (read.success) return definition.create(read.data, { clock, random, folder });
  const { path, message } = toIssues(read.error.issues)[0]!;
  throw badOption(`${pathText([definition.name, ...path])}: ${message}`);
}
