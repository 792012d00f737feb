import type { Report } from './report.js';

/** Where another balancer listens. */
export interface ImportedListener {
  /** A port, or an address and a port, as our `listen` has it. */
  readonly value: number | string;
  readonly at: string;
  /** The server, frontend or site that listens there; only one that passes requests on. */
  readonly owner: string;
  readonly isTls: boolean;
  /** Clients may come by HTTP/2. */
  readonly isHttp2?: boolean;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/**
 * The one that ours becomes: where most of them listen, else where the first does. Of two places of one, that
 * with TLS: whoever came by TLS must not be asked to come in clear.
 */
export function chosenListener<T extends ImportedListener>(listeners: readonly T[]): T | undefined {
  const owners = new Map<number | string, Set<string>>();
  for (const { value, owner } of listeners) owners.set(value, (owners.get(value) ?? new Set()).add(owner));
  let most = 0;
  for (const { size } of owners.values()) most = Math.max(most, size);
  const busiest = listeners.filter(({ value }) => owners.get(value)!.size === most);
  const first = busiest.filter(({ owner }) => owner === busiest[0]!.owner);
  return first.find(({ isTls }) => isTls) ?? first[0];
}

export function sayOtherListeners(
  listeners: readonly ImportedListener[],
  chosen: ImportedListener,
  report: Report,
): void {
  for (const { value, at, isTls, tls } of listeners) {
    if (value !== chosen.value)
      report.say(
        at,
        `${isTls ? 'TLS' : 'listening'} at ${value} is not carried over: stickyroute listens at one address, and took ${chosen.value} from ${chosen.at}.`,
      );
    else if (tls !== undefined && tls.cert !== chosen.tls?.cert)
      report.say(
        at,
        `the certificate ${tls.cert} is not carried over: stickyroute has one for all, and took it from ${chosen.at}.`,
      );
  }
}
