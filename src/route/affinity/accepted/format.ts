import type { z } from 'zod';
import type { PoolSnapshot } from '../../pool/snapshot.js';
import type { Found } from '../rule.js';

/**
 * A kind of cookie that another balancer writes, as the registry knows it: its name in `formats:`, how its
 * options are written, and how it is made.
 */
export interface CookieFormat<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  create(options: Options): AcceptedCookie;
}

/** One cookie of another balancer. */
export interface AcceptedCookie {
  /** The cookie's name. */
  readonly name: string;
  /** A parameter of the path that may stand in for the cookie, and counts before it: `;jsessionid=…`. */
  readonly pathParameter?: string | undefined;
  /** What a value says. `value` is not empty, and not longer than what a browser keeps. */
  read(value: string, pool: PoolSnapshot, nowMs: number): Found;
  /** For a cookie of the app that the balancer wrote into: its value as the app knows it. */
  appValue?(value: string, pool: PoolSnapshot): string;
}
