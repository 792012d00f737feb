import type { DraftRoute } from './draft-route.js';
import type { Report } from './report.js';

/** A value, and where it was written. */
export interface Setting {
  readonly value: unknown;
  readonly at: string;
}

/**
 * Settings of which we have one for all, where another balancer has one for each part: a server, a location,
 * a backend. That of a part counts for us only where all routes have it; else it would silently count for
 * others.
 */
export class PartSettings {
  readonly #report: Report;
  readonly #whole = new Map<string, Setting>();
  readonly #parts = new Map<string, Map<string, Setting>>();

  constructor(report: Report) {
    this.#report = report;
  }

  /**
   * `part`: the part that it counts for, as routes name it; undefined for all. Of two in one place the first
   * counts.
   */
  set(key: string, value: unknown, at: string, part: string | undefined): void {
    const into = part === undefined ? this.#whole : this.#partsOf(key);
    const name = part ?? key;
    const before = into.get(name);
    if (before === undefined) into.set(name, { value, at });
    else if (!isSame(before, { value, at }))
      this.#report.say(
        at,
        `${key} is not carried over: stickyroute has one for all, and took it from ${before.at}.`,
      );
  }

  has(key: string, part: string): boolean {
    return this.#parts.get(key)?.has(part) === true;
  }

  /** What counts for all of these routes; of what counts only for some it says so. */
  chosen(routes: readonly DraftRoute[]): ReadonlyMap<string, Setting> {
    const found = new Map(this.#whole);
    for (const [key, parts] of this.#parts) {
      const whole = this.#whole.get(key);
      const each = routes.map((route) => innermost(route, parts) ?? whole);
      this.#report.spend(each.length * 4);
      const [first] = each;
      if (first !== undefined && each.every((setting) => setting !== undefined && isSame(setting, first))) {
        if (!isSame(first, whole)) found.set(key, first);
        continue;
      }
      for (const setting of each)
        if (setting !== undefined && setting !== whole && !isSame(setting, whole))
          this.#report.say(
            setting.at,
            `${key} ${shown(setting.value)} is not carried over: it counts for a part there, and would count for all here${whole === undefined ? '' : `, where ${shown(whole.value)} counts`}. Write ${key} where all may have it.`,
          );
    }
    return found;
  }

  #partsOf(key: string): Map<string, Setting> {
    let parts = this.#parts.get(key);
    if (parts === undefined) this.#parts.set(key, (parts = new Map<string, Setting>()));
    return parts;
  }
}

/** That of the smallest part that the route stands in. */
function innermost({ parts = [] }: DraftRoute, all: ReadonlyMap<string, Setting>): Setting | undefined {
  for (let index = parts.length - 1; index >= 0; index--) {
    const own = all.get(parts[index]!);
    if (own !== undefined) return own;
  }
  return undefined;
}

function isSame(one: Setting, other: Setting | undefined): boolean {
  return other !== undefined && JSON.stringify(one.value) === JSON.stringify(other.value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
