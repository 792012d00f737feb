import type { Rule } from '../../route/affinity/rule.js';
import { plainFacts } from '../../route/plain-facts.js';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { RouteConfig } from '../config/config.js';
import { sampleRule } from '../config/sample-rule.js';
import type { Outlook } from './outlook.js';

/** What becomes of the cookies that a route has written. */
export interface CookieFate {
  /** Of those which each key of before has sealed: is any of them no longer followed? */
  readonly lostByKey: readonly boolean[];
  /** How clients came that lose a cookie. */
  readonly lostOver: readonly string[];
  /** The rules that wrote. */
  readonly writers: readonly string[];
  /** A rule that decides before the cookie is asked; it didn't before. */
  readonly overtakenBy: string | undefined;
}

/**
 * Writes cookies as the route of before does, by each key, over HTTP and TLS, and lets the rules of after
 * read them. Undefined: the route wrote none.
 */
export function cookieFate(
  before: Outlook,
  route: RouteConfig,
  after: Outlook,
  heir: RouteConfig,
): CookieFate | undefined {
  const keysBefore = keysOf(before);
  const keysAfter = keysOf(after);
  const readers = heir.affinity.map((choice) => sampleRule(after.kinds, choice, heir.name, keysAfter));
  let overtakenBy: string | undefined;
  const lostOver = new Set<string>();
  const writers = new Set<string>();
  const lostByKey = keysBefore.map((key) => {
    let isLost = false;
    for (const choice of route.affinity) {
      const writer = sampleRule(before.kinds, choice, route.name, [key]);
      if (writer.bind === undefined) continue;
      writers.add(`${writer.name} ${writer.subject}`);
      for (const [over, url] of URLS) {
        const reading = read(writer, readers, url);
        if (reading === 'bound') continue;
        isLost = true;
        lostOver.add(over);
        if (typeof reading === 'object') overtakenBy = reading.name;
      }
    }
    return isLost;
  });
  if (writers.size === 0) return undefined;
  return { lostByKey, lostOver: [...lostOver], writers: [...writers], overtakenBy };
}

const URLS = [
  ['HTTP', 'http://example.org/'],
  ['TLS', 'https://example.org/'],
] as const;

function read(writer: Rule, readers: readonly Rule[], url: string): 'bound' | 'lost' | Rule {
  const line = writer.bind!(plainFacts({ url, nowMs: NOW_MS }), ONE_UPSTREAM, 0);
  const end = line.indexOf(';');
  const cookie = end === -1 ? line : line.slice(0, end);
  const facts = plainFacts({ url, nowMs: NOW_MS, ip: '192.0.2.7', headers: [['cookie', cookie]] });
  const found = readers.map((reader) => reader.find(facts, ONE_UPSTREAM).kind);
  const reads = found.indexOf('bound');
  if (reads === -1) return 'lost';
  const decides = found.indexOf('keyed');
  return decides === -1 || reads < decides ? 'bound' : readers[decides]!;
}

/** Without keys a gateway makes one, and keeps it through reloads. */
function keysOf({ config }: Outlook): readonly string[] {
  return config.keys.length > 0 ? config.keys : [MADE_KEY];
}

const MADE_KEY = 'made by the gateway'.padEnd(32, '-');
/** Any instant: the cookie is read at the moment at which it was written. */
const NOW_MS = 1_800_000_000_000;

const ONE_UPSTREAM: PoolSnapshot = {
  version: 0,
  upstreams: [{ id: 'any', url: 'http://192.0.2.1', weight: 1, draining: false }],
  conditions: ['up'],
  awaySince: [0],
  standings: ['in'],
  placement: {
    name: '',
    members: [{ id: 'any', weight: 1 }],
    owner: () => 0,
    rank: () => [0],
    withMembers: () => ONE_UPSTREAM.placement,
  },
  indexOf: (id) => (id === 'any' ? 0 : undefined),
};
