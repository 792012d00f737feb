import type { Member } from './placement.js';

/**
 * What another balancer's configuration would call this upstream: its `address` where one is given, else host and port of its URL, as in `server
 * 10.0.0.5:8080`, else its id. URLs drop the port that their scheme implies; here it is always written, and IPv6 keeps its brackets.
 */
export function memberAddress({ id, url, address }: Member): string {
  if (address !== undefined) return address;
  if (url === undefined) return id;
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}
