import { until } from './until.js';

/** What an upstream of a scripted fetch does with one request. */
export type Scripted = number | 'refused' | 'reset' | 'hang' | (() => Response | Promise<Response>);

export interface AskedRequest {
  readonly upstream: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly init: RequestInit;
  /** The body as the upstream would have read it; undefined for what never got there. */
  readonly body: string | undefined;
}

export interface ScriptedFetch {
  readonly fetch: typeof fetch;
  /** The requests in order, those that found nobody included. */
  readonly asked: readonly AskedRequest[];
  /** The hosts asked, in order. */
  readonly hosts: string[];
  /**
   * What the upstream with this host does from now on; a list is done one by one, its last for ever. Unsaid:
   * 200.
   */
  script(host: string, ...does: Scripted[]): void;
  askedFor(count: number): Promise<void>;
}

/** A `fetch` without sockets: its failures are those of Node's. `hang` pays no heed to the signal. */
export function scriptedFetch(): ScriptedFetch {
  const scripts = new Map<string, Scripted[]>();
  const asked: AskedRequest[] = [];
  const self: ScriptedFetch = {
    asked,
    get hosts() {
      return asked.map(({ upstream }) => upstream);
    },
    script: (host, ...does) => void scripts.set(host, does),
    askedFor: async (count) => void (await until(`request ${count}`, () => asked.length >= count)),
    async fetch(input, init = {}) {
      const url = new URL(String(input));
      const script = scripts.get(url.hostname) ?? [200];
      const does = script.length > 1 ? script.shift()! : script[0]!;
      const { body } = init;
      // As undici does: a stream is read as soon as a connection is tried.
      const text =
        body === undefined || body === null ? undefined : await new Response(body as BodyInit).text();
      asked.push({
        upstream: url.hostname,
        method: init.method ?? 'GET',
        target: url.pathname + url.search,
        headers: new Headers(init.headers),
        init,
        body: does === 'refused' ? undefined : text,
      });
      if (does === 'refused') throw failed({ code: 'ECONNREFUSED', syscall: 'connect' });
      if (does === 'reset') throw failed({ code: 'ECONNRESET', syscall: 'read' });
      if (does === 'hang') return await new Promise<never>(() => {});
      if (typeof does === 'number') return new Response(`${does} of ${url.hostname}`, { status: does });
      return await does();
    },
  };
  return self;
}

type BodyInit = ConstructorParameters<typeof Response>[0];

/** A network failure as Node's fetch tells of it. */
export function failed(cause: object): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('a failure of the system'), cause) });
}
