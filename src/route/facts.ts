import { toByteString } from '../base/framed-key.js';
import { cookieValues } from '../base/cookies.js';

/** Where header fields come from: a parsed head in the gateway, a plain list in `explain` and the library. */
export interface HeaderSource {
  /**
   * The field's value; several fields of one name are joined with ", " (with "; " for cookie). `name` in
   * lower case.
   */
  get(name: string): string | undefined;
}

/** What a request is known by before any rule looks at it. */
export interface RequestLine {
  readonly method: string;
  /** The target as sent, in origin form: `/path?query`. */
  readonly target: string;
  /** The host of the request without its port, in lower case; empty when unknown. */
  readonly host: string;
  /** The client's address, after trusted proxies; `""` when unknown. */
  readonly clientAddress: string;
  /** True when the client's side of the connection is HTTPS, after trusted proxies. */
  readonly isSecure: boolean;
  readonly nowMs: number;
}

/**
 * What rules may ask of a request. The query is parsed when a rule first asks, and only once. All texts are
 * byte strings: one character, one byte, as they came over the wire.
 */
export class RequestFacts {
  readonly line: RequestLine;
  readonly headers: HeaderSource;
  #query: URLSearchParams | undefined;

  constructor(line: RequestLine, headers: HeaderSource) {
    this.line = line;
    this.headers = headers;
  }

  get nowMs(): number {
    return this.line.nowMs;
  }

  /** The path, without the query. */
  get path(): string {
    const { target } = this.line;
    const mark = target.indexOf('?');
    return mark === -1 ? target : target.slice(0, mark);
  }

  /**
   * A browser comes to a new page. Older browsers, and those behind plain HTTP, send no Sec-Fetch fields:
   * then a GET for HTML is taken for it.
   */
  get isNavigation(): boolean {
    const { method } = this.line;
    if (method !== 'GET' && method !== 'HEAD') return false;
    const mode = this.headers.get('sec-fetch-mode');
    if (mode !== undefined) return mode === 'navigate';
    return this.headers.get('accept')?.includes('text/html') === true;
  }

  /**
   * Every value of the cookie, in the order sent: browsers send two when a name exists at two paths or
   * partitions.
   */
  cookies(name: string): readonly string[] {
    return cookieValues(this.headers.get('cookie'), name);
  }

  /** The first value of a query parameter, decoded, as a byte string. */
  query(name: string): string | undefined {
    if (this.#query === undefined) {
      const { target } = this.line;
      const mark = target.indexOf('?');
      this.#query = new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1));
    }
    const value = this.#query.get(name);
    return value === null ? undefined : toByteString(value);
  }
}
