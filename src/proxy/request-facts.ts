import { RequestFacts } from '../route/facts.js';
import type { Origin } from './forwarded.js';
import { hostName, type RequestHead } from './http1/request-head.js';

/** What the router may ask of a request that came over a wire. */
export function requestFacts(head: RequestHead, origin: Origin, nowMs: number): RequestFacts {
  return new RequestFacts(
    {
      method: head.method,
      target: head.target,
      host: hostName(head.host),
      clientAddress: origin.address,
      isSecure: origin.isSecure,
      nowMs,
    },
    head,
  );
}
