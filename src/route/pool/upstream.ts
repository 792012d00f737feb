import type { Member } from '../placement/placement.js';
import type { Standing } from './standing.js';

/** One app instance. `url` is its origin: scheme, host and port, no path. */
export interface Upstream {
  readonly id: string;
  readonly url: string;
  /** Its share relative to the others; a finite number above 0. 1 unless said otherwise. */
  readonly weight: number;
  /** Its first standing is `leaving` instead of `in`: no new users; bindings are still followed. */
  readonly draining: boolean;
  /** Its first standing, where it is another than `draining` says. */
  readonly standing?: Standing | undefined;
  /**
   * What another balancer's configuration calls it, where host and port of the URL don't say it. For
   * placements that agree with that one.
   */
  readonly address?: string | undefined;
  /** The number in HAProxy's `id 77`, for placements that agree with it. */
  readonly haproxyId?: number | undefined;
  /** Whose certificate an `https://` upstream must show, where its URL has an address instead of a name. */
  readonly serverName?: string | undefined;
  /** Names this life of the instance: when it differs, the instance under this id has been replaced. */
  readonly incarnation?: string | undefined;
}

/** Every field of an upstream. Whatever compares or hands on upstreams goes by this. */
export const UPSTREAM_FIELDS = Object.keys({
  id: 1,
  url: 1,
  weight: 1,
  draining: 1,
  standing: 1,
  address: 1,
  haproxyId: 1,
  serverName: 1,
  incarnation: 1,
} satisfies Record<keyof Upstream, 1>) as readonly (keyof Upstream)[];

/** What a placement needs to know of them, in the same order. */
export function membersOf(upstreams: readonly Upstream[]): Member[] {
  return upstreams.map(
    ({ id, weight, url, address, haproxyId }) =>
      ({ id, weight, url, address, haproxyId }) satisfies Record<keyof Member, unknown>,
  );
}
