/** Fields of answers that caches and people with tools read, and that change nothing for who is served. */
const READ_BY_CACHES =
  /^(?:cache-control|expires|pragma|etag|last-modified|age|server-timing|x-cache[\w-]*|x-served-by|x-powered-by|server|alt-svc|timing-allow-origin)$/i;

export function isCachingField([name = '', value = '']: readonly string[]): boolean {
  return READ_BY_CACHES.test(name) && !/no-store|no-cache|private|must-revalidate/i.test(value);
}
