import { isDeepStrictEqual } from 'node:util';
import { plainFacts } from '../../route/plain-facts.js';
import type { AnsweringConfig, RouteConfig } from '../config/config.js';
import type { Demand, Matching } from '../route-table.js';
import type { Outlook } from './outlook.js';

export type AnyRoute = RouteConfig | AnsweringConfig;

/** The same requests, before and after. */
export interface RoutePair {
  /** Undefined: no route took them. */
  readonly before: AnyRoute | undefined;
  /** Undefined: no route takes them. */
  readonly after: AnyRoute | undefined;
}

/** Which routes answer for the same requests: by name, by what they match, and else by asking the tables. */
export function routePairs(before: Outlook, after: Outlook): RoutePair[] {
  const olds = allOf(before);
  const news = allOf(after);
  const pairs: RoutePair[] = [];
  const paired = new Set<AnyRoute>();
  for (const old of olds) {
    const heir = news.find(({ name }) => name === old.name) ?? renamed(old, olds, news);
    if (heir !== undefined) paired.add(heir);
    pairs.push({ before: old, after: heir ?? answering(after, old) });
  }
  for (const route of news)
    if (!paired.has(route)) pairs.push({ before: answering(before, route), after: route });
  return pairs;
}

/** `example.org/api`, with what else a request must have. */
export function requestsText({ hosts, path, demands }: Matching): string {
  const where = hosts.length === 0 ? path : hosts.map((host) => `${host}${path}`).join(', ');
  return demands.length === 0 ? where : `${where} with ${demands.length} more conditions`;
}

function allOf({ config }: Outlook): AnyRoute[] {
  return [...config.routes, ...config.answers];
}

function renamed(old: AnyRoute, olds: readonly AnyRoute[], news: readonly AnyRoute[]): AnyRoute | undefined {
  const match = (one: Matching) => [one.hosts, one.path, one.demands];
  return news.find(
    (route) => isDeepStrictEqual(match(route), match(old)) && !olds.some(({ name }) => name === route.name),
  );
}

/** Who takes the requests of this route in the other configuration. */
function answering({ config, routeFor }: Outlook, { hosts, path, demands }: AnyRoute): AnyRoute | undefined {
  const [host = 'any.invalid'] = hosts;
  const method = demands.find((demand) => demand.kind === 'method');
  const query = demands
    .flatMap((demand) => pairOf(demand, 'query'))
    .map(([name, value]) => `${name}=${value}`);
  const cookies = demands.flatMap((demand) => pairOf(demand, 'cookie')).map((pair) => pair.join('='));
  const facts = plainFacts({
    url: `https://${host.replace('*', 'any')}${path}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    ...(method?.kind === 'method' && { method: method.oneOf[0]! }),
    headers: [
      ...demands.flatMap((demand) => pairOf(demand, 'header')),
      ...cookies.map((cookie) => ['cookie', cookie] as const),
    ],
    nowMs: 0,
  });
  const name = nameOf(routeFor(facts));
  return name === undefined
    ? undefined
    : [...config.routes, ...config.answers].find((one) => one.name === name);
}

function nameOf(route: { readonly name: string } | undefined): string | undefined {
  return route?.name;
}

function pairOf(demand: Demand, kind: Demand['kind']): (readonly [name: string, value: string])[] {
  if (demand.kind === 'method' || demand.kind !== kind || demand.wants === false) return [];
  return [[demand.name, demand.wants === true ? 'any' : demand.wants[0]!]];
}
