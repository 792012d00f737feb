import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cache } from '../../state/cache/cache.js';
import type { Seen } from '../../state/cache/seen.js';
import { schemeReader, type SchemeOptions } from '../scheme.js';
import { seenFor } from '../seen-response.js';

/**
 * `const seenBy = seen(cache)` once, and for each request `cache.scope(userId, seenBy(request, response))`:
 * its user then never reads backwards, wherever the next request goes. The response carries what was read and
 * written before its headers went out.
 */
export function seen(
  cache: Cache,
  options: SchemeOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Seen {
  const isSecure = schemeReader(options);
  return (request, response) => seenFor(cache, request, response, isSecure(request));
}
