import { Resolver } from 'node:dns/promises';
import type { SrvRecord } from 'node:dns';
import type { Clock, Timer } from '../../base/clock.js';
import { durationText } from '../config/values.js';

/** Each server is asked twice before the time is over. */
const TRIES = 2;
const TRY_MS_MIN = 50;

export interface Addresses {
  readonly addresses: readonly string[];
  /** The shortest time for which an answer may be kept; undefined when there is none. */
  readonly ttlMs: number | undefined;
}

const NONE: Addresses = { addresses: [], ttlMs: undefined };

/** Why there is no answer; `message` is a sentence for the log. */
export class DnsFailure extends Error {}

export interface DnsQueryOptions {
  /** `10.0.0.2`, `127.0.0.1:5353`; empty: those of the system. */
  readonly resolvers: readonly string[];
  readonly timeoutMs: number;
}

/**
 * One look at DNS. It has a resolver of its own, because Node's reads the system's servers once and keeps
 * them (nodejs/node#49485), and because a resolver can only be cancelled as a whole.
 */
export class DnsQuery implements Timer {
  readonly #resolver: Resolver;
  readonly #timeoutMs: number;
  readonly #clock: Clock;

  constructor({ resolvers, timeoutMs }: DnsQueryOptions, clock: Clock) {
    const servers = resolvers.length > 0 ? resolvers.length : Math.max(1, new Resolver().getServers().length);
    const timeout = Math.max(TRY_MS_MIN, Math.floor(timeoutMs / (TRIES * servers)));
    this.#resolver = new Resolver({ timeout, tries: TRIES });
    if (resolvers.length > 0) this.#resolver.setServers(resolvers);
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Empty when the name has none, or is none. Rejects with a DnsFailure when nobody says so. */
  async ipv4(name: string): Promise<Addresses> {
    return addressesOf(await this.#ask(name, 'A', () => this.#resolver.resolve4(name, { ttl: true })));
  }

  async ipv6(name: string): Promise<Addresses> {
    return addressesOf(await this.#ask(name, 'AAAA', () => this.#resolver.resolve6(name, { ttl: true })));
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#ask(name, 'SRV', () => this.#resolver.resolveSrv(name));
  }

  /** Ends all questions under way. */
  stop(): void {
    this.#resolver.cancel();
  }

  /** c-ares takes longer than it is told to (nodejs/node#39562), so there is a limit beside its own. */
  async #ask<T>(name: string, type: string, ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
    const limit = this.#clock.after(this.#timeoutMs, () => this.#resolver.cancel());
    try {
      return await ask();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
      if (code === 'ENODATA' || code === 'ENOTFOUND') return [];
      throw new DnsFailure(`${type} records of ${name}: ${this.#reason(code)}`);
    } finally {
      limit.stop();
    }
  }

  #reason(code: string): string {
    switch (code) {
      case 'ETIMEOUT':
      case 'ECANCELLED':
        return `no resolver answered within ${durationText(this.#timeoutMs)}. Is it reachable? (${code})`;
      case 'ECONNREFUSED':
        return `no resolver can be reached. Check resolvers, or /etc/resolv.conf. (${code})`;
      case 'ESERVFAIL':
        return `the resolver could not find out. (${code})`;
      case 'EREFUSED':
        return `the resolver refuses to answer. Is it meant for this name? (${code})`;
      default:
        return `the resolver gave no usable answer. (${code})`;
    }
  }
}

function addressesOf(records: readonly { readonly address: string; readonly ttl: number }[]): Addresses {
  if (records.length === 0) return NONE;
  // A resolver turns the order around to spread load; here the order must say nothing.
  const addresses = [...new Set(records.map(({ address }) => address))].sort();
  return { addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
}
