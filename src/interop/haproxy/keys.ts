import type { KeySource } from '../affinity-view.js';
import type { HaproxyHashOptions } from '../../route/placement/haproxy-hash.js';
import type { Group } from '../groups.js';
import type { Report } from '../report.js';
import { isAtLeast, type Version } from '../version.js';
import { word } from './text.js';

/** A wait of this length for an address that is not seen again: HAProxy's table must forget at some time. */
const TABLE_EXPIRE = '12h';

/** What can stand between the parentheses of a fetch; all else would want quotes inside of quotes. */
export const PLAIN = /^[\w.-]+$/;

const BALANCES: Readonly<Record<string, string>> = {
  leastRequests: 'leastconn',
  roundRobin: 'roundrobin',
  twoChoices: 'random(2)',
};

/** How the group's keys choose a server: `balance`, `hash-type`, and what they need in front of them. */
export function balanceLines(group: Group, report: Report): string[] {
  const { keys } = group.view;
  const plain = `balance ${BALANCES[group.balance] ?? 'roundrobin'}`;
  if (keys.length === 0) return [plain];
  const hashType = hashTypeOf(group);
  if (hashType === undefined) {
    report.say(
      `${group.poolAt}placement`,
      `${group.pool.placement.name} is written as hash-type consistent, which places keys elsewhere: they move once. To move them now, and not at the change, write placement: haproxyConsistent first.`,
    );
    if (keys.length === 1 && keys[0]!.kind === 'ip') return tableLines(keys[0]!, plain, group, report);
  }
  return [
    ...keyLines(keys, group, report),
    '# A request without a key goes to the next server in turn.',
    hashType ?? 'hash-type consistent',
  ];
}

/** Undefined: a placement that HAProxy does not share. */
function hashTypeOf({ pool }: Group): string | undefined {
  const { name, options } = pool.placement;
  const kind = name === 'haproxyMap' ? 'map-based' : name === 'haproxyConsistent' ? 'consistent' : undefined;
  if (kind === undefined) return undefined;
  const { hash, avalanche } = options as HaproxyHashOptions;
  // HAProxy's consistent has an avalanche as long as no function is named.
  if (hash === undefined && avalanche === undefined) return `hash-type ${kind}`;
  return `hash-type ${kind} ${hash ?? 'sdbm'}${avalanche === true ? ' avalanche' : ''}`;
}

/** From what HAProxy makes a server's nodes, where that isn't its number: an option of each server. */
export function hashKeyOf({ pool, poolAt, view }: Group, version: Version, report: Report): string {
  const { key = 'id' } =
    pool.placement.name === 'haproxyConsistent' ? (pool.placement.options as { readonly key?: string }) : {};
  if (key === 'id' || view.keys.length === 0) return '';
  const since = key === 'id32' ? [3, 4] : [3, 0];
  if (isAtLeast(version, since)) return ` hash-key ${key}`;
  report.say(
    `${poolAt}placement`,
    `key: ${key} is not carried over: HAProxy has it from ${since.join('.')} on, and places keys elsewhere without it. Write --target-version ${since.join('.')}.`,
  );
  return '';
}

/**
 * Addresses that HAProxy remembers: no hash of ours and theirs agree, and a table moves nobody when a server
 * is added.
 */
function tableLines(
  key: Extract<KeySource, { kind: 'ip' }>,
  plain: string,
  group: Group,
  report: Report,
): string[] {
  report.say(
    `${group.affinityAt} ip`,
    'is written as a stick table: HAProxy remembers where an address went. Another HAProxy knows nothing of it without peers.',
  );
  const isWhole = key.prefix4 === 32 && key.prefix6 === 128;
  return [
    '# Who has come before goes where it went; a new server takes nobody away from the others.',
    plain,
    `stick-table type ipv6 size 1m expire ${TABLE_EXPIRE}`,
    `stick on src${isWhole ? '' : `,ipmask(${key.prefix4},${key.prefix6})`}`,
  ];
}

function keyLines(written: readonly KeySource[], group: Group, report: Report): string[] {
  const at = group.affinityAt;
  const keys = written.filter((key) => {
    if (!('name' in key) || PLAIN.test(key.name)) return true;
    report.say(
      at,
      `${key.kind} ${key.name} is not carried over: HAProxy can't ask for such a name. Write it with letters, digits and . _ -.`,
    );
    return false;
  });
  const only = keys.length === 1 ? keys[0]! : undefined;
  if (keys.length === 0) return ['balance roundrobin'];
  const { source = hashTypeOf(group) === undefined } = group.pool.placement.options as HaproxyHashOptions;
  for (const key of keys) {
    if (key.kind === 'query')
      report.say(
        at,
        `query ${key.name}: HAProxy hashes it as it is sent. stickyroute decodes values with % or +, and places those elsewhere.`,
      );
    if (key.kind === 'ip' && (key.prefix4 !== 32 || key.prefix6 !== 128) && only !== undefined && source)
      report.say(at, 'ip: prefix4 and prefix6 are not carried over: balance source takes whole addresses.');
  }
  // Of a field with commas `balance hdr` takes what stands before the first; this takes the whole, as
  // stickyroute does.
  if (only?.kind === 'header') return [`balance hash ${fetchOf(only)}`];
  if (only?.kind === 'query' && /^[\w.-]+$/.test(only.name)) return [`balance url_param ${only.name}`];
  if (only?.kind === 'cookie') return [`balance hash ${fetchOf(only)}`];
  if (only?.kind === 'ip' && source) return ['balance source'];
  if (source && hashTypeOf(group) !== undefined)
    report.say(
      `${group.poolAt}placement`,
      'source: true is not carried over: HAProxy takes an address that way only where ip is the one rule with a key. Keys move once.',
    );
  return [
    '# The key is the first of these that is there, as in the rules of stickyroute.',
    ...keys.map((key, index) => {
      const conditions = [
        ...(index === 0 ? [] : ['!{ var(txn.sr_key) -m len gt 0 }']),
        ...(key.kind === 'path' ? [`{ path_reg ${word(pathPattern(key))} }`] : []),
      ];
      return `http-request ${key.kind === 'ip' ? `set-var-fmt(txn.sr_key) %[${fetchOf(key)}]` : `set-var(txn.sr_key) ${fetchOf(key)}`}${conditions.length === 0 ? '' : ` if ${conditions.join(' ')}`}`;
    }),
    'balance hash var(txn.sr_key)',
  ];
}

function fetchOf(key: KeySource): string {
  switch (key.kind) {
    case 'header':
      return word(`req.fhdr(${key.name})`);
    case 'query':
      return word(`url_param(${key.name})`);
    case 'cookie':
      return word(`req.cook(${key.name})`);
    case 'ip':
      return key.prefix4 === 32 && key.prefix6 === 128 ? 'src' : `src,ipmask(${key.prefix4},${key.prefix6})`;
    case 'path':
      // The first field is what stands before the first slash: nothing.
      return `path,field(${key.before.length + 2},/),url_dec`;
  }
}

function pathPattern({ before, after }: Extract<KeySource, { kind: 'path' }>): string {
  const literal = (segments: readonly string[]): string =>
    segments.map((segment) => `/${segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).join('');
  return `^${literal(before)}/[^/]+${literal(after)}(/|$)`;
}
