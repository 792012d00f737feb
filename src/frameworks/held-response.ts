import type { OutgoingHttpHeaders, OutgoingHttpHeader, ServerResponse } from 'node:http';

/** Who has something to finish before the headers of a response go out. */
export interface BeforeHeaders {
  /** True when there is nothing: the response then goes its way untouched. */
  readonly isQuiet: boolean;
  /**
   * Asked once. Resolves to what adds its headers to the response. Rejects when the response must not go out
   * as it is.
   */
  finish(): Promise<() => void>;
  /** The answer to give instead. */
  fail(error: unknown): Answer;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What sends the headers of a response. */
export type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders';
export const METHODS: readonly Method[] = ['writeHead', 'write', 'end', 'flushHeaders'];
type Send = (this: ServerResponse, ...args: unknown[]) => unknown;
type Sender = Record<Method, Send>;
type Setter = 'setHeader' | 'appendHeader' | 'removeHeader';

/**
 * Makes a response of node:http wait: what would send its headers is kept until `finish` is done, and then
 * done in the same order. So the client's next request finds everything stored, which express-session does
 * not promise (a redirect can overtake its save). Returns how to answer something else, while nothing has
 * gone out.
 */
export function holdResponse(response: ServerResponse, before: BeforeHeaders): (answer: Answer) => void {
  const hold = new Hold(response, before);
  const holder = response as unknown as Holder;
  // The same functions for every response, which find its hold on it: closures would cost more than all the
  // rest, and a WeakMap three times a bare request. A second hold on one response (two kinds of session, say)
  // has functions of its own.
  const sender = holder[HOLD] === undefined ? SHARED : senderOf(() => hold);
  holder[HOLD] ??= hold;
  hold.begin(sender);
  return (instead) => hold.replace(instead);
}

/** Where something has gone out already, the connection is cut: a truncated answer must not look whole. */
export function answer(response: ServerResponse, instead: Answer): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else send(response, instead);
}

const HOLD = Symbol('stickyroute hold');
type Holder = Sender & { [HOLD]?: Hold };

function senderOf(holdOf: (response: Holder) => Hold): Sender {
  return {
    writeHead(...args) {
      return holdOf(this as unknown as Holder).take('writeHead', args);
    },
    write(...args) {
      return holdOf(this as unknown as Holder).take('write', args);
    },
    end(...args) {
      return holdOf(this as unknown as Holder).take('end', args);
    },
    flushHeaders(...args) {
      return holdOf(this as unknown as Holder).take('flushHeaders', args);
    },
  };
}

const SHARED = senderOf((response) => response[HOLD]!);

/**
 * As node:http says it: what is held counts as sent, or a second answer would change the headers of the
 * first.
 */
function refuse(): never {
  throw Object.assign(new Error('Cannot change headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}

class Hold {
  readonly #response: ServerResponse;
  readonly #sender: Sender;
  readonly #before: BeforeHeaders;
  /** As they were: of node:http, or of middleware that came first. */
  readonly #originals: Sender;
  /** What the response has instead while it is held. */
  #own: Sender = SHARED;
  readonly #kept: [Method, unknown[]][] = [];
  #setters: Record<Setter, (...args: never[]) => unknown> | undefined;
  /** The status that will be sent, from when the app believes that it was. */
  #status: readonly [number, string] | undefined;
  #isHolding = false;
  #hasEnded = false;
  #isReleased = false;

  constructor(response: ServerResponse, before: BeforeHeaders) {
    this.#response = response;
    this.#sender = response as unknown as Sender;
    this.#before = before;
    const { writeHead, write, end, flushHeaders } = this.#sender;
    this.#originals = { writeHead, write, end, flushHeaders };
  }

  begin(own: Sender): void {
    this.#own = own;
    const sender = this.#sender;
    sender.writeHead = own.writeHead;
    sender.write = own.write;
    sender.end = own.end;
    sender.flushHeaders = own.flushHeaders;
  }

  take(method: Method, args: unknown[]): unknown {
    if (this.#isReleased) return this.#originals[method].apply(this.#response, args);
    const answered = method === 'write' ? false : this.#response;
    if (method === 'writeHead') {
      if (this.#status === undefined) {
        // It sends nothing by itself, so the app may still change the session behind it.
        this.#kept.push([method, headArguments(this.#response, args)]);
        this.#showHeadersSent(args[0] as number);
      }
      // A second `writeHead` with the same status and no headers is allowed: some middleware calls it again.
      else if (args.length > 1 || args[0] !== this.#status[0]) refuse();
      return answered;
    }
    if (this.#hasEnded) return answered;
    if (!this.#isHolding) {
      if (this.#before.isQuiet) {
        this.#release();
        this.#replay();
        return this.#originals[method].apply(this.#response, args);
      }
      this.#hold();
    }
    this.#kept.push([method, args]);
    if (method === 'end') this.#hasEnded = true;
    // False: whoever pipes into the response waits for `drain`, so no more than one piece is kept.
    return answered;
  }

  replace(instead: Answer): void {
    if (this.#isReleased) answer(this.#response, instead);
    else if (!this.#hasEnded) this.#answer(instead);
  }

  #hold(): void {
    this.#isHolding = true;
    this.#showHeadersSent(this.#response.statusCode);
    this.#before.finish().then(
      (addHeaders) => {
        if (this.#isReleased) return;
        this.#release();
        try {
          addHeaders();
          this.#replay();
        } catch (error) {
          // What node:http would have thrown at the app: a status or a piece that it doesn't take.
          answer(this.#response, this.#before.fail(error));
          return;
        }
        if (this.#kept.some(([method]) => method === 'write')) this.#response.emit('drain');
      },
      (error: unknown) => {
        if (!this.#isReleased) this.#answer(this.#before.fail(error));
      },
    );
  }

  /**
   * From here on the app must believe it, and soon it is so: error handlers look before they answer on their
   * own.
   */
  #showHeadersSent(status: number): void {
    if (this.#status !== undefined) return;
    const response = this.#response;
    this.#status = [status, response.statusMessage];
    Object.defineProperty(response, 'headersSent', { configurable: true, value: true });
    const { setHeader, appendHeader, removeHeader } = response;
    this.#setters = { setHeader, appendHeader, removeHeader };
    response.setHeader = response.appendHeader = response.removeHeader = refuse;
  }

  #replay(): void {
    if (this.#status !== undefined) [this.#response.statusCode, this.#response.statusMessage] = this.#status;
    for (const [method, args] of this.#kept) this.#originals[method].apply(this.#response, args);
  }

  #answer(instead: Answer): void {
    this.#release();
    if (!this.#response.destroyed) send(this.#response, instead);
  }

  #release(): void {
    this.#isReleased = true;
    if (this.#setters !== undefined) {
      Object.assign(this.#response, this.#setters);
      delete (this.#response as { headersSent?: boolean }).headersSent;
    }
    // What middleware that came later has put over ours stays: it calls ours, which then stand aside.
    const sender = this.#sender;
    const own = this.#own;
    const originals = this.#originals;
    if (sender.writeHead === own.writeHead) sender.writeHead = originals.writeHead;
    if (sender.write === own.write) sender.write = originals.write;
    if (sender.end === own.end) sender.end = originals.end;
    if (sender.flushHeaders === own.flushHeaders) sender.flushHeaders = originals.flushHeaders;
  }
}

function send(response: ServerResponse, { status, text }: Answer): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = '';
  if (status === 503) response.setHeader('Retry-After', '1');
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.end(`${text}\n`);
}

/**
 * The headers given to `writeHead` are set at once, so that those which `finish` adds join them instead of
 * being overwritten.
 */
export function headArguments(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args as [
    number,
    string | HeadersGiven | undefined,
    HeadersGiven | undefined,
  ];
  const headers = typeof second === 'string' ? third : second;
  if (Array.isArray(headers)) {
    for (let at = 0; at + 1 < headers.length; at += 2) response.removeHeader(String(headers[at]));
    for (let at = 0; at + 1 < headers.length; at += 2)
      response.appendHeader(String(headers[at]), headers[at + 1] as string);
  } else {
    for (const [name, value] of Object.entries(headers ?? {}))
      if (value !== undefined) response.setHeader(name, value);
  }
  return typeof second === 'string' ? [status, second] : [status];
}

type HeadersGiven = OutgoingHttpHeaders | OutgoingHttpHeader[];
