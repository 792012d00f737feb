/** What this process or its machine lacks: sockets, ports, memory. */
const LOCAL_CODES: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
]);

/**
 * Did a connection fail for want of something here? Then it says nothing of the other side. `fetch` and names
 * with several addresses hide the code: it stands in `cause`, or in each of `errors`.
 */
export function isLocalError(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 3) return false;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0)
    return errors.every((each) => isLocalError(each, depth + 1));
  if (typeof code === 'string' && LOCAL_CODES.has(code)) return true;
  return isLocalError(cause, depth + 1);
}
