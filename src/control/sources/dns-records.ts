import { isIPv6 } from 'node:net';
import type { SrvRecord } from 'node:dns';
import { MEMBERS_MAX } from '../../route/placement/members.js';
import type { Upstream } from '../../route/pool/upstream.js';
import type { DnsSourceOptions } from './dns-options.js';
import { DnsFailure, type Addresses, type DnsQuery } from './dns-query.js';

/** Names of targets that are looked up at once. */
const TARGETS_AT_ONCE = 16;

export interface DnsAnswer {
  readonly upstreams: readonly Upstream[];
  /** Undefined: it says nothing of the time. */
  readonly ttlMs: number | undefined;
  /** What could not be found out, of a part. */
  readonly problem: string | undefined;
}

/** An upstream an address: `api.internal[10.0.0.5]:8080`. */
export async function upstreamsOfAddresses(
  { name, isHttps, family }: DnsSourceOptions,
  port: number,
  query: DnsQuery,
): Promise<DnsAnswer> {
  const { addresses, ttlMs } = await addressesOf(name, family, query);
  const upstreams = addresses.map((address): Upstream => ({
    id: `${name}[${address}]:${port}`,
    url: originOf(isHttps, address, port),
    weight: 1,
    draining: false,
    ...(isHttps && { serverName: name }),
  }));
  return { upstreams, ttlMs, problem: undefined };
}

/**
 * An upstream an SRV record of the first priority: `api-1.internal:8080`. Its target's name is looked up here
 * and not by whoever connects, because the same resolvers are to be asked, and because a name whose address
 * changes is another instance. `known`: the addresses of targets as they were, for those that can't be looked
 * up now.
 */
export async function upstreamsOfSrv(
  { name, isHttps, family }: DnsSourceOptions,
  query: DnsQuery,
  known: Map<string, string>,
): Promise<DnsAnswer> {
  const records = firstPriority(await query.srv(name));
  const targets = [...new Set(records.map(({ name: target }) => hostOf(target)))];
  const addresses = new Map<string, string>();
  let problem: string | undefined;
  const look = async (target: string): Promise<void> => {
    const before = known.get(target);
    try {
      const { addresses: found } = await addressesOf(target, family, query);
      const address = before !== undefined && found.includes(before) ? before : found[0];
      if (address !== undefined) addresses.set(target, address);
      else problem ??= `target ${target} of ${name} has no address, so it is left out.`;
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error;
      problem ??= error.message;
      if (before !== undefined) addresses.set(target, before);
    }
  };
  const waiting = [...targets];
  const runs = Array.from({ length: TARGETS_AT_ONCE }, async () => {
    for (let target = waiting.pop(); target !== undefined; target = waiting.pop()) await look(target);
  });
  await Promise.all(runs);
  if (addresses.size === 0 && problem !== undefined) throw new DnsFailure(problem);
  known.clear();
  for (const [target, address] of addresses) known.set(target, address);
  const upstreams = new Map<string, Upstream>();
  for (const record of records) {
    const target = hostOf(record.name);
    const address = addresses.get(target);
    const id = `${target}:${record.port}`;
    if (address === undefined || upstreams.has(id)) continue;
    upstreams.set(id, {
      id,
      url: originOf(isHttps, address, record.port),
      // RFC 2782 gives 0 a very small chance, and says to write it where weights mean nothing.
      weight: Math.max(1, record.weight),
      draining: false,
      ...(isHttps && { serverName: target }),
    });
  }
  return { upstreams: [...upstreams.values()], ttlMs: undefined, problem };
}

/** The others are for when these can't be reached, which a pool has no word for. `.` says: nobody serves. */
function firstPriority(records: readonly SrvRecord[]): readonly SrvRecord[] {
  const there = records.filter(({ name, port }) => hostOf(name) !== '' && port > 0);
  const first = there.reduce((least, { priority }) => Math.min(least, priority), Infinity);
  return there
    .filter(({ priority }) => priority === first)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.port - b.port))
    .slice(0, MEMBERS_MAX);
}

function hostOf(target: string): string {
  return target.replace(/\.$/, '').toLowerCase();
}

async function addressesOf(
  name: string,
  family: DnsSourceOptions['family'],
  query: DnsQuery,
): Promise<Addresses> {
  if (family === '6') return await query.ipv6(name);
  if (family === 'both') {
    const [four, six] = await Promise.all([query.ipv4(name), query.ipv6(name)]);
    const ttls = [four.ttlMs, six.ttlMs].filter((ttl) => ttl !== undefined);
    return {
      addresses: [...four.addresses, ...six.addresses],
      ttlMs: ttls.length === 0 ? undefined : Math.min(...ttls),
    };
  }
  const four = await query.ipv4(name);
  return four.addresses.length > 0 || family === '4' ? four : await query.ipv6(name);
}

/** As `upstreams:` would have it: without a port that goes without saying. */
function originOf(isHttps: boolean, address: string, port: number): string {
  const host = isIPv6(address) ? `[${address}]` : address;
  return new URL(`${isHttps ? 'https' : 'http'}://${host}:${port}`).origin;
}
