import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

type HeadersGiven =
  OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | readonly (readonly [string, string])[];

/**
 * What `writeHead` is to be called with, once the headers that it was given are set on the response: so that
 * those which are added before they go out join them instead of being overwritten. Takes every form that
 * node:http takes: an object, a flat list, a list of pairs; behind a reason, behind `undefined`, or alone.
 */
export function headArguments(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args;
  const reason = typeof second === 'string' ? second : undefined;
  const headers = (third ?? (reason === undefined ? second : undefined)) as HeadersGiven | null | undefined;
  if (Array.isArray(headers)) {
    const pairs = pairsOf(headers as readonly unknown[]);
    for (const [name] of pairs) response.removeHeader(name);
    for (const [name, value] of pairs) response.appendHeader(name, value);
  } else if (headers !== undefined && headers !== null) {
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined) response.setHeader(name, value as string);
  }
  return reason === undefined ? [status] : [status, reason];
}

function pairsOf(list: readonly unknown[]): (readonly [string, string])[] {
  if (Array.isArray(list[0])) return list as (readonly [string, string])[];
  if (list.length % 2 !== 0)
    throw Object.assign(new TypeError('A flat list of headers needs a value for each name.'), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
  const pairs: [string, string][] = [];
  for (let at = 0; at < list.length; at += 2) pairs.push([String(list[at]), list[at + 1] as string]);
  return pairs;
}
