import { isDeepStrictEqual } from 'node:util';
import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { Standing } from '../../route/pool/standing.js';
import type { ForecastLine } from './forecast-line.js';
import type { Outlook } from './outlook.js';

const NAMED_MAX = 5;

/** What changes of upstreams: who comes and goes, addresses, weights, standings. */
export function poolLines(before: Outlook, after: Outlook): ForecastLine[] {
  const lines: ForecastLine[] = [];
  for (const [pool, now] of after.pools) {
    const old = before.pools.get(pool);
    if (old === undefined) lines.push({ kind: 'upstreams', pool, text: `pool ${pool} appears` });
    else lines.push(...changesOf(pool, old, now));
    const [was, is] = [before, after].map(({ config }) => config.pools.find(({ name }) => name === pool));
    if (was !== undefined && is !== undefined && !isDeepStrictEqual(was.placement, is.placement))
      lines.push({
        kind: 'upstreams',
        pool,
        text:
          was.placement.name === is.placement.name
            ? `pool ${pool}: other options of its placement ${is.placement.name}`
            : `pool ${pool}: placement ${is.placement.name} instead of ${was.placement.name}`,
      });
  }
  for (const pool of before.pools.keys())
    if (!after.pools.has(pool)) lines.push({ kind: 'upstreams', pool, text: `pool ${pool} vanishes` });
  return lines;
}

function changesOf(pool: string, old: PoolSnapshot, now: PoolSnapshot): ForecastLine[] {
  const added: string[] = [];
  const addresses: string[] = [];
  const weights: string[] = [];
  const standings: string[] = [];
  now.upstreams.forEach(({ id, url, weight }, index) => {
    const oldIndex = old.indexOf(id);
    if (oldIndex === undefined) {
      added.push(id);
      return;
    }
    const before = old.upstreams[oldIndex]!;
    if (before.url !== url) addresses.push(`${id} is at ${url} instead of ${before.url}`);
    if (before.weight !== weight) weights.push(`${id} ${before.weight} → ${weight}`);
    const [was, is] = [old.standings[oldIndex]!, now.standings[index]!];
    if (!isDeepStrictEqual(was, is))
      standings.push(`${id} is ${standingText(is)} instead of ${standingText(was)}`);
  });
  const gone = old.upstreams.filter(({ id }) => now.indexOf(id) === undefined).map(({ id }) => id);
  const line = (
    kind: ForecastLine['kind'],
    what: string,
    all: readonly string[],
    then = '',
  ): ForecastLine[] =>
    all.length === 0 ? [] : [{ kind, pool, text: `pool ${pool}: ${what}${fewOf(all)}${then}` }];
  return [
    ...line('standing', '', standings),
    ...line('address', '', addresses, '; its users go there, since bindings and keys follow the id'),
    ...line('weights', 'weights ', weights),
    ...line('upstreams', 'removed ', gone),
    ...line('upstreams', 'added ', added),
  ];
}

function standingText(standing: Standing): string {
  return typeof standing === 'string' ? standing : 'leaving with an end';
}

/** `api-1, api-2 and 7 more` */
export function fewOf(all: readonly string[]): string {
  const told = all.slice(0, NAMED_MAX).join(', ');
  return all.length <= NAMED_MAX ? told : `${told} and ${all.length - NAMED_MAX} more`;
}
