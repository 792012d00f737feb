/**
 * Where requests go that come side by side, over one connection, from a client that has no binding yet: they
 * must not be bound to several upstreams. Decisions read it and set it.
 */
export interface FirstBinding {
  upstreamId: string | undefined;
}
