import type { Directive } from './directives.js';

/** A key expression of nginx as our rules, or why there are none. */
export type Keys =
  { readonly rules: readonly unknown[]; readonly notes: readonly string[] } | { readonly unknown: string };

const DEPTH_MAX = 16;
const RULES_MAX = 16;

/** The `map` blocks of a configuration, and what variables come to through them. */
export class Variables {
  readonly #maps = new Map<string, Directive>();
  readonly #used = new Set<Directive>();
  readonly #followed = new Set<Directive>();
  readonly #keys = new Map<string, Keys>();

  constructor(maps: readonly Directive[]) {
    for (const map of maps) {
      // `geo $name` looks at the client's address without naming it.
      const name = map.args.at(-1);
      if (name !== undefined) this.#maps.set(variableName(name) ?? name, map);
    }
  }

  /** Maps that nobody has asked for. */
  get unused(): readonly Directive[] {
    return [...this.#maps.values()].filter((map) => !this.#used.has(map));
  }

  map(variable: string): Directive | undefined {
    const map = this.#maps.get(variable);
    if (map !== undefined) this.#used.add(map);
    return map;
  }

  /** Marks a variable's maps as understood without reading them; each of them once. */
  use(text: string, depth = 0): void {
    for (const [, name] of text.matchAll(/\$\{?(\w+)\}?/g)) {
      const map = this.map(name!);
      if (map === undefined || depth > DEPTH_MAX || this.#followed.has(map)) continue;
      this.#followed.add(map);
      this.use(map.args[0] ?? '', depth + 1);
      for (const { args } of map.block ?? []) for (const part of args) this.use(part, depth + 1);
    }
  }

  /** What `hash EXPRESSION` hashes. */
  keys(expression: string, depth = 0): Keys {
    const name = variableName(expression);
    if (name === undefined)
      return { unknown: `${expression} is not one variable; stickyroute takes one value as the key.` };
    const [, kind, rest] = /^(http|arg|cookie)_(\w+)$/.exec(name) ?? [];
    if (kind === 'http') return found({ header: rest!.replaceAll('_', '-') });
    if (kind === 'arg')
      return found(
        { query: rest! },
        `$${name} is hashed as it is sent; stickyroute decodes values with % or +, and places those elsewhere.`,
      );
    const cookie = this.cookie(expression);
    if (cookie !== undefined) return found({ keyCookie: cookie });
    if (name === 'remote_addr') return found('ip');
    if (name === 'binary_remote_addr')
      return found(
        'ip',
        '$binary_remote_addr is hashed in binary; stickyroute hashes the address as text, so keys move once.',
      );
    const map = this.map(name);
    if (map === undefined) return { unknown: `$${name}: stickyroute has no rule for it.` };
    if (depth > DEPTH_MAX) return { unknown: `$${name}: the maps behind it have no end.` };
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const read = this.#ofMap(name, map, depth);
    const keys: Keys =
      'rules' in read && read.rules.length > RULES_MAX
        ? { unknown: `$${name}: the maps behind it come to more than ${RULES_MAX} rules.` }
        : read;
    this.#keys.set(name, keys);
    return keys;
  }

  /** The cookie whose value a variable is. */
  cookie(expression: string): string | undefined {
    const name = variableName(expression);
    if (name === undefined) return undefined;
    if (name.startsWith('cookie_')) return name.slice('cookie_'.length);
    const map = this.#maps.get(name);
    if (map?.args[0] !== '$http_cookie') return undefined;
    const [entry, ...more] = (map.block ?? []).filter((line) => line.name !== 'default');
    const [, cookie] = /^~\*?\(\?:\^\|;[^)]*\)((?:[\w-]|\\.)+)=\(\[\^;\]\*\)$/.exec(entry?.name ?? '') ?? [];
    if (cookie === undefined || more.length > 0 || entry!.args[0] !== '$1') return undefined;
    this.#used.add(map);
    return cookie.replace(/\\(.)/g, '$1');
  }

  #ofMap(name: string, map: Directive, depth: number): Keys {
    const source = map.args[0]!;
    const entries = map.block ?? [];
    const otherwise = entries.find((entry) => entry.name === 'default')?.args[0] ?? '';
    const others = entries.filter((entry) => entry.name !== 'default');
    const [only] = others;
    if (others.length === 1 && only!.name === '' && variableName(otherwise) === variableName(source)) {
      const first = this.keys(source, depth + 1);
      if ('unknown' in first) return first;
      const second = this.keys(only!.args[0] ?? '', depth + 1);
      if ('unknown' in second) return second;
      return { rules: [...first.rules, ...second.rules], notes: [...first.notes, ...second.notes] };
    }
    if (others.length === 0 && variableName(otherwise) === variableName(source))
      return this.keys(source, depth + 1);
    const pattern =
      others.length === 1 && otherwise === '' && (source === '$uri' || source === '$request_uri')
        ? pathPattern(only!.name, only!.args[0] ?? '')
        : undefined;
    if (pattern !== undefined) return found({ path: pattern });
    return { unknown: `$${name}: what the map at ${map.at} does is no rule of stickyroute.` };
  }
}

/** `$name` or `${name}`, and nothing around it. */
export function variableName(text: string): string | undefined {
  return /^\$(?:(\w+)|\{(\w+)\})$/
    .exec(text)
    ?.slice(1)
    .find((name) => name !== undefined);
}

function found(rule: unknown, note?: string): Keys {
  return { rules: [rule], notes: note === undefined ? [] : [note] };
}

/** `~^/users/([^/]+)(?:/|$)` → `/users/:key`: segments, one of them taken. */
function pathPattern(regex: string, value: string): string | undefined {
  const body = /^~\^(\/.*?)(?:\(\?:\/\|\$\)|\(\/\|\$\)|\/?)$/.exec(regex)?.[1];
  if (body === undefined) return undefined;
  let taken = 0;
  // A slash between segments, not the one inside of [^/].
  const segments = body
    .slice(1)
    .replaceAll('[^/]', '[^]')
    .split('/')
    .map((segment) => {
      const capture = /^\((?:\?P?<(\w+)>)?\[\^\]\+\)$/.exec(segment);
      if (capture !== null) {
        taken++;
        return value === '$1' || (capture[1] !== undefined && value === `$${capture[1]}`)
          ? `:${capture[1] ?? 'key'}`
          : undefined;
      }
      const text = segment.replace(/\\([^\w])/g, '\u0000$1');
      if (/[.*+?^${}()|[\]\\]/.test(text.replace(/\u0000./g, ''))) return undefined;
      return text.replaceAll('\u0000', '');
    });
  return taken === 1 && !segments.includes(undefined) ? `/${segments.join('/')}` : undefined;
}
