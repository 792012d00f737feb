/**
 * sdbm of a byte string, as a signed number: the hash of the database library of that name, and HAProxy's
 * default (src/hash.c).
 */
export function sdbm(bytes: string): number {
  let hash = 0;
  for (let at = 0; at < bytes.length; at++)
    hash = (bytes.charCodeAt(at) + (hash << 6) + (hash << 16) - hash) | 0;
  return hash;
}
