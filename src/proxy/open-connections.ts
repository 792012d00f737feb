import { FirstBytes } from './first-bytes.js';
import { Http1Client } from './http1/client.js';
import { Http2Client } from './http2/client.js';
import type { Guest } from './site.js';

/** Connections of clients that are open. */
export interface OpenConnections {
  /** `unknown`: nothing has come yet that says which. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2' | 'unknown';
  /** `active`: a request is under way, or has begun to come. */
  readonly state: 'active' | 'idle';
  readonly count: number;
}

/** Counted when somebody asks: 10 000 connections take 0.1 ms. `http2Active`: those with a stream. */
export function countOpen(guests: Iterable<Guest>, http2Active: number): readonly OpenConnections[] {
  let http1 = 0;
  let http1Idle = 0;
  let http2 = 0;
  let unknown = 0;
  for (const guest of guests) {
    const client = guest instanceof FirstBytes ? guest.client : guest;
    if (client instanceof Http2Client) http2++;
    else if (client instanceof Http1Client) {
      http1++;
      if (client.isIdle) http1Idle++;
    } else unknown++;
  }
  return [
    { protocol: 'HTTP/1.1', state: 'active', count: http1 - http1Idle },
    { protocol: 'HTTP/1.1', state: 'idle', count: http1Idle },
    { protocol: 'HTTP/2', state: 'active', count: http2Active },
    { protocol: 'HTTP/2', state: 'idle', count: http2 - http2Active },
    { protocol: 'unknown', state: 'idle', count: unknown },
  ];
}
