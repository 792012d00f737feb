import { haproxyNumbers } from '../../route/placement/haproxy-node-keys.js';
import type { Draft, DraftPool } from '../draft.js';
import type { Report } from '../report.js';
import { choosing } from './balance-reader.js';
import { haproxyServer, haproxyTime, type HaproxyServer } from './server-reader.js';
import { readSetting } from './settings.js';
import type { Line, Section } from './sections.js';

/** A backend in our words: a pool, and the affinity of the routes that lead to it. */
export interface HaproxyBackend {
  readonly pool: DraftPool;
  readonly affinity: readonly unknown[];
  readonly balance: string | undefined;
}

/** Lines of a backend that are read together below. */
const READ_HERE = new Set(['balance', 'hash-type', 'server', 'default-server', 'cookie', 'dynamic-cookie-key', 'use-server', 'stick-table', 'stick']);

/** `inherited`: what its `defaults` say. Undefined, and said, where it has no server that is of use. */
export function haproxyBackend(section: Section, inherited: readonly Line[], draft: Draft, report: Report): HaproxyBackend | undefined {
  const { lines, name, at } = section;
  const own = (...words: string[]): Line | undefined => lines.findLast((line) => words.every((word, place) => line.words[place] === word));
  const last = (...words: string[]): Line | undefined => own(...words) ?? inherited.findLast((line) => words.every((word, place) => line.words[place] === word));
  const variables = lines.filter(({ words }) => words[0] === 'http-request' && /^set-var/.test(words[1] ?? '') && !/sr_(?:client|for)\)$/.test(words[1]!));
  for (const line of lines) if (!isRead(line, variables)) readSetting(line, draft, report);
  const servers = readServers(section, inherited, report);
  if (servers.length === 0) {
    report.say(at, `backend ${name} is not carried over: no server in it is of use here.`);
    return undefined;
  }
  const hashKey = servers.find((server) => server.hashKey !== undefined)?.hashKey;
  const chosen = choosing(last('balance'), last('hash-type'), variables, hashKey, report);
  const table = tableRule(lines, report);
  const bindings = bindingRules(lines, servers, own('cookie'), own('dynamic-cookie-key'), report);
  const passive = servers.every(({ errorLimit }) => errorLimit === undefined) ? { maxFails: 0 } : { maxFails: Math.min(1000, servers.find(({ errorLimit }) => errorLimit !== undefined)!.errorLimit!) };
  const tls = servers.find((server) => server.tls !== undefined)?.tls;
  const isConsistent = JSON.stringify(chosen.placement ?? '').includes('haproxy-consistent');
  const health = healthOf(last('option', 'httpchk'), lines, inherited, servers, report);
  const pool: DraftPool = {
    name,
    upstreams: servers.map(({ cookie: _cookie, check: _check, errorLimit: _limit, hashKey: _key, tls: _tls, at: _at, number, ...rest }) => ({ ...rest, ...(number !== undefined && isConsistent && { number }) })),
    ...(chosen.placement !== undefined && { placement: chosen.placement }),
    ...(health !== undefined && { health }),
    passive,
    ...(tls !== undefined && Object.keys(tls).length > 0 && { tls }),
  };
  return { pool, affinity: [...bindings, ...(chosen.rules.length > 0 ? chosen.rules : table)], balance: chosen.balance };
}

function isRead({ words }: Line, variables: readonly Line[]): boolean {
  const [name = '', second = ''] = words;
  if (READ_HERE.has(name) || variables.some((line) => line.words === words)) return true;
  return (name === 'option' && second === 'httpchk') || (name === 'http-check' && (second === 'send' || second === 'expect')) || (name === 'timeout' && second === 'check') || (name === 'option' && second === 'persist');
}

function readServers({ lines }: Section, inherited: readonly Line[], report: Report): HaproxyServer[] {
  const defaults = [...inherited, ...lines].filter(({ words }) => words[0] === 'default-server').flatMap(({ words }) => words.slice(1));
  const written = lines.filter(({ words }) => words[0] === 'server');
  const idOf = ({ words }: Line): number | undefined => (words.includes('id') ? Number(words[words.indexOf('id') + 1]) : undefined);
  const numbers = haproxyNumbers(written.map((line, place) => ({ id: String(place), weight: 1, number: idOf(line) })));
  const urls = new Set<string>();
  const kept = written.flatMap((line, place) => {
    const server = haproxyServer(line, defaults, place + 1, report);
    if (server === undefined) return [];
    if (urls.has(server.url)) {
      report.say(server.at, `server ${server.id} is left out: another one has its address. Give that more weight.`);
      return [];
    }
    urls.add(server.url);
    return [{ ...server, number: numbers[place]! }];
  });
  // Without numbers they would be counted anew here.
  const isCounted = kept.every(({ number }, place) => number === place + 1);
  return isCounted ? kept.map(({ number: _number, ...server }) => server) : kept;
}

function bindingRules(lines: readonly Line[], servers: readonly HaproxyServer[], cookie: Line | undefined, key: Line | undefined, report: Report): unknown[] {
  const routed = routeCookie(lines, servers, report);
  if (cookie === undefined) return routed;
  const [, name = '', ...options] = cookie.words;
  const option = (word: string): string | undefined => (options.includes(word) ? options[options.indexOf(word) + 1] : undefined);
  const named = Object.fromEntries(servers.flatMap(({ id, cookie: value }) => (value === undefined ? [] : [[value, id]])));
  const isPrefix = options.includes('prefix');
  if (!options.includes('insert')) {
    report.say(cookie.at, `cookie ${name} ${isPrefix ? 'prefix' : 'rewrite'} is not carried over as it is: stickyroute leaves the app's cookies alone. A sealed cookie binds clients; those of HAProxy are followed too.`);
  } else report.say(cookie.at, `cookie ${name} becomes a sealed cookie of stickyroute. Cookies of HAProxy are followed too; when all are replaced, take acceptCookies out.`);
  for (const word of ['preserve', 'postonly'].filter((each) => options.includes(each))) report.say(cookie.at, `cookie ${name} … ${word} is not carried over.`);
  const sameSite = options.map((word) => /^SameSite=(\w+)$/i.exec(word)?.[1]?.toLowerCase()).find((word) => word !== undefined);
  const sealed = {
    ...(life(option('maxidle')) && { idle: life(option('maxidle')) }),
    ...(life(option('maxlife')) && { absolute: life(option('maxlife')) }),
    ...(option('domain') !== undefined && { domain: option('domain') }),
    ...(!options.includes('httponly') && { httpOnly: false }),
    ...((options.includes('secure') || sameSite === 'none') && { secure: 'always' }),
    ...(sameSite !== undefined && sameSite !== 'lax' && { sameSite }),
  };
  const accepted = { name, ...(Object.keys(named).length > 0 && { upstreams: named }), ...(options.includes('dynamic') && key?.words[1] !== undefined && { dynamicKey: key.words[1] }), ...(isPrefix && { prefix: true }) };
  const canFollow = Object.keys(named).length > 0 || 'dynamicKey' in accepted;
  if (!canFollow) report.say(cookie.at, `cookie ${name}: no server says what it stands for, so its cookies can't be followed.`);
  return [Object.keys(sealed).length === 0 ? 'cookie' : { cookie: sealed }, ...(canFollow ? [{ acceptCookies: { formats: [{ haproxy: accepted }] } }] : []), ...routed];
}

function life(seconds: string | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  return /^\d+$/.test(seconds) ? `${seconds}s` : haproxyTime(seconds);
}

/** `use-server api-1 if { req.cook(backend) -m str api-1 }` for every server: the app's cookie names the upstream. */
function routeCookie(lines: readonly Line[], servers: readonly HaproxyServer[], report: Report): unknown[] {
  let name: string | undefined;
  for (const { words, at } of lines.filter((line) => line.words[0] === 'use-server')) {
    const [, server = '', ...condition] = words;
    const [, cookie, value] = /^if \{ (?:req\.)?cook\(([^)]+)\)(?: -m str)? (\S+) \}$/.exec(condition.join(' ')) ?? [];
    if (cookie === undefined || value !== server || !servers.some(({ id }) => id === server) || (name !== undefined && name !== cookie)) report.say(at, `use-server ${server} is not carried over: it must ask for one cookie that says ${server}.`);
    else name = cookie;
  }
  return name === undefined ? [] : [{ routeCookie: name }];
}

/** Remembered addresses have no counterpart but the rule for addresses. */
function tableRule(lines: readonly Line[], report: Report): unknown[] {
  const stick = lines.find(({ words }) => words[0] === 'stick');
  if (stick === undefined) return [];
  const [, how = '', ...expression] = stick.words;
  const [, prefix4, prefix6] = /^src(?:,ipmask\((\d+)(?:,(\d+))?\))?$/.exec(expression.join(' ')) ?? [];
  if (how !== 'on' || !/^src/.test(expression.join(' '))) {
    report.say(stick.at, `${stick.words.join(' ')} is not carried over: stickyroute remembers nothing. The rule cookie binds clients.`);
    return [];
  }
  report.say(stick.at, 'stick on src is carried over as the rule ip: addresses are placed by a hash and not remembered, so they move once.');
  return [prefix4 === undefined ? 'ip' : { ip: { prefix4: Number(prefix4), ...(prefix6 !== undefined && { prefix6: Number(prefix6) }) } }];
}

function healthOf(httpchk: Line | undefined, lines: readonly Line[], inherited: readonly Line[], servers: readonly HaproxyServer[], report: Report): object | undefined {
  const checked = servers.find(({ check }) => check.isOn);
  if (checked === undefined) return undefined;
  const send = [...inherited, ...lines].findLast(({ words }) => words[0] === 'http-check' && words[1] === 'send');
  const words = httpchk?.words.slice(2) ?? [];
  const path = send !== undefined && send.words.includes('uri') ? send.words[send.words.indexOf('uri') + 1] : words.find((word) => word.startsWith('/'));
  if (httpchk === undefined || path === undefined) {
    report.say(checked.at, `check is not carried over: stickyroute asks for a path, and ${httpchk === undefined ? 'this one only connects' : 'none is named'}. Add health: { path: /healthz }.`);
    return undefined;
  }
  const method = send !== undefined && send.words.includes('meth') ? send.words[send.words.indexOf('meth') + 1] : words.length > 1 ? words[0] : undefined;
  if (method !== undefined && method !== 'GET' && !method.startsWith('/')) report.say(httpchk.at, `option httpchk ${method} is carried over as GET.`);
  for (const line of [...inherited, ...lines].filter((each) => each.words[0] === 'http-check' && each.words[1] === 'expect')) {
    if (!/^(?:status|rstatus) (?:200-399|2xx)$/.test(line.words.slice(2).join(' '))) report.say(line.at, `http-check expect ${line.words.slice(2).join(' ')} is not carried over: 2xx and 3xx are well.`);
  }
  const { inter, rise, fall } = checked.check;
  const timeout = haproxyTime([...inherited, ...lines].findLast((line) => line.words[0] === 'timeout' && line.words[1] === 'check')?.words[2] ?? '');
  return { path, ...(inter !== undefined && { every: inter }), ...(timeout !== undefined && { timeout }), ...(rise !== undefined && { healthyAfter: rise }), ...(fall !== undefined && { unhealthyAfter: fall }) };
}
