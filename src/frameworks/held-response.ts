import type { OutgoingHttpHeaders, OutgoingHttpHeader, ServerResponse } from 'node:http';

/** Who has something to finish before the headers of a response go out. */
export interface BeforeHeaders {
  /** True when there is nothing: the response then goes its way untouched. */
  readonly isQuiet: boolean;
  /** Asked once. May add headers to the response. Rejects when the response must not go out as it is. */
  finish(): Promise<void>;
  /** The answer to give instead. */
  fail(error: unknown): Answer;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders';
const METHODS: readonly Method[] = ['writeHead', 'write', 'end', 'flushHeaders'];

/**
 * Makes a response of node:http wait: what would send its headers is kept until `finish` is done, and then done in the same order.
 * So the client's next request finds everything stored, which express-session does not promise (a redirect can overtake its save).
 * Returns how to answer something else, while nothing has gone out.
 */
export function holdResponse(response: ServerResponse, before: BeforeHeaders): (answer: Answer) => void {
  const target = response as unknown as Record<Method, (...args: unknown[]) => unknown>;
  const originals = new Map(METHODS.map((method) => [method, target[method]]));
  const kept: [Method, unknown[]][] = [];
  let isHolding = false;
  let hasEnded = false;
  let isReplaced = false;

  const release = (): void => {
    for (const method of METHODS) target[method] = originals.get(method)!;
    // An own property hides the one of the prototype, which tells the truth again from now on.
    Reflect.deleteProperty(response, 'headersSent');
  };

  const showHeadersSent = (): void => void Object.defineProperty(response, 'headersSent', { configurable: true, get: () => true });

  const replay = (): void => {
    release();
    for (const [method, args] of kept) target[method](...args);
  };

  const hold = (): void => {
    isHolding = true;
    showHeadersSent();
    before.finish().then(
      () => {
        if (isReplaced) return;
        replay();
        if (kept.some(([method]) => method === 'write')) response.emit('drain');
      },
      (error: unknown) => {
        if (isReplaced) return;
        release();
        answer(response, before.fail(error));
      },
    );
  };

  const keep = (method: Method, args: unknown[]): unknown => {
    if (hasEnded) return method === 'write' ? false : response;
    if (method === 'writeHead') {
      // It sends nothing by itself, so the app may still change the session behind it.
      kept.push([method, headArguments(response, args)]);
      showHeadersSent();
      return response;
    }
    if (!isHolding) {
      if (before.isQuiet) {
        replay();
        return target[method](...args);
      }
      hold();
    }
    kept.push([method, args]);
    if (method === 'end') hasEnded = true;
    // False: whoever pipes into the response waits for `drain`, so no more than one piece is kept.
    return method === 'write' ? false : response;
  };

  for (const method of METHODS) target[method] = (...args) => keep(method, args);
  return (instead) => {
    isReplaced = true;
    release();
    answer(response, instead);
  };
}

/** Where something has gone out already, the connection is cut: a truncated answer must not look whole. */
export function answer(response: ServerResponse, { status, text }: Answer): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = '';
  if (status === 503) response.setHeader('Retry-After', '1');
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.end(`${text}\n`);
}

/** The headers given to `writeHead` are set at once, so that those which `finish` adds join them instead of being overwritten. */
function headArguments(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args as [number, string | HeadersGiven | undefined, HeadersGiven | undefined];
  const headers = typeof second === 'string' ? third : second;
  if (Array.isArray(headers)) {
    for (let at = 0; at + 1 < headers.length; at += 2) response.removeHeader(String(headers[at]));
    for (let at = 0; at + 1 < headers.length; at += 2) response.appendHeader(String(headers[at]), headers[at + 1] as string);
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) response.setHeader(name, value);
  }
  return typeof second === 'string' ? [status, second] : [status];
}

type HeadersGiven = OutgoingHttpHeaders | OutgoingHttpHeader[];
