import type { ServerResponse } from 'node:http';
import { answerPlainly, writePlainAnswer, type PlainAnswer } from './plain-answer.js';
import { DrainListeners } from './drain-listeners.js';
import { headArguments } from './head-arguments.js';
import { HeldCut } from './held-cut.js';
import { refuse, ShownAsSent } from './shown-as-sent.js';

/** Who has something to do before the headers of a response go out. */
export interface BeforeHeaders {
  /** True when the response need not wait for it. */
  readonly isQuiet: boolean;
  /** Called instead of `finish` where it is quiet: the last moment for headers of its own. */
  pass?(): void;
  /**
   * Asked once. Resolves to what adds its headers to the response. Rejects when the response must not go out
   * as it is.
   */
  finish(): Promise<() => void>;
  /** The answer to give instead. */
  fail(error: unknown): PlainAnswer;
}

/** What sends the headers of a response. */
type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders';
type Send = (this: ServerResponse, ...args: unknown[]) => unknown;
type Sender = Record<Method, Send>;
/** Of compression: what it has been given goes out now. It gave the response this. */
type Flushing = { flush?: Send };

/**
 * Makes a response of node:http wait: what would send its headers is kept until `finish` is done, and then
 * done in the same order. So the client's next request finds everything stored, which express-session does
 * not promise (a redirect can overtake its save). Returns how to answer something else, while nothing has
 * gone out.
 *
 * A response has one hold, where the first who wanted one has put it; who comes later joins it. What other
 * middleware puts over it, before or after, stays as it is from the first byte to the last.
 */
export function holdResponse(response: ServerResponse, before: BeforeHeaders): (answer: PlainAnswer) => void {
  const holder = response as unknown as Holder;
  const known = holder[HOLD];
  if (known?.join(before) === true) return (instead) => known.replace(instead);
  const hold = new Hold(response, before);
  holder[HOLD] = hold;
  hold.begin();
  return (instead) => hold.replace(instead);
}

const HOLD = Symbol('stickyroute hold');
type Holder = Sender & { [HOLD]?: Hold };

// The same functions for every response, which find its hold on it: closures would cost more than all the
// rest, and a WeakMap three times a bare request.
const OWN: Sender = {
  writeHead(...args) {
    return holdOf(this).take('writeHead', args);
  },
  write(...args) {
    return holdOf(this).take('write', args);
  },
  end(...args) {
    return holdOf(this).take('end', args);
  },
  flushHeaders(...args) {
    return holdOf(this).take('flushHeaders', args);
  },
};

function holdOf(response: ServerResponse): Hold {
  return (response as unknown as Holder)[HOLD]!;
}

class Hold {
  readonly #response: ServerResponse;
  readonly #sender: Sender;
  /** The last to join comes first, as it would if it stood around the others. */
  readonly #befores: BeforeHeaders[];
  /** As they were: of node:http, or of middleware that came first. */
  readonly #originals: Sender;
  readonly #kept: [Method | 'flush', unknown[]][] = [];
  #flush: { readonly original: Send; readonly own: Send } | undefined;
  /** The status that will be sent, from when the app believes that it was. */
  #status: readonly [number, string] | undefined;
  #shown: ShownAsSent | undefined;
  #drains: DrainListeners | undefined;
  #cut: HeldCut | undefined;
  #hasEnded = false;
  #isReleased = false;

  constructor(response: ServerResponse, before: BeforeHeaders) {
    this.#response = response;
    this.#sender = response as unknown as Sender;
    this.#befores = [before];
    const { writeHead, write, end, flushHeaders } = this.#sender;
    this.#originals = { writeHead, write, end, flushHeaders };
  }

  begin(): void {
    const sender = this.#sender;
    sender.writeHead = OWN.writeHead;
    sender.write = OWN.write;
    sender.end = OWN.end;
    sender.flushHeaders = OWN.flushHeaders;
  }

  /** False where the headers are out already. Who comes after the app has answered has nothing to add. */
  join(before: BeforeHeaders): boolean {
    if (this.#drains === undefined) this.#befores.unshift(before);
    return !this.#isReleased;
  }

  take(method: Method, args: unknown[]): unknown {
    if (this.#isReleased) return this.#originals[method].apply(this.#response, args);
    const answered = method === 'write' ? false : this.#response;
    if (method === 'writeHead') {
      if (this.#status === undefined) {
        // It sends nothing by itself, so the app may still change the session behind it.
        this.#kept.push([method, headArguments(this.#response, args)]);
        this.#showSent(args[0] as number);
      }
      // A second `writeHead` with the same status and no headers is allowed: some middleware calls it again.
      else if (args.length > 1 || args[0] !== this.#status[0]) refuse();
      return answered;
    }
    if (this.#hasEnded) return answered;
    if (this.#drains === undefined) {
      if (this.#areQuiet) {
        this.#release();
        for (const before of this.#befores) before.pass?.();
        this.#replay();
        return this.#originals[method].apply(this.#response, args);
      }
      this.#hold();
    }
    this.#kept.push([method, args]);
    if (method === 'end') {
      this.#hasEnded = true;
      this.#shown!.ended();
      this.#cut = new HeldCut(this.#response);
    }
    // False: whoever pipes into the response waits for `drain`, so no more than one piece is kept.
    return answered;
  }

  replace(instead: PlainAnswer): void {
    if (this.#isReleased) answerPlainly(this.#response, instead);
    else if (!this.#hasEnded) this.#answer(instead);
  }

  get #areQuiet(): boolean {
    for (const before of this.#befores) if (!before.isQuiet) return false;
    return true;
  }

  #hold(): void {
    this.#drains = new DrainListeners(this.#response);
    this.#showSent(this.#response.statusCode);
    this.#holdFlush();
    void this.#finish();
  }

  async #finish(): Promise<void> {
    const add: (() => void)[] = [];
    for (const before of this.#befores) {
      try {
        add.push(before.isQuiet ? () => before.pass?.() : await before.finish());
      } catch (error) {
        if (!this.#isReleased) this.#answer(before.fail(error));
        return;
      }
      if (this.#isReleased) return;
    }
    this.#release();
    let isFlowing: boolean;
    try {
      for (const addHeaders of add) addHeaders();
      isFlowing = this.#replay();
    } catch (error) {
      // What node:http would have thrown at the app: a status or a piece that it doesn't take.
      const failure = this.#befores[0]!.fail(error);
      if (this.#response.headersSent || this.#response.destroyed) this.#response.destroy();
      else writePlainAnswer(this.#response, failure, this.#originals.end);
      return;
    }
    // Where there is no room, the response, or who stands between, tells of `drain` when it is time.
    this.#drains!.end(isFlowing);
  }

  /** From here on the app must believe it, and soon it is so. */
  #showSent(status: number): void {
    if (this.#status !== undefined) return;
    this.#status = [status, this.#response.statusMessage];
    this.#shown = new ShownAsSent(this.#response);
  }

  /** An event of an event stream would wait in the compressor for the next one. */
  #holdFlush(): void {
    const flushing = this.#response as unknown as Flushing;
    const { flush: original } = flushing;
    if (typeof original !== 'function') return;
    const own: Send = (...args) => {
      if (this.#isReleased) return original.apply(this.#response, args);
      return void this.#kept.push(['flush', args]);
    };
    this.#flush = { original, own };
    flushing.flush = own;
  }

  /** Whether there is room for more. */
  #replay(): boolean {
    if (this.#status !== undefined) [this.#response.statusCode, this.#response.statusMessage] = this.#status;
    let isFlowing = true;
    for (const [method, args] of this.#kept) {
      const original = method === 'flush' ? this.#flush!.original : this.#originals[method];
      const returned = original.apply(this.#response, args);
      if (method === 'write') isFlowing = returned !== false;
    }
    return isFlowing;
  }

  #answer(instead: PlainAnswer): void {
    this.#release();
    if (!this.#response.destroyed) writePlainAnswer(this.#response, instead, this.#originals.end);
  }

  #release(): void {
    this.#isReleased = true;
    this.#shown?.stop();
    this.#drains?.stop();
    this.#cut?.stop();
    const flushing = this.#response as unknown as Flushing;
    if (this.#flush !== undefined && flushing.flush === this.#flush.own)
      flushing.flush = this.#flush.original;
    // What middleware that came later has put over ours stays: it calls ours, which then stand aside.
    const sender = this.#sender;
    const originals = this.#originals;
    if (sender.writeHead === OWN.writeHead) sender.writeHead = originals.writeHead;
    if (sender.write === OWN.write) sender.write = originals.write;
    if (sender.end === OWN.end) sender.end = originals.end;
    if (sender.flushHeaders === OWN.flushHeaders) sender.flushHeaders = originals.flushHeaders;
  }
}
