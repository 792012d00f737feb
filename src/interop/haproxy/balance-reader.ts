import type { Report } from '../report.js';
import type { Line } from './sections.js';

/** How a backend chooses, in our words. */
export interface Choosing {
  readonly rules: readonly unknown[];
  /** Undefined: no key, so no placement. */
  readonly placement: unknown;
  readonly balance: string | undefined;
}

const BALANCES: Readonly<Record<string, string>> = {
  roundrobin: 'roundRobin',
  'static-rr': 'roundRobin',
  leastconn: 'leastRequests',
};

/**
 * `balance` and `hash-type`, with the variables that `balance hash` reads. `hashKey`: what the servers say of
 * it.
 */
export function choosing(
  balance: Line | undefined,
  hashType: Line | undefined,
  variables: readonly Line[],
  hashKey: string | undefined,
  report: Report,
): Choosing {
  const [, method = 'roundrobin', ...rest] = balance?.words ?? [];
  const at = balance?.at ?? '';
  const plain = (name: string | undefined): Choosing => ({ rules: [], placement: undefined, balance: name });
  const known = BALANCES[method];
  if (known !== undefined) return plain(known);
  if (/^random(?:\(\d+\))?$/.test(method)) return plain('twoChoices');
  const found = rulesOf(method, rest, variables, at, report);
  if (typeof found === 'string') {
    report.say(at, `balance ${[method, ...rest].join(' ')} is not carried over: ${found}`);
    return plain(undefined);
  }
  return {
    ...found,
    placement: placementOf(hashType, found.isSource, hashKey, report),
    balance: 'roundRobin',
  };
}

function rulesOf(
  method: string,
  rest: readonly string[],
  variables: readonly Line[],
  at: string,
  report: Report,
): { readonly rules: readonly unknown[]; readonly isSource: boolean } | string {
  const [, header] = /^hdr\(([^,)]+)\)$/.exec(method) ?? [];
  if (header !== undefined) {
    if (rest.length > 0)
      report.say(
        at,
        `balance ${method} ${rest.join(' ')}: ${rest.join(' ')} is not carried over; the whole value counts.`,
      );
    report.say(
      at,
      `balance ${method}: of a field with commas HAProxy hashes what stands before the first, and stickyroute the whole.`,
    );
    return { rules: [{ header: header.toLowerCase() }], isSource: false };
  }
  if (method === 'source') return { rules: ['ip'], isSource: true };
  if (method === 'url_param' && rest[0] !== undefined) {
    if (rest.length > 1)
      report.say(
        at,
        `balance url_param ${rest.join(' ')}: ${rest.slice(1).join(' ')} is not carried over: stickyroute looks for it in the query.`,
      );
    sayUndecoded(rest[0], at, report);
    return { rules: [{ query: rest[0] }], isSource: false };
  }
  if (method === 'hash' && rest.length > 0) {
    const expression = rest.join(' ');
    const variable = /^var\((txn\.[\w.]+)\)$/.exec(expression)?.[1];
    const rules = variable === undefined ? [ruleOf(expression)] : chain(variable, variables);
    const wrong = rules.find((rule) => typeof rule === 'string' && rule !== 'ip');
    if (wrong !== undefined) return wrong as string;
    for (const rule of rules)
      if (typeof rule === 'object' && 'query' in (rule as object))
        sayUndecoded((rule as { query: string }).query, at, report);
    return { rules, isSource: false };
  }
  return 'stickyroute has no such rule. It takes keys from a header, a parameter, a cookie, the path or the address.';
}

function sayUndecoded(name: string, at: string, report: Report): void {
  report.say(
    at,
    `url_param ${name} is hashed as it is sent; stickyroute decodes values with % or +, and places those elsewhere.`,
  );
}

/** The rule for an expression; a text that is not `ip` says why there is none. */
function ruleOf(expression: string, condition = ''): unknown {
  const [, header] = /^req\.f?hdr\(([^,)]+)\)$/.exec(expression) ?? [];
  if (header !== undefined) return { header: header.toLowerCase() };
  const [, cookie] = /^(?:req\.)?cook\(([^,)]+)\)$/.exec(expression) ?? [];
  if (cookie !== undefined) return { keyCookie: cookie };
  const [, query] = /^url_param\(([^,)]+)\)$/.exec(expression) ?? [];
  if (query !== undefined) return { query };
  const [, prefix4, prefix6] = /^%\[src(?:,ipmask\((\d+),(\d+)\))?\]$/.exec(expression) ?? [];
  if (prefix4 !== undefined) return { ip: { prefix4: Number(prefix4), prefix6: Number(prefix6) } };
  if (expression === '%[src]') return 'ip';
  const [, field] = /^path,field\((\d+),\/\)(?:,url_dec)?$/.exec(expression) ?? [];
  const pattern = field === undefined ? undefined : pathPattern(condition, Number(field) - 2);
  if (pattern !== undefined) return { path: pattern };
  if (expression === 'src')
    return 'src is hashed in binary, and stickyroute hashes addresses as text, or as balance source does.';
  return `${expression} is none of its rules.`;
}

/** `http-request set-var(txn.key) …`, line after line, each where the one before found nothing. */
function chain(variable: string, lines: readonly Line[]): unknown[] {
  const own = lines.filter(
    ({ words }) => words[1] === `set-var(${variable})` || words[1] === `set-var-fmt(${variable})`,
  );
  if (own.length === 0) return [`var(${variable}) is set where stickyroute can't see it.`];
  return own.map(({ words }, index) => {
    const [, , expression = '', ...condition] = words;
    const text = condition.join(' ');
    const rest = text.replace(`!{ var(${variable}) -m len gt 0 }`, '').replace(/^if */, '').trim();
    const isLater = text.includes(`!{ var(${variable}) -m len gt 0 }`);
    const path = /^\{ path_reg (\S+) \}$/.exec(rest)?.[1];
    if (isLater !== index > 0 || (rest !== '' && path === undefined))
      return `the condition ${text} is none of its rules.`;
    return ruleOf(expression, path);
  });
}

/** `^/users/[^/]+(/|$)`, the taken segment at a place → `/users/:key`. */
function pathPattern(regex: string, index: number): string | undefined {
  const body = /^\^\/(.*?)\(\/\|\$\)$/.exec(regex)?.[1];
  const segments = body
    ?.replaceAll('[^/]', '[^]')
    .split('/')
    .map((segment, at) => {
      if (segment === '[^]+') return at === index ? ':key' : undefined;
      if (/[.*+?^${}()|[\]]/.test(segment.replace(/\\./g, ''))) return undefined;
      return segment.replace(/\\(.)/g, '$1');
    });
  return segments === undefined || segments.includes(undefined) || !segments.includes(':key')
    ? undefined
    : `/${segments.join('/')}`;
}

function placementOf(
  hashType: Line | undefined,
  isSource: boolean,
  hashKey: string | undefined,
  report: Report,
): unknown {
  const [, kind = 'map-based', ...rest] = hashType?.words ?? [];
  const hash = rest.find((word) => ['sdbm', 'djb2', 'wt6', 'crc32', 'none'].includes(word));
  const options: Record<string, unknown> = {
    ...(hash !== undefined && { hash }),
    ...(rest.includes('avalanche') && { avalanche: true }),
    ...(isSource && { source: true }),
  };
  const name = kind === 'consistent' ? 'haproxyConsistent' : 'haproxyMap';
  if (hashKey !== undefined && name === 'haproxyConsistent') {
    if (['id', 'id32', 'addr', 'addr-port'].includes(hashKey)) options['key'] = hashKey;
    else report.say(hashType?.at ?? '', `hash-key ${hashKey} is not carried over: keys move once.`);
  }
  return Object.keys(options).length === 0 ? name : { [name]: options };
}
