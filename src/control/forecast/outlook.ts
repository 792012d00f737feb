import type { Rule } from '../../route/affinity/rule.js';
import type { RequestFacts } from '../../route/facts.js';
import { standardKinds, type Kinds } from '../../route/kinds.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { Answering, Assembly, Route } from '../assembly.js';
import type { Config, RouteConfig } from '../config/config.js';
import { sampleRule } from '../config/sample-rule.js';

/** What users meet at an instant: a configuration, put together, with its pools as they are then. */
export interface Outlook {
  readonly config: Config;
  readonly pools: ReadonlyMap<string, PoolSnapshot>;
  readonly kinds: Kinds;
  routeFor(facts: RequestFacts): Route | Answering | undefined;
}

/** Taken before and after a reload, which changes the pools of an assembly, and never a snapshot of them. */
export function outlookOf(assembly: Assembly, kinds: Kinds = standardKinds): Outlook {
  return {
    config: assembly.config,
    pools: new Map([...assembly.pools].map(([name, { snapshot }]) => [name, snapshot])),
    kinds,
    routeFor: (facts) => assembly.routeFor(facts),
  };
}

/** A rule of a route, to be asked what it would find. */
export interface SampledRule {
  readonly rule: Rule;
  /** `cookie sr`, `ip` */
  readonly label: string;
  readonly options: unknown;
  readonly use: 'binds' | 'follows' | 'keys';
  readonly alwaysFinds: boolean;
}

export function rulesOf({ kinds }: Outlook, { name, affinity }: RouteConfig): readonly SampledRule[] {
  return affinity.map((choice): SampledRule => {
    const definition = kinds.rule(choice.name);
    const rule = sampleRule(kinds, choice, name);
    const isFollower = definition.followsOnly === true || definition.handsOver === true;
    return {
      rule,
      label: rule.subject === '' ? rule.name : `${rule.name} ${rule.subject}`,
      options: choice.options,
      use: rule.bind !== undefined ? 'binds' : isFollower ? 'follows' : 'keys',
      alwaysFinds: definition.alwaysFinds === true,
    };
  });
}
