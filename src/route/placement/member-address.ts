import { invalidPlacement } from './members.js';
import type { Member } from './placement.js';

/**
 * What another balancer's configuration would call this upstream: its `address` where one is given, else host
 * and port of its URL, as in `server 10.0.0.5:8080`, else its id. URLs drop the port that their scheme
 * implies; here it is always written, and IPv6 keeps its brackets.
 */
export function memberAddress({ id, url, address }: Member): string {
  if (address !== undefined) return address;
  if (url === undefined) return id;
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}

/**
 * Throws where two members are one to a balancer that knows them by address alone. `consequence`: what it
 * would do then.
 */
export function checkAddresses(members: readonly Member[], consequence: string): void {
  const seen = new Map<string, string>();
  for (const member of members) {
    const address = memberAddress(member);
    const other = seen.get(address);
    if (other !== undefined) {
      throw invalidPlacement(
        `Upstreams "${other}" and "${member.id}" have the same address "${address}", and ${consequence}: give each an address of its own.`,
      );
    }
    seen.set(address, member.id);
  }
}
