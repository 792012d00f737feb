import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import { clientAddress } from '../route/address.js';
import type { Found } from '../route/affinity/rule.js';
import type { Outcome, Why } from '../route/outcome.js';
import type { RequestFacts } from '../route/facts.js';
import { plainFacts } from '../route/plain-facts.js';
import type { PoolSnapshot } from '../route/pool/snapshot.js';
import { prepare } from '../route/preparation.js';
import { turnIn } from '../route/pool/standing.js';
import { decide, type Decision } from '../route/router.js';
import { filledIn } from '../proxy/edit-text.js';
import type { OwnAnswer } from '../proxy/own-answer.js';
import type { Assembly } from './assembly.js';
import { timeText } from './drain-status.js';
import type { Matching } from './route-table.js';

/**
 * Where a request would go and why. As it stands, `stickyroute explain --json` prints it: its names are
 * public.
 */
export interface Explanation {
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly target: string;
    readonly client: string;
  };
  /** Undefined: no route answers for this host and path. */
  readonly route?: { readonly name: string } & Matching;
  /** The gateway answers by itself: a redirect, or a fixed answer. */
  readonly answer?: { readonly status: number; readonly location?: string };
  readonly pool?: string;
  /** Undefined: the request would be refused. */
  readonly upstream?: { readonly id: string; readonly url: string };
  readonly outcome?: Outcome;
  /** The rule that decided; undefined when the balance did. */
  readonly rule?: RuleName;
  readonly why?: Why;
  /** The upstream is being emptied: when the user leaves it at the latest, as RFC 3339 writes it. */
  readonly movesAt?: string;
  readonly rules: readonly RuleFinding[];
  readonly balance?: string;
  /** Ids of the upstreams to be tried after it, in order. */
  readonly next: readonly string[];
  /** Names of the cookies that the answer would set. */
  readonly cookies: readonly string[];
}

export interface RuleName {
  readonly name: string;
  /** What it looks at: the name of a cookie, a field. */
  readonly subject: string;
}

export interface RuleFinding extends RuleName {
  /** `unasked`: a rule before it decided. */
  readonly found: Found['kind'] | 'unasked';
  /** The upstream that a binding names. */
  readonly upstream?: string;
}

/** A request as a person asks about it. */
export interface AskedRequest {
  /** `http://example.org/users/7?a=b`, or the path alone. */
  readonly url: string;
  readonly method?: string | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** The address that connects; trusted proxies are looked through. */
  readonly ip?: string | undefined;
}

/** Where this request would go, and why. */
export function explain(
  assembly: Assembly,
  { url, method, headers = [], ip }: AskedRequest,
  clock: Clock,
  random: Random,
): Promise<Explanation> {
  const forwarded = headers
    .filter(([name]) => name.toLowerCase() === 'x-forwarded-for')
    .map(([, value]) => value);
  const client =
    ip === undefined
      ? undefined
      : clientAddress(ip, forwarded.length === 0 ? undefined : forwarded.join(', '), assembly.trusted);
  const facts = plainFacts({
    url,
    headers,
    nowMs: clock.now(),
    ...(method !== undefined && { method }),
    ...(client !== undefined && { ip: client }),
  });
  return explanation(assembly, facts, random);
}

/** Asks the router what the gateway would, and writes down its answers. Keys and tokens stay out of it. */
export async function explanation(
  assembly: Assembly,
  facts: RequestFacts,
  random: Random,
): Promise<Explanation> {
  const { method, host, target, clientAddress } = facts.line;
  const request = { method, host, target, client: clientAddress };
  const route = assembly.routeFor(facts);
  const nobody = { request, rules: [], next: [], cookies: [] };
  if (route === undefined) return nobody;
  const { name, hosts, path, demands } = route;
  const matched = { name, hosts, path, demands };
  const answer =
    route.pool === undefined ? route.answer : facts.line.isSecure ? undefined : route.config.toHttps;
  if (answer !== undefined) return { ...nobody, route: matched, answer: shown(answer, facts, name) };
  if (route.pool === undefined) return nobody;
  const pool = route.pool.snapshot;
  const load = new Uint32Array(pool.upstreams.length);
  await prepare(route.affinity, facts, pool);
  const decision = decide(route.affinity, facts, pool, load, random);
  const { index, outcome, rule, why } = decision;
  const upstream = pool.upstreams[index];
  const cookies = decision.writes().map((text) => text.slice(0, text.indexOf('=')));
  const movesAt = turnToMove(decision, facts);
  const next: string[] = [];
  if (index !== -1) while (decision.next('unreachable') !== -1) next.push(pool.upstreams[decision.index]!.id);
  return {
    request,
    route: matched,
    pool: route.poolName,
    ...(upstream && { upstream: { id: upstream.id, url: upstream.url } }),
    outcome,
    ...(rule && { rule: { name: rule.name, subject: rule.subject } }),
    ...(why && { why }),
    ...(movesAt !== undefined && { movesAt }),
    rules: findings(route.affinity.rules, facts, pool),
    balance: route.affinity.balance.name,
    next,
    cookies,
  };
}

/** As the router draws it: a turn is of the binding's identity, of the key, or of the client's address. */
function turnToMove(
  { pool, index, outcome, identity, user }: Decision,
  { line, nowMs }: RequestFacts,
): string | undefined {
  const standing = pool.standings[index];
  if ((outcome !== 'bound' && outcome !== 'keyed') || typeof standing !== 'object') return undefined;
  const key = outcome === 'keyed' ? user : identity;
  const atMs = turnIn(standing.leaving, key ?? line.clientAddress);
  return timeText(Math.ceil(Math.max(atMs, nowMs)));
}

function shown(answer: OwnAnswer, { line }: RequestFacts, route: string): NonNullable<Explanation['answer']> {
  const { status, location } = answer;
  if (location === undefined) return { status };
  const { host, method, target, clientAddress: client, isSecure } = line;
  const scheme = isSecure ? 'https' : 'http';
  // What only a request that came has.
  const facts = { host, hostName: host, scheme, method, target, client, route, requestId: '', upstream: '' };
  return { status, location: filledIn(location, facts) };
}

function findings(
  rules: Assembly['routes'][number]['affinity']['rules'],
  facts: RequestFacts,
  pool: PoolSnapshot,
): RuleFinding[] {
  let isDecided = false;
  return rules.map((rule): RuleFinding => {
    const { name, subject } = rule;
    if (isDecided) return { name, subject, found: 'unasked' };
    const found = rule.find(facts, pool);
    isDecided = found.kind === 'bound' || found.kind === 'keyed';
    return {
      name,
      subject,
      found: found.kind,
      ...(found.kind === 'bound' && { upstream: pool.upstreams[found.index]!.id }),
    };
  });
}
