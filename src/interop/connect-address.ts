import type { Upstream } from '../route/pool/upstream.js';
import { memberAddress } from '../route/placement/member-address.js';
import { readOrigin } from '../control/config/upstreams.js';
import { Wrong } from '../control/config/values.js';
import type { Report } from './report.js';

/**
 * What a pool's upstreams are called in another balancer's file: the ones that can be written there, in their
 * order.
 */
export interface Connection {
  readonly upstream: Upstream;
  /** `10.0.0.5:8080`, or the `address` of our file where it means the same place. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
}

/** `portImplied`: what the balancer connects to when an address names no port. */
export function connections(
  upstreams: readonly Upstream[],
  portImplied: number | undefined,
  at: string,
  report: Report,
): Connection[] {
  return upstreams.map((upstream) => {
    const { hostname, port, protocol } = new URL(upstream.url);
    const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    const own = `${hostname}:${number}`;
    const wanted = memberAddress(upstream);
    const isSame = isPlace(wanted, hostname, number, portImplied);
    if (!isSame)
      report.say(
        `${at}upstreams.${upstream.id}.address`,
        `is not carried over: ${own} is written, since it connects to what it hashes. Its keys may be placed elsewhere.`,
      );
    return { upstream, address: isSame ? wanted : own, host: hostname, port: number };
  });
}

/** Upstreams that are asked as the first one is; a set of upstreams speaks either HTTP or HTTPS elsewhere. */
export function ofOneScheme(
  upstreams: readonly Upstream[],
  at: string,
  report: Report,
): { readonly isTls: boolean; readonly upstreams: readonly Upstream[] } {
  const isTls = upstreams[0]!.url.startsWith('https:');
  const same = upstreams.filter(({ url }) => url.startsWith('https:') === isTls);
  for (const { id } of upstreams.filter((upstream) => !same.includes(upstream))) {
    report.say(
      `${at}upstreams.${id}`,
      `is left out: there, all upstreams of a pool speak ${isTls ? 'HTTPS, as the first one does' : 'HTTP, as the first one does'}. Make two pools of them.`,
    );
  }
  return { isTls, upstreams: same };
}

/** Can that be an upstream of ours? */
export function isOrigin(text: string): boolean {
  return !(readOrigin(text) instanceof Wrong);
}

/** Is that how somebody could write this host and port? Names in any case, IPv6 at any length. */
function isPlace(written: string, hostname: string, port: number, portImplied: number | undefined): boolean {
  const [, host = '', digits] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(written) ?? [];
  return (
    URL.canParse(`http://${host}`) &&
    new URL(`http://${host}`).hostname === hostname &&
    (digits === undefined ? portImplied : Number(digits)) === port
  );
}
