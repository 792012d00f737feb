import { elsewhere } from './elsewhere.js';

/** What newcomers from other load balancers write, and what it is called here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  servers: 'upstreams',
  backends: 'upstreams',
  nodes: 'upstreams',
  targets: 'upstreams',
  services: 'pools',
  sticky: 'affinity',
  session: 'affinity',
  rules: 'affinity',
  algorithm: 'balance',
  strategy: 'balance',
  hash: 'placement',
  port: 'listen',
  number: 'haproxyId',
  interval: 'every',
  rise: 'healthyAfter',
  fall: 'unhealthyAfter',
  roundrobin: 'roundRobin',
  leastconn: 'leastRequests',
  leastconnections: 'leastRequests',
  p2c: 'twoChoices',
  hrw: 'rendezvous',
  ketama: 'ring',
  consistent: 'ring',
  iphash: 'ip',
};

/** The known name that was most likely meant; undefined when none is near. */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const plain = bare(written);
  const other = OTHER_NAMES[plain];
  if (other !== undefined && known.includes(other)) return other;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(plain, bare(name), bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean weight?`, or, when nothing is near, all that could be written. */
export function didYouMean(written: string, known: readonly string[], what: string): string {
  const name = nearest(written, known);
  return name === undefined
    ? `${what}: ${known.length === 0 ? 'none' : known.join(', ')}.`
    : `Did you mean ${name}?`;
}

/** Suggestions for more keys than this would take time and not be read. */
const SUGGESTIONS_MAX = 100;

/** What is said of each of these keys, none of which is known. */
export function unknownKeys(written: readonly string[], known: readonly string[]): string[] {
  return written.map((key, at) => (at < SUGGESTIONS_MAX ? unknownKey(key, known) : 'is not a key here.'));
}

function unknownKey(written: string, known: readonly string[]): string {
  const plain = bare(written);
  // `timeouts` where `timeout` is a key: a slip of the hand.
  const isPlural = known.some((name) => `${bare(name)}s` === plain);
  const instead = isPlural || OTHER_NAMES[plain] !== undefined ? undefined : elsewhere(plain);
  return `is not a key here. ${instead ?? didYouMean(written, known, 'Keys here')}`;
}

/** Case and separators are what people mistype most: `max_fails` is `maxFails`. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '').slice(0, 64);
}

/** Insertions, deletions, replacements and swaps of neighbours; gives up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
