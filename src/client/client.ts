import { systemClock, type Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Duration } from '../base/options.js';
import { systemRandom } from '../base/random.js';
import type { Rule } from '../route/affinity/rule.js';
import { RequestFacts } from '../route/facts.js';
import { Pool } from '../route/pool/pool.js';
import type { Condition } from '../route/pool/snapshot.js';
import type { Upstream } from '../route/pool/upstream.js';
import { decide, type Affinity } from '../route/router.js';
import type { ClientResponse } from './answer.js';
import { Call, type CallGround } from './call.js';
import {
  readDeadline,
  readClientOptions,
  readUpstreams,
  type ClientOptions,
  type ClientSettings,
  type UpstreamsInput,
} from './client-options.js';
import { ClientSources } from './client-sources.js';
import { keyBytes, type CallKey } from './key.js';
import { bytesOf, CallBody } from './call-body.js';
import { invalidCall } from './invalid-call.js';
import { checkFields } from './request-fields.js';
import { checkTarget } from './target.js';

/** As for `fetch`, and what concerns the call as a whole. A redirect is always returned as it is. */
export interface CallOptions extends Omit<RequestInit, 'redirect' | 'signal' | 'body'> {
  readonly body?: RequestInit['body'] | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** For this call, instead of the client's. */
  readonly deadline?: Duration | undefined;
  /**
   * True: it may be sent twice whatever its method, since the upstream tells repeats apart (RFC 9110 §9.2.2).
   */
  readonly idempotent?: boolean | undefined;
}

/** An upstream, and how it is. */
export interface UpstreamState extends Upstream {
  readonly condition: Condition;
}

export interface Client {
  /**
   * Sends a request to the upstream that owns the key, then, while that is safe, to its backups in order.
   * Resolves with what the app answers, whatever its status. Rejects with a CallError when no answer was to
   * be had, with the signal's reason when the caller aborts, and with `fetch`'s own TypeError when the
   * request is none.
   */
  fetch(key: CallKey, path: string, options?: CallOptions): Promise<ClientResponse>;
  /**
   * The id of the upstream that owns the key, whatever its health. Throws STICKY_NO_UPSTREAM while sources
   * have named none.
   */
  owner(key: CallKey): string;
  /** Ids best first, whatever their health: the owner, then its backups. */
  candidates(key: CallKey, limit?: number): string[];
  /** The upstreams as they are now. */
  readonly upstreams: readonly UpstreamState[];
  /** Others from now on; those that stay keep their health. Calls under way end as they began. */
  setUpstreams(upstreams: UpstreamsInput): void;
  /** Takes no more calls, and resolves when those under way are over. */
  close(): Promise<void>;
}

/** As often as the gateway looks at its time-outs. */
const TICK_MS = 100;

/** Nothing of a request matters here but its key. */
const LINE = { method: 'GET', target: '/', host: '', clientAddress: '', isSecure: false, nowMs: 0 };
const KEY_FIELD = 'key';

/**
 * A client for one pool: it finds a key's upstream as a gateway with the same ids, weights and placement
 * does.
 *
 * ```js
 * const users = createClient({ upstreams: { 'api-1': 'http://127.0.0.1:3001', 'api-2':
 * 'http://127.0.0.1:3002' } }); const response = await users.fetch('42', '/internal/users/42');
 * ```
 *
 * Throws STICKY_CLIENT_INVALID when an option can't be used.
 */
export function createClient(options: ClientOptions): Client {
  return new PoolClient(options);
}

class PoolClient implements Client {
  readonly #settings: ClientSettings;
  readonly #ground: CallGround;
  readonly #affinity: Affinity;
  readonly #clock: Clock;
  /** Undefined: there are none. */
  readonly #sources: ClientSources | undefined;
  #tickedAt: number;
  #callsUnderWay = 0;
  #isClosed = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: ClientOptions) {
    const settings = readClientOptions(options);
    const { upstreams, placement, passive, triesMax, deadlineMs, answerTimeMs, onFailure, onChange } =
      settings;
    this.#settings = settings;
    this.#clock = options.clock ?? systemClock;
    this.#tickedAt = this.#clock.monotonic();
    const pool = new Pool({ upstreams, placement, health: undefined, passive, onChange });
    // Looked up at each call, so that who replaces the global one later (tests do) is heard.
    const send: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#ground = {
      pool,
      clock: this.#clock,
      fetch: send,
      triesMax,
      answerTimeMs,
      patienceMs: Math.min(answerTimeMs, deadlineMs),
    };
    this.#sources =
      settings.sources.length === 0
        ? undefined
        : new ClientSources(upstreams, settings.sources, this.#clock, (found, down) => {
            pool.apply({ kind: 'members', upstreams: found });
            pool.hold(down);
          });
    this.#affinity = { rules: [keyRule(onFailure)], balance: { name: 'none', pick: () => -1 } };
  }

  get upstreams(): readonly UpstreamState[] {
    this.#tick();
    const { upstreams, conditions } = this.#ground.pool.snapshot;
    return upstreams.map((upstream, at) => ({ ...upstream, condition: conditions[at]! }));
  }

  async fetch(key: CallKey, path: string, options: CallOptions = {}): Promise<ClientResponse> {
    if (this.#isClosed)
      throw new StickyError(
        'STICKY_CLIENT_CLOSED',
        'The client is closed and takes no more calls. Create another, or close this one later.',
      );
    checkCall(options);
    const { signal, deadline, idempotent = false, body, ...rest } = options;
    const bytes = keyBytes(key);
    const target = checkTarget(path);
    const deadlineMs = deadline === undefined ? this.#settings.deadlineMs : readDeadline(deadline);
    // Once for all tries, also where they come from something that can be read only once.
    const init = { ...rest, headers: new Headers(rest.headers) };
    // What is no request (a bad field, a GET with a body) is the caller's mistake; told here, it can't be
    // taken for an upstream's failure.
    const { method } = new Request(`http://upstream${target}`, {
      ...init,
      ...(body !== undefined && body !== null && { body: '' }),
    });
    const declared = init.headers.get('content-length');
    checkFields(init.headers, bytesOf(body));
    const requestBody = new CallBody(body, declared === null ? undefined : Number(declared));
    // A call that comes before the sources have answered waits for them; a promise only where it must.
    if (this.#sources?.hasAnswered === false) await this.#sources.answered(deadlineMs);
    this.#tick();
    const { pool } = this.#ground;
    const facts = new RequestFacts(LINE, { get: (name) => (name === KEY_FIELD ? bytes : undefined) });
    const decision = decide(this.#affinity, facts, pool.snapshot, [], systemRandom);
    this.#callsUnderWay++;
    const over = (): void => this.#callOver();
    const request = {
      target,
      method,
      isIdempotent: idempotent,
      init,
      body: requestBody,
      signal: signal ?? undefined,
      deadlineMs,
      over,
    };
    return await new Call(this.#ground, request, decision).run();
  }

  owner(key: CallKey): string {
    const { placement, upstreams } = this.#ground.pool.snapshot;
    const owner = upstreams[placement.owner(keyBytes(key))];
    if (owner !== undefined) return owner.id;
    throw new StickyError(
      'STICKY_NO_UPSTREAM',
      'There is no upstream yet: no source has named one. Call fetch, which waits for them.',
    );
  }

  candidates(key: CallKey, limit = Infinity): string[] {
    if (typeof limit !== 'number' || Number.isNaN(limit) || limit < 0)
      throw invalidCall('`limit` must be a number from 0.');
    const { placement, upstreams } = this.#ground.pool.snapshot;
    return Array.from(placement.rank(keyBytes(key), limit))
      .slice(0, limit)
      .map((place) => upstreams[place]!.id);
  }

  setUpstreams(upstreams: UpstreamsInput): void {
    const listed = readUpstreams(upstreams);
    if (this.#sources === undefined) this.#ground.pool.apply({ kind: 'members', upstreams: listed });
    else this.#sources.list(listed);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sources?.stop();
    if (this.#callsUnderWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #callOver(): void {
    if (--this.#callsUnderWay > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /**
   * Time-outs move on when somebody looks: no timer, so nothing keeps running for a client that is forgotten.
   */
  #tick(): void {
    const now = this.#clock.monotonic();
    if (now - this.#tickedAt < TICK_MS) return;
    this.#tickedAt = now;
    this.#ground.pool.tick(now);
  }
}

function checkCall(options: CallOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidCall("The options of a call must be an object, such as { method: 'PUT', body }.");
  const { signal, idempotent, redirect } = options as CallOptions & { redirect?: unknown };
  if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal))
    throw invalidCall('`signal` must be an AbortSignal, such as AbortSignal.timeout(1000).');
  if (idempotent !== undefined && typeof idempotent !== 'boolean')
    throw invalidCall('`idempotent` must be true or false.');
  if (redirect !== undefined && redirect !== 'manual')
    throw invalidCall('`redirect` can only be manual: a redirect is the answer, and is returned as it is.');
}

function keyRule(onFailure: 'borrow' | 'reject'): Rule {
  return {
    name: 'key',
    subject: '',
    onFailure,
    find: (facts) => ({ kind: 'keyed', key: facts.headers.get(KEY_FIELD)! }),
  };
}
