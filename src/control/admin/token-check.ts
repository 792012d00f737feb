import { createHash, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.js';
import type { Clock } from '../../base/clock.js';
import { formatAddress, maskAddress, parseAddress } from '../../route/address.js';
import { isLoopback } from '../config/admin.js';

const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 1024;
const IPV6_NETWORK_BITS = 64;

export type TokenVerdict = 'right' | 'missing' | 'wrong' | 'tooMany';

/**
 * Compares tokens, and keeps an address that guesses from guessing on: after ten wrong ones in a minute its
 * tokens are not looked at until the minute is over. Addresses of this machine are always looked at, because
 * one program here must not lock out its operator.
 */
export class TokenCheck {
  readonly #clock: Clock;
  readonly #failures = new BoundedMap<string, { count: number; readonly untilMs: number }>(ADDRESSES_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `peer`: the address that connects; undefined for a unix socket. */
  check(authorization: string | undefined, token: string, peer: string | undefined): TokenVerdict {
    const network = peer === undefined || isLoopback(peer) ? undefined : networkOf(peer);
    const nowMs = this.#clock.monotonic();
    const failures = network === undefined ? undefined : this.#failures.get(network);
    const isRecent = failures !== undefined && nowMs < failures.untilMs;
    if (isRecent && failures.count >= FAILURES_MAX) return 'tooMany';
    if (authorization === undefined) return 'missing';
    const given = /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    if (given !== undefined && timingSafeEqual(hash(given), hash(token))) return 'right';
    if (network !== undefined) {
      if (isRecent) failures.count++;
      else this.#failures.set(network, { count: 1, untilMs: nowMs + WINDOW_MS });
    }
    return 'wrong';
  }
}

/** Of one length, whatever was sent, so that the comparison takes the same time for all. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** One host of IPv6 has a whole network of addresses to guess from. */
function networkOf(peer: string): string {
  const address = parseAddress(peer);
  if (address === undefined || typeof address === 'number') return peer;
  return formatAddress(maskAddress(address, IPV6_NETWORK_BITS));
}
