import { AdminRefused } from './admin-refusal.js';
import type { Endpoint } from './endpoints.js';

export interface Matched {
  readonly endpoint: Endpoint;
  readonly parts: Readonly<Record<string, string>>;
}

/** Finds the endpoint of a request. */
export class Endpoints {
  readonly #endpoints: readonly { readonly endpoint: Endpoint; readonly segments: readonly string[] }[];

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints.map((endpoint) => ({ endpoint, segments: endpoint.path.split('/') }));
  }

  /** `path`: without query, as it came. Throws AdminRefused. */
  find(path: string, method: string): Matched {
    const written = path.split('/');
    const wanted = method === 'HEAD' ? 'GET' : method;
    const allowed = new Set<string>();
    for (const { endpoint, segments } of this.#endpoints) {
      const parts = partsOf(segments, written);
      if (parts === undefined) continue;
      if (endpoint.method === wanted) return { endpoint, parts };
      allowed.add(endpoint.method);
    }
    if (allowed.size === 0)
      throw new AdminRefused(404, 'There is nothing at this path. GET /openapi.json lists what there is.');
    if (allowed.has('GET')) allowed.add('HEAD');
    const list = [...allowed].sort().join(', ');
    throw new AdminRefused(405, `This path takes ${list}.`, { allow: list });
  }
}

function partsOf(segments: readonly string[], written: readonly string[]): Matched['parts'] | undefined {
  if (segments.length !== written.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== written[at]) return undefined;
      continue;
    }
    const part = decoded(written[at]!);
    if (part === undefined || part === '') return undefined;
    parts[name] = part;
  }
  return parts;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
