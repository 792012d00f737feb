import type { PoolSnapshot } from '../../route/pool/snapshot.js';
import type { RouteConfig } from '../config/config.js';
import { cookieFate, type CookieFate } from './bindings.js';
import type { ForecastLine } from './forecast-line.js';
import { keyMoves, keyMovesText } from './key-moves.js';
import { rulesOf, type Outlook } from './outlook.js';
import { percent } from './percent.js';
import { fewOf } from './pool-lines.js';
import { isSamePlacing } from './same-placing.js';
import { requestsText, type AnyRoute, type RoutePair } from './route-pairs.js';
import { ruleLines } from './rule-lines.js';

interface Told {
  readonly lines: ForecastLine[];
  /** The share of the users of these requests who move. */
  readonly moved: number;
}

/** What becomes of the users of a route. */
export function routeLines({ before: old, after: now }: RoutePair, before: Outlook, after: Outlook): Told {
  const lines = changeOfRoute(old, now);
  if (old === undefined || now === undefined || !('pool' in old) || !('pool' in now))
    return { lines, moved: isLost(old, now) ? 1 : 0 };
  const route = now.name;
  const [oldPool, nowPool] = [before.pools.get(old.pool)!, after.pools.get(now.pool)!];
  const [oldRules, nowRules] = [rulesOf(before, old), rulesOf(after, now)];
  const fate = cookieFate(before, old, after, now);
  const isSamePool = old.pool === now.pool;
  const bound = boundMoves(oldPool, nowPool, isSamePool);
  const [oldKeys, nowKeys] = [oldRules, nowRules].map((rules) => rules.find(({ use }) => use === 'keys'));
  const followsFirst = oldRules[0] !== undefined && oldRules[0].use !== 'keys';
  const hasBindings = oldRules.some(({ use }) => use !== 'keys');
  let moved = 0;
  if (oldKeys !== undefined && nowKeys !== undefined) {
    const isSame = isSamePool && isSamePlacing(before, after, old, now, oldKeys, nowKeys);
    const moves = isSame
      ? undefined
      : keyMoves(oldPool, nowPool, { before: oldKeys, after: nowKeys }, isSamePool);
    if (moves !== undefined && moves.share > 0) {
      const text = `route ${route}: ${keyMovesText(moves)}${hasBindings ? `; bound users: ${boundText(bound)}` : ''}`;
      lines.push({ kind: 'keys', route, share: moves.share, flows: moves.flows, text });
      // Who has a cookie is asked for it first; the key places users who are new.
      if (!followsFirst) moved = moves.share;
    } else if (hasBindings && bound.ids.length > 0) lines.push(boundLine(route, bound));
  } else if (hasBindings && bound.ids.length > 0) lines.push(boundLine(route, bound));
  else if (oldKeys !== undefined)
    lines.push({ kind: 'rules', route, share: 1, text: `route ${route}: no rule finds a key any more` });
  if (oldKeys !== undefined && nowKeys === undefined && !followsFirst) moved = 1;
  if (followsFirst) moved = Math.max(moved, bound.share);
  if (fate !== undefined) {
    const told = cookieLines(fate, old, now, before, after);
    lines.push(...told);
    if (fate.lostByKey.every((lost) => lost)) moved = 1;
  }
  lines.push(...ruleLines(route, oldRules, nowRules, before, after, old, now));
  return { lines, moved };
}

function isLost(old: AnyRoute | undefined, now: AnyRoute | undefined): boolean {
  return old !== undefined && 'pool' in old && (now === undefined || !('pool' in now));
}

function changeOfRoute(old: AnyRoute | undefined, now: AnyRoute | undefined): ForecastLine[] {
  const line = (route: string, text: string): ForecastLine[] => [
    { kind: 'routes', route, text: `route ${route} ${text}` },
  ];
  if (old === undefined) return line(now!.name, `(${requestsText(now!)}) appears, where no route answered`);
  if (now === undefined)
    return line(old.name, `(${requestsText(old)}) vanishes: its requests are answered 404`);
  if (!('pool' in now))
    return 'pool' in old ? line(now.name, 'is answered by the gateway itself: no upstream is asked') : [];
  if (!('pool' in old))
    return line(now.name, `leads to pool ${now.pool}, and was answered by the gateway itself`);
  if (old.name !== now.name)
    return line(now.name, `(${requestsText(now)}) takes requests that route ${old.name} took`);
  const lines =
    old.pool === now.pool ? [] : line(now.name, `leads to pool ${now.pool} instead of ${old.pool}`);
  if (requestsText(old) !== requestsText(now))
    lines.push(...line(now.name, `takes ${requestsText(now)} instead of ${requestsText(old)}`));
  return lines;
}

interface BoundMoves {
  /** Upstreams whose bound users are moved. */
  readonly ids: readonly string[];
  /** By the weights of before. */
  readonly share: number;
}

/** Bindings name ids: they are followed wherever the id is. */
function boundMoves(old: PoolSnapshot, now: PoolSnapshot, isSamePool: boolean): BoundMoves {
  const ids: string[] = [];
  let [lost, all] = [0, 0];
  old.upstreams.forEach(({ id, url, weight }, oldIndex) => {
    if (old.standings[oldIndex] === 'out') return;
    all += weight;
    const index = now.indexOf(id);
    const isFollowed =
      index !== undefined &&
      (isSamePool || now.upstreams[index]!.url === url) &&
      (now.standings[index] === 'in' || now.standings[index] === 'leaving');
    const wasLeaving = typeof old.standings[oldIndex] === 'object';
    if (isFollowed || (wasLeaving && index !== undefined)) return;
    lost += weight;
    ids.push(id);
  });
  return { ids, share: all === 0 ? 0 : lost / all };
}

function boundText({ ids, share }: BoundMoves): string {
  return ids.length === 0 ? 'none' : `those of ${fewOf(ids)}, by weight ${percent(share)}`;
}

function boundLine(route: string, bound: BoundMoves): ForecastLine {
  const text = `route ${route}: bound users move: ${boundText(bound)}`;
  return { kind: 'keys', route, share: bound.share, text };
}

function cookieLines(
  { lostByKey, lostOver, writers, overtakenBy }: CookieFate,
  old: RouteConfig,
  now: RouteConfig,
  before: Outlook,
  after: Outlook,
): ForecastLine[] {
  const lost = lostByKey.filter((each) => each).length;
  if (lost === 0) return [];
  const route = now.name;
  if (overtakenBy !== undefined)
    return [
      {
        kind: 'cookies',
        route,
        share: 1,
        text: `route ${route}: ${overtakenBy} decides before its cookie is asked: no user is bound by the cookie any more`,
      },
    ];
  if (lost < lostByKey.length)
    return [{ kind: 'cookies', text: `\`keys\`: ${partText(lostByKey)} are unreadable` }];
  const keysStay = before.config.keys.some((key) => after.config.keys.includes(key));
  const neitherHas = before.config.keys.length === 0 && after.config.keys.length === 0;
  if (!keysStay && !neitherHas)
    return [
      { kind: 'cookies', share: 1, text: `\`keys\` ${keysText(before, after)}: EVERY cookie is unreadable` },
    ];
  const because =
    old.name === now.name
      ? `no rule reads what ${writers.join(', ')} wrote`
      : `it was written by route ${old.name}, and the name is part of the seal`;
  return [
    {
      kind: 'cookies',
      route,
      share: 1,
      text: `route ${route}: ${lostOver.length > 1 ? 'EVERY cookie' : `every cookie that was written over ${lostOver[0]}`} is unreadable: ${because}`,
    },
  ];
}

function keysText(before: Outlook, after: Outlook): string {
  if (after.config.keys.length === 0) return 'removed';
  return before.config.keys.length === 0 ? 'given instead of the one that the gateway made' : 'replaced';
}

function partText(lostByKey: readonly boolean[]): string {
  const places = lostByKey.flatMap((isLost, at) => (isLost ? [at + 1] : []));
  return places.length === 1
    ? `key ${places[0]} of ${lostByKey.length} removed: cookies that it sealed`
    : `keys ${places.join(', ')} of ${lostByKey.length} removed: cookies that they sealed`;
}
