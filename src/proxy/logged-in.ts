import type { Http1Upstream } from './http1/upstream.js';
import type { AnswerTaker } from './sides.js';
import type { UpstreamEndpoint } from './upstream-endpoint.js';

/**
 * An upstream's connection that its client has logged in: NTLM and Negotiate log a connection in, not a
 * request (RFC 4559 §5), so whoever used it next would be served as that client. It belongs to the client's
 * connection, waits there between two requests, and ends with it.
 */
export class LoggedIn {
  readonly connection: Http1Upstream;
  readonly #endpoint: UpstreamEndpoint;

  constructor(endpoint: UpstreamEndpoint, connection: Http1Upstream) {
    this.#endpoint = endpoint;
    this.connection = connection;
  }

  /** For a request to the same upstream; undefined when it is to another, or the connection is gone. */
  take(endpoint: UpstreamEndpoint, taker: AnswerTaker): Http1Upstream | undefined {
    const { connection } = this;
    if (endpoint !== this.#endpoint || !connection.isOpen) return undefined;
    connection.take(taker);
    return connection;
  }

  end(): void {
    this.connection.destroy();
  }
}
