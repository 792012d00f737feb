// The little that a server of plain node:http needs.
export const BODY_BYTES_MAX = 10 * 1024 * 1024;

export function sendJson(response, status, value, headers = {}) {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The body as text; undefined when it is too large. */
export async function readBody(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/**
 * What a request says, in JSON, as a form, or behind the question mark; undefined for what is none of these.
 */
export async function readInput(request, query) {
  const body = await readBody(request);
  if (body === undefined) return undefined;
  const type = request.headers['content-type'] ?? '';
  if (body === '') return Object.fromEntries(query);
  if (type.startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(body));
  try {
    const value = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
