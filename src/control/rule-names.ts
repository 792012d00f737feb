import type { Rule } from '../route/affinity/rule.js';

/** A rule goes by its name; when a route has two of a kind, by name and subject. */
export function ruleNames(rules: readonly Rule[]): ReadonlyMap<Rule, string> {
  return new Map(
    rules.map((rule) => {
      const isOnly = rules.filter((other) => other.name === rule.name).length === 1;
      return [rule, isOnly || rule.subject === '' ? rule.name : `${rule.name}:${rule.subject}`];
    }),
  );
}
