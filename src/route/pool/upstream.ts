/** One app instance. `url` is its origin: scheme, host and port, no path. */
export interface Upstream {
  readonly id: string;
  readonly url: string;
  /** Its share relative to the others; a finite number above 0. 1 unless said otherwise. */
  readonly weight: number;
  /** True while the operator wants no new users on it. Bindings are still followed. */
  readonly draining: boolean;
}
