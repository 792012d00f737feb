/** An upstream on its way into our configuration. */
export interface DraftUpstream {
  id: string;
  readonly url: string;
  readonly weight?: number;
  readonly draining?: boolean;
  /** What the other balancer hashes, where host and port of the URL don't say it. */
  readonly address?: string;
  readonly haproxyId?: number;
}

export interface DraftPool {
  readonly name: string;
  readonly upstreams: readonly DraftUpstream[];
  readonly placement?: unknown;
  readonly health?: object;
  readonly passive?: object;
  readonly tls?: object;
  readonly http2?: boolean;
  /** Where it was written. */
  readonly at?: string;
}

export interface DraftRoute {
  /** Empty: any. */
  readonly hosts: readonly string[];
  readonly path: string;
  readonly pool: DraftPool;
  readonly affinity: readonly unknown[];
  readonly balance?: string;
  /** Where it was written, for what is said of it. */
  readonly at: string;
  /** The server, frontend or site that it stands in, as its listeners name it. */
  readonly owner?: string;
  /** Blocks around it that locks can stand in. */
  readonly within?: readonly string[];
  /** What settings of a part of the file can stand in, from the whole server to the route's own lines. */
  readonly parts?: readonly string[];
}
