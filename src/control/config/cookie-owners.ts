/** Who writes one cookie: the earliest route that a browser could reach by each host. */
export class CookieOwners<T> {
  readonly #owners: T[] = [];
  readonly #byHost = new Map<string, number>();
  /** The earliest whose host ends so: `.example.org` → that of `a.example.org`. */
  readonly #byEnding = new Map<string, number>();
  /** The earliest that can meet every other one. */
  #everywhere: number | undefined;

  add(owner: T, hosts: readonly string[], isEverywhere: boolean): void {
    const index = this.#owners.push(owner) - 1;
    if (isEverywhere || hosts.length === 0) this.#everywhere ??= index;
    for (const host of hosts) {
      if (!this.#byHost.has(host)) this.#byHost.set(host, index);
      for (const ending of endings(host)) if (!this.#byEnding.has(ending)) this.#byEnding.set(ending, index);
    }
  }

  /**
   * The earliest owner that a request for one of these hosts could reach too; none: any host. In time that
   * grows with the labels of the hosts, however many owners there are.
   */
  meeting(hosts: readonly string[]): T | undefined {
    if (hosts.length === 0) return this.#owners[0];
    let first = this.#everywhere ?? Infinity;
    for (const host of hosts) {
      first = Math.min(first, this.#byHost.get(host) ?? Infinity);
      if (host.startsWith('*')) first = Math.min(first, this.#byEnding.get(host.slice(1)) ?? Infinity);
      for (const ending of endings(host)) first = Math.min(first, this.#byHost.get(`*${ending}`) ?? Infinity);
    }
    return this.#owners[first];
  }
}

/** `a.b.org` → `.b.org`, `.org` */
function endings(host: string): string[] {
  const found: string[] = [];
  for (let at = host.indexOf('.'); at !== -1; at = host.indexOf('.', at + 1)) found.push(host.slice(at));
  return found;
}
