import { StickyError } from '../base/errors.js';
import type { RuleDefinition } from './affinity/definition.js';
import { rules } from './affinity/registry.js';
import type { BalanceDefinition } from './balance/definition.js';
import { balances } from './balance/registry.js';
import type { PlacementDefinition } from './placement/definition.js';
import { placements } from './placement/registry.js';
import type { SourceDefinition } from './pool/source.js';

/** Definitions of one's own, to add to those that there are. */
export interface MoreKinds {
  readonly rules?: readonly RuleDefinition[];
  readonly placements?: readonly PlacementDefinition[];
  readonly balances?: readonly BalanceDefinition[];
  readonly sources?: readonly SourceDefinition[];
}

/** Every rule, placement and balance that a configuration can name. */
export class Kinds {
  readonly rules: readonly RuleDefinition[];
  /** The first is the default. */
  readonly placements: readonly PlacementDefinition[];
  /** The first is the default. */
  readonly balances: readonly BalanceDefinition[];
  /** Sources of one's own. Those that stickyroute brings along open files, so they are in control. */
  readonly sources: readonly SourceDefinition[];

  constructor(kinds: Required<MoreKinds>) {
    this.rules = distinct('rule', kinds.rules);
    this.placements = distinct('placement', kinds.placements);
    this.balances = distinct('balance', kinds.balances);
    this.sources = distinct('source', kinds.sources);
  }

  /**
   * These and some of one's own. Throws STICKY_CONFIG_INVALID for a name that is taken: a configuration must
   * mean the same everywhere.
   */
  with(more: MoreKinds): Kinds {
    return new Kinds({
      rules: [...this.rules, ...(more.rules ?? [])],
      placements: [...this.placements, ...(more.placements ?? [])],
      balances: [...this.balances, ...(more.balances ?? [])],
      sources: [...this.sources, ...(more.sources ?? [])],
    });
  }

  rule(name: string): RuleDefinition {
    return found('rule', this.rules, name);
  }

  placement(name: string): PlacementDefinition {
    return found('placement', this.placements, name);
  }

  balance(name: string): BalanceDefinition {
    return found('balance', this.balances, name);
  }
}

/** Those that stickyroute brings along. */
export const standardKinds = new Kinds({ rules: [...rules.values()], placements, balances, sources: [] });

interface Named {
  readonly name: string;
}

function distinct<D extends Named>(what: string, definitions: readonly D[]): readonly D[] {
  const twice = definitions.find(
    ({ name }, index) => definitions.findIndex((d) => d.name === name) !== index,
  );
  if (twice === undefined) return definitions;
  throw new StickyError(
    'STICKY_CONFIG_INVALID',
    `There is a ${what} "${twice.name}" already. Give the ${what} of your own another name.`,
  );
}

/** A configuration that was read with other kinds names what is not here. */
function found<D extends Named>(what: string, definitions: readonly D[], name: string): D {
  const definition = definitions.find((each) => each.name === name);
  if (definition !== undefined) return definition;
  throw new StickyError(
    'STICKY_CONFIG_INVALID',
    `The configuration names the ${what} "${name}", which is not among the kinds given here. Give readConfig and startGateway the same kinds.`,
  );
}
