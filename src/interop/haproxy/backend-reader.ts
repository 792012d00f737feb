import { isDeepStrictEqual } from 'node:util';
import { haproxyNumbers } from '../../route/placement/haproxy-node-keys.js';
import { FromEnvironment, upstreamId, type Draft, type DraftPool } from '../draft.js';
import { Names } from '../names.js';
import type { Report } from '../report.js';
import { choosing } from './balance-reader.js';
import { haproxyServer, haproxyTime, type HaproxyServer } from './server-reader.js';
import { lockOf } from './locks.js';
import { probesOf } from './probes.js';
import { readInherited, readSetting } from './settings.js';
import type { Line, Section } from './sections.js';

/** A backend in our words: a pool, and the affinity of the routes that lead to it. */
export interface HaproxyBackend {
  readonly pool: DraftPool;
  readonly affinity: readonly unknown[];
  readonly balance: string | undefined;
}

/** Lines of a backend that are read together below. */
const READ_HERE = new Set([
  'balance',
  'hash-type',
  'server',
  'default-server',
  'cookie',
  'dynamic-cookie-key',
  'use-server',
  'server-template',
  'use-fcgi-app',
  'stick-table',
  'stick',
]);

/** Lines of a `listen` that concern its front. */
const FRONT = new Set(['bind', 'acl', 'use_backend', 'default_backend']);

/** `inherited`: what its `defaults` say. Undefined, and said, where it has no server that is of use. */
export function haproxyBackend(
  section: Section,
  inherited: readonly Line[],
  draft: Draft,
  report: Report,
): HaproxyBackend | undefined {
  const { lines, name, at } = section;
  const own = (...words: string[]): Line | undefined =>
    lines.findLast((line) => words.every((word, index) => line.words[index] === word));
  const last = (...words: string[]): Line | undefined =>
    own(...words) ?? inherited.findLast((line) => words.every((word, index) => line.words[index] === word));
  const variables = lines.filter(
    ({ words }) =>
      words[0] === 'http-request' &&
      /^set-var/.test(words[1] ?? '') &&
      !/sr_(?:client|for)\)$/.test(words[1]!),
  );
  report.spend(lines.length * (1 + variables.length) + inherited.length);
  for (const line of lines)
    if (
      lockOf(line) === undefined &&
      !isRead(line, variables) &&
      !(section.kind === 'listen' && FRONT.has(line.words[0]!))
    )
      readSetting(line, draft, report, at);
  readInherited(inherited, section, draft, report);
  const speaksFastCgi = lines.some(({ words }) => words[0] === 'use-fcgi-app');
  const servers = speaksFastCgi ? [] : readServers(section, inherited, report);
  if (servers.length === 0) {
    report.say(at, `backend ${name} is not carried over: ${whyNone(lines)}`);
    return undefined;
  }
  const hashKey = servers.find((server) => server.hashKey !== undefined)?.hashKey;
  const chosen = choosing(last('balance'), last('hash-type'), variables, hashKey, report);
  const table = tableRules(lines, chosen.rules, report);
  const bindings = bindingRules(lines, servers, last('cookie'), last('dynamic-cookie-key'), report);
  const passive = servers.every(({ errorLimit }) => errorLimit === undefined)
    ? { maxFails: 0 }
    : { maxFails: Math.min(1000, servers.find(({ errorLimit }) => errorLimit !== undefined)!.errorLimit!) };
  const tls = tlsOf(servers, report);
  const isConsistent = JSON.stringify(chosen.placement ?? '').includes('haproxyConsistent');
  const health = probesOf(last('option', 'httpchk'), [...inherited, ...lines], servers, report);
  const pool: DraftPool = {
    name,
    upstreams: servers.map(
      ({
        cookie: _cookie,
        check: _check,
        errorLimit: _limit,
        hashKey: _key,
        tls: _tls,
        isHttp2: _http2,
        at: _at,
        haproxyId,
        ...rest
      }) => ({ ...rest, ...(haproxyId !== undefined && isConsistent && { haproxyId }) }),
    ),
    ...(chosen.placement !== undefined && { placement: chosen.placement }),
    ...(health !== undefined && { health }),
    passive,
    ...(tls !== undefined && Object.keys(tls).length > 0 && { tls }),
    http2: isHttp2(servers, report),
  };
  return { pool, affinity: [...bindings, ...chosen.rules, ...table], balance: chosen.balance };
}

/** Why none of its servers is one of ours. */
function whyNone(lines: readonly Line[]): string {
  const first = (name: string): Line | undefined => lines.find(({ words }) => words[0] === name);
  const app = first('use-fcgi-app');
  if (app !== undefined)
    return `use-fcgi-app ${app.words[1] ?? ''}: its servers speak FastCGI, and stickyroute speaks HTTP. Put a web server in front of them.`;
  const template = first('server-template');
  if (template !== undefined)
    return `server-template ${template.words[1] ?? ''}: its servers are found by DNS while HAProxy runs. Name the upstreams.`;
  return first('server') === undefined
    ? 'there is no server in it; it answers by itself, or not at all.'
    : 'no server in it is of use here.';
}

function isRead({ words }: Line, variables: readonly Line[]): boolean {
  const [name = '', second = ''] = words;
  if (READ_HERE.has(name) || variables.some((line) => line.words === words)) return true;
  return (
    (name === 'option' && second === 'httpchk') ||
    (name === 'http-check' && (second === 'send' || second === 'expect')) ||
    (name === 'timeout' && second === 'check') ||
    (name === 'option' && second === 'persist')
  );
}

function readServers({ lines }: Section, inherited: readonly Line[], report: Report): HaproxyServer[] {
  const defaults = (some: readonly Line[]): string[] =>
    some.filter(({ words }) => words[0] === 'default-server').flatMap(({ words }) => words.slice(1));
  // `server-template web 3 …` is three servers, which count though none of them can be carried over.
  const written = lines.flatMap((line) => {
    if (line.words[0] !== 'server-template') return line.words[0] === 'server' ? [line] : [];
    const length = templateSize(line);
    report.say(
      line.at,
      `server-template ${line.words[1] ?? ''} is left out: its servers are found by DNS while HAProxy runs. Name the upstreams.`,
    );
    report.spend(length * 10);
    return Array.from({ length }, () => line);
  });
  const numbers = numbersOf(written, report);
  const urls = new Set<string>();
  const names = new Names();
  const before = defaults(inherited);
  // default-server goes for the servers behind it.
  const inForce = new Map<Line, number>();
  for (const line of lines) {
    if (line.words[0] === 'default-server') for (const word of line.words.slice(1)) before.push(word);
    else if (line.words[0] === 'server') inForce.set(line, before.length);
  }
  const kept = written.flatMap((line, index) => {
    if (line.words[0] !== 'server') return [];
    const options = before.slice(0, inForce.get(line)!);
    report.spend(options.length + line.words.length);
    const server = haproxyServer(line, options, report);
    if (server === undefined) return [];
    if (urls.has(server.url)) {
      report.say(
        server.at,
        `server ${server.id} is left out: another one has its address. Give that more weight.`,
      );
      return [];
    }
    urls.add(server.url);
    return [{ ...server, id: names.unique(upstreamId(server.id)), haproxyId: numbers[index]! }];
  });
  // Without numbers they would be counted anew here.
  const isCounted = kept.every(({ haproxyId }, index) => haproxyId === index + 1);
  return isCounted ? kept.map(({ haproxyId: _id, ...server }) => server) : kept;
}

/** What HAProxy counts servers by: `id`, or the next number that nobody has. */
function numbersOf(written: readonly Line[], report: Report): number[] {
  const taken = new Set<string>();
  return haproxyNumbers(
    written.map(({ words, at }, index) => {
      const member = { id: String(index), weight: 1 };
      const id =
        words[0] === 'server' && words.includes('id') ? (words[words.indexOf('id') + 1] ?? '') : undefined;
      if (id === undefined) return member;
      if (/^[1-9]\d{0,9}$/.test(id) && Number(id) < 2 ** 31 && !taken.has(id)) {
        taken.add(id);
        return { ...member, haproxyId: Number(id) };
      }
      report.say(
        at,
        `server ${words[1] ?? ''}: id ${id} is not carried over: ${taken.has(id) ? 'another one has it' : 'it is no number'}.`,
      );
      return member;
    }),
  );
}

function templateSize({ words }: Line): number {
  const [, first = 0, last] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(words[2] ?? '') ?? [];
  return last === undefined ? Number(first) : Math.max(0, Number(last) - Number(first) + 1);
}

/** One way for a pool: where servers differ, the stricter one. */
function tlsOf(servers: readonly HaproxyServer[], report: Report): object | undefined {
  const able = servers.filter(({ tls }) => tls !== undefined);
  const chosen = able.find(({ tls }) => !('insecure' in tls!)) ?? able[0];
  for (const { id, tls, at } of able) {
    if (!isDeepStrictEqual(tls, chosen!.tls))
      report.say(
        at,
        `server ${id}: verify and ca-file are those of ${chosen!.id} here: stickyroute has one of each for a pool.`,
      );
  }
  return chosen?.tls;
}

/** One version for a pool: HTTP/2 where every server speaks it. */
function isHttp2(servers: readonly HaproxyServer[], report: Report): boolean {
  const some = servers.find((server) => server.isHttp2);
  const other = servers.find((server) => !server.isHttp2);
  if (some !== undefined && other !== undefined)
    report.say(
      some.at,
      `server ${some.id}: HTTP/2 is not carried over, because ${other.id} of its backend speaks HTTP/1.1, and a pool speaks one version.`,
    );
  return some !== undefined && other === undefined;
}

function bindingRules(
  lines: readonly Line[],
  servers: readonly HaproxyServer[],
  cookie: Line | undefined,
  key: Line | undefined,
  report: Report,
): unknown[] {
  const routed = routeCookie(lines, servers, report);
  if (cookie === undefined) return routed;
  const [, name = '', ...options] = cookie.words;
  const option = (word: string): string | undefined =>
    options.includes(word) ? options[options.indexOf(word) + 1] : undefined;
  // Of two with one value HAProxy takes the first.
  const values = new Map<string, string>();
  for (const { id, cookie: value } of servers)
    if (value !== undefined && !values.has(value)) values.set(value, id);
  const isDynamic = options.includes('dynamic');
  if (values.size === 0 && !isDynamic) {
    if (lines.includes(cookie))
      report.say(
        cookie.at,
        `cookie ${name} is not carried over: no server has a value for it, so nobody is bound there either.`,
      );
    return routed;
  }
  const isPrefix = options.includes('prefix');
  if (!options.includes('insert')) {
    report.say(
      cookie.at,
      `cookie ${name} ${isPrefix ? 'prefix' : 'rewrite'} is not carried over as it is: stickyroute leaves the app's cookies alone. A sealed cookie binds clients; those of HAProxy are followed too.`,
    );
  } else
    report.harmless(
      cookie.at,
      `cookie ${name} becomes a sealed cookie of stickyroute. Cookies of HAProxy are followed too; when all are replaced, take acceptCookies out.`,
    );
  for (const word of ['preserve', 'postonly'].filter((each) => options.includes(each)))
    report.say(cookie.at, `cookie ${name} … ${word} is not carried over.`);
  const sameSite = options
    .map((word) => /^SameSite=(\w+)$/i.exec(word)?.[1]?.toLowerCase())
    .find((word) => word !== undefined);
  const [idle, absolute] = [life(option('maxidle')), life(option('maxlife'))];
  const sealed = {
    ...(idle !== undefined && { idle }),
    ...(absolute !== undefined && { absolute }),
    ...(option('domain') !== undefined && { domain: option('domain') }),
    ...(!options.includes('httponly') && { httpOnly: false }),
    ...((options.includes('secure') || sameSite === 'none') && { secure: 'always' }),
    ...(sameSite !== undefined && sameSite !== 'lax' && { sameSite }),
  };
  const more = {
    ...(isPrefix
      ? { prefix: true }
      : {
          ...(sealed.idle !== undefined && { maxIdle: sealed.idle }),
          ...(sealed.absolute !== undefined && { maxLife: sealed.absolute }),
        }),
  };
  // A server with a value of its own keeps it also where the others' are dynamic.
  const formats = [
    ...(values.size > 0 ? [{ haproxy: { name, upstreams: Object.fromEntries(values), ...more } }] : []),
    ...(isDynamic && key?.words[1] !== undefined
      ? [{ haproxy: { name, dynamicKey: secretOf(key.words[1]), ...more } }]
      : []),
  ];
  const canFollow = formats.length > 0;
  if (!canFollow)
    report.say(
      cookie.at,
      `cookie ${name}: no server says what it stands for, so its cookies can't be followed.`,
    );
  return [
    Object.keys(sealed).length === 0 ? 'cookie' : { cookie: sealed },
    ...(canFollow ? [{ acceptCookies: { formats } }] : []),
    ...routed,
  ];
}

/** `"$KEY"` and `"${KEY}"` read the environment, there as here. */
function secretOf(text: string): string | FromEnvironment {
  const name = /^\$(?:(\w+)|\{(\w+)\})$/
    .exec(text)
    ?.slice(1)
    .find((found) => found !== undefined);
  return name === undefined ? text : new FromEnvironment(name);
}

function life(seconds: string | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  return /^\d+$/.test(seconds) ? `${seconds}s` : haproxyTime(seconds);
}

/**
 * `use-server api-1 if { req.cook(backend) -m str api-1 }` for every server: the app's cookie names the
 * upstream.
 */
function routeCookie(lines: readonly Line[], servers: readonly HaproxyServer[], report: Report): unknown[] {
  let name: string | undefined;
  for (const { words, at } of lines.filter((line) => line.words[0] === 'use-server')) {
    const [, server = '', ...condition] = words;
    const [, cookie, value] =
      /^if \{ (?:req\.)?cook\(([^)]+)\)(?: -m str)? (\S+) \}$/.exec(condition.join(' ')) ?? [];
    if (
      cookie === undefined ||
      value !== server ||
      !servers.some(({ id }) => id === server) ||
      (name !== undefined && name !== cookie)
    )
      report.say(
        at,
        `use-server ${server} is not carried over: it must ask for one cookie that says ${server}.`,
      );
    else name = cookie;
  }
  return name === undefined ? [] : [{ routeCookie: name }];
}

/**
 * Remembered addresses have no counterpart but the rule for addresses; where a hash already says who goes
 * where, it stays.
 */
function tableRules(lines: readonly Line[], hashed: readonly unknown[], report: Report): unknown[] {
  const rules: unknown[] = [];
  for (const { words, at } of lines.filter((line) => line.words[0] === 'stick')) {
    const [, prefix4, prefix6] =
      /^stick on src(?:,ipmask\((\d+)(?:,(\d+))?\))?(?: table \S+)?$/.exec(words.join(' ')) ?? [];
    const isSource = /^stick on src(?:,ipmask\([\d,]+\))?(?: table \S+)?$/.test(words.join(' '));
    if (!isSource || hashed.length > 0 || rules.length > 0) {
      report.say(
        at,
        `${words.join(' ')} is not carried over: stickyroute remembers nothing.${isSource ? '' : ' The rule cookie binds clients.'}`,
      );
      continue;
    }
    report.say(
      at,
      'stick on src is carried over as the rule ip: addresses are placed by a hash and not remembered, so they move once.',
    );
    rules.push(
      prefix4 === undefined
        ? 'ip'
        : { ip: { prefix4: Number(prefix4), ...(prefix6 !== undefined && { prefix6: Number(prefix6) }) } },
    );
  }
  return rules;
}
