import type { KeySource } from '../affinity-view.js';
import type { Report } from '../report.js';
import { cookieValue } from './cookie-value.js';
import { block, literal, word } from './text.js';

/** A key for `hash`, and the maps that it needs in front of it. */
export interface NginxKey {
  /** `$http_x_user_id`; undefined when there is no key that nginx could find. */
  readonly variable: string | undefined;
  readonly maps: readonly string[];
}

/** Keys in order: the first that is not empty counts. `tag` tells the variables of two routes apart. */
export function hashKey(keys: readonly KeySource[], tag: string, at: string, report: Report): NginxKey {
  const maps: string[] = [];
  const variables = keys.flatMap((key, index) => {
    const variable = sourceVariable(
      key,
      `$sr_path${keys.length === 1 ? '' : index + 1}_${tag}`,
      at,
      maps,
      report,
    );
    return variable === undefined ? [] : [variable];
  });
  let variable = variables.pop();
  while (variables.length > 0) {
    const before = variables.pop()!;
    const chosen = `$sr_key${variables.length === 0 ? '' : variables.length + 1}_${tag}`;
    maps.push(...block(`map ${before} ${chosen}`, [`"" ${variable};`, `default ${before};`]));
    variable = chosen;
  }
  if (maps.length > 0)
    maps.unshift('# A key is the first of these that is not empty, as in the rules of stickyroute.');
  return { variable, maps };
}

function sourceVariable(
  key: KeySource,
  pathVariable: string,
  at: string,
  maps: string[],
  report: Report,
): string | undefined {
  switch (key.kind) {
    case 'header':
      // Without underscores_in_headers nginx ignores a field whose name has one; other characters can't stand
      // in a variable.
      if (/^[a-z0-9-]+$/.test(key.name)) return `$http_${key.name.replaceAll('-', '_')}`;
      report.say(
        at,
        `header ${key.name} is not carried over: nginx has no variable for such a name. Name it with letters, digits and hyphens.`,
      );
      return undefined;
    case 'query':
      if (!/^\w+$/.test(key.name)) {
        report.say(
          at,
          `query ${key.name} is not carried over: nginx has no variable for such a name. Name it with letters, digits and _.`,
        );
        return undefined;
      }
      report.say(
        at,
        `query ${key.name}: nginx hashes it as it is sent. stickyroute decodes values with % or +, and places those elsewhere.`,
      );
      return `$arg_${key.name}`;
    case 'cookie': {
      const { variable, lines } = cookieValue(key.name, pathVariable.slice(1));
      maps.push(...lines);
      return variable;
    }
    case 'ip':
      if (key.prefix4 !== 32 || key.prefix6 !== 128)
        report.say(at, 'ip: prefix4 and prefix6 are not carried over: nginx hashes whole addresses.');
      return '$remote_addr';
    case 'path': {
      const before = key.before.map((segment) => `/${literal(segment)}`).join('');
      const after = key.after.map((segment) => `/${literal(segment)}`).join('');
      maps.push(
        ...block(`map $uri ${pathVariable}`, [
          `${word(`~^${before}/([^/]+)${after}(?:/|$)`)} $1;`,
          'default "";',
        ]),
      );
      return pathVariable;
    }
  }
}
