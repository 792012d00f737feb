import { trimBlank } from '../base/blank.js';
import { toByteString } from '../base/framed-key.js';
import { canonical, parseAddress } from './address.js';
import { RequestFacts } from './facts.js';

/** A request as a person would write it down. */
export interface PlainRequest {
  /**
   * `https://example.org/users/7?a=b`, or the path alone. Its host and scheme count unless said otherwise.
   */
  readonly url?: string;
  readonly method?: string;
  /** In any case; a repeated name is a repeated field. */
  readonly headers?: Iterable<readonly [name: string, value: string]>;
  /** The client's address, after trusted proxies. */
  readonly ip?: string;
  readonly isSecure?: boolean;
  readonly nowMs: number;
}

const ABSOLUTE = /^(https?):\/\/([^/?#]*)(.*)$/is;

/** The facts of a request that never came over a wire: for `stickyroute explain`, the library and tests. */
export function plainFacts(request: PlainRequest): RequestFacts {
  const absolute = ABSOLUTE.exec(request.url ?? '/');
  const rest = (absolute === null ? (request.url ?? '/') : absolute[3]!).replace(/#.*$/s, '');
  const headers = joinFields(request.headers ?? []);
  const ip = request.ip ?? '';
  const address = parseAddress(ip);
  const line = {
    method: request.method ?? 'GET',
    target: escapeTarget(rest.startsWith('/') ? rest : `/${rest}`),
    host: withoutPort(absolute?.[2] ?? headers.get('host') ?? ''),
    clientAddress: address === undefined ? ip : canonical(ip, address),
    isSecure: request.isSecure ?? absolute?.[1]?.toLowerCase() === 'https',
    nowMs: request.nowMs,
  };
  return new RequestFacts(line, headers);
}

/** RFC 9110 §5.3: fields of one name are one list; cookies are joined as RFC 9113 §8.2.3 says. */
function joinFields(fields: Iterable<readonly [string, string]>): Map<string, string> {
  const joined = new Map<string, string>();
  for (const [anyCase, text] of fields) {
    const name = anyCase.toLowerCase();
    const value = trimBlank(toByteString(text));
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return joined;
}

/** As browsers send it: nothing but visible ASCII goes into a request target. */
function escapeTarget(target: string): string {
  return toByteString(target).replace(
    /[^!-~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function withoutPort(host: string): string {
  return host.replace(/^.*@/s, '').replace(/:\d*$/, '').toLowerCase();
}
