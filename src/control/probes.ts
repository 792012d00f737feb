import type { Clock, Timer } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { UpstreamTls } from '../proxy/upstream-endpoint.js';
import type { Pool } from '../route/pool/pool.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { HealthConfig } from './config/config.js';
import { HEALTH_PATH, healthRequest, judgeHealth } from './grpc-health.js';
import { askByHttp2 } from './http2-question.js';
import { answerJudge } from './probe-answer.js';
import { askByTcp } from './tcp-question.js';
import { ask, type Verdict } from './upstream-question.js';

/** How the upstreams of a pool are asked. */
export interface ProbeTerms {
  readonly health: HealthConfig;
  readonly tls: UpstreamTls;
  readonly isHttp2: boolean;
}

export interface ProbesOptions extends ProbeTerms {
  readonly clock: Clock;
  readonly random: Random;
  /** Told how each probe went. */
  asked?(id: string, verdict: Verdict, tookMs: number): void;
}

/** Asks every upstream of a pool how it is, round after round, and tells the pool. */
export class Probes {
  readonly #pool: Pool;
  readonly #options: ProbesOptions;
  readonly #running = new Set<string>();
  /** Instances that a round, or their coming, has reached: by id, the URL. */
  #known = new Map<string, string>();
  readonly #waiting = new Set<Timer>();
  readonly #rounds: Timer;

  constructor(pool: Pool, options: ProbesOptions) {
    this.#pool = pool;
    this.#options = options;
    const { clock, health } = options;
    this.askNew();
    this.#rounds = clock.every(health.everyMs, () => this.#round());
  }

  stop(): void {
    this.#rounds.stop();
    for (const timer of this.#waiting) timer.stop();
    this.#waiting.clear();
  }

  /** Asks at once those that have come since. */
  askNew(): void {
    const { upstreams } = this.#pool.snapshot;
    const known = this.#known;
    this.#known = new Map(upstreams.map(({ id, url }) => [id, url]));
    for (const upstream of upstreams) if (known.get(upstream.id) !== upstream.url) this.#probe(upstream);
  }

  /** Each of them at a moment of its own, so that gateways and upstreams aren't all busy at one. */
  #round(): void {
    const { clock, random, health } = this.#options;
    this.askNew();
    const spreadMs = Math.floor(health.everyMs * (health.jitter ?? 0));
    for (const upstream of this.#pool.snapshot.upstreams) {
      const lateMs = spreadMs < 1 ? 0 : random.below(spreadMs);
      if (lateMs === 0) {
        this.#probe(upstream);
        continue;
      }
      const timer = clock.after(lateMs, () => {
        this.#waiting.delete(timer);
        this.#probe(upstream);
      });
      this.#waiting.add(timer);
    }
  }

  #probe(upstream: Upstream): void {
    const { id, url } = upstream;
    const { clock } = this.#options;
    if (this.#running.has(url) || this.#pool.urlOf(id) !== url) return;
    this.#running.add(url);
    const beganAtMs = clock.monotonic();
    void probe(upstream, this.#options, clock).then((verdict) => {
      this.#running.delete(url);
      // By now the id may be that of another instance.
      if (this.#pool.urlOf(id) !== url) return;
      this.#options.asked?.(id, verdict, clock.monotonic() - beganAtMs);
      if (verdict.kind === 'well') this.#pool.probeSucceeded(id);
      else if (verdict.kind === 'failed') this.#pool.probeFailed(id, verdict.cause);
    });
  }
}

const AGENT_NAME = 'stickyroute-health';

/** Asks one upstream once. */
export function probe(
  upstream: Upstream,
  { health, tls, isHttp2 }: ProbeTerms,
  clock: Clock,
): Promise<Verdict> {
  const { path = HEALTH_PATH, grpc, timeoutMs: timeMs, method = 'GET', host, headers, port } = health;
  const url = port === undefined ? upstream.url : withPort(upstream.url, port);
  if (health.tcp === true) return askByTcp(url, timeMs, clock);
  const asked = { ...upstream, url };
  const agentName = AGENT_NAME;
  const fields = { ...headers, ...(host !== undefined && { host }) };
  if (grpc !== undefined) {
    const body = healthRequest(grpc);
    const question = { method: 'POST', path, agentName, timeMs, fields, body, judge: judgeHealth } as const;
    return askByHttp2(asked, question, tls, clock);
  }
  const { judgeStatus, judgeBody } = answerJudge(health);
  if (!isHttp2)
    return ask(asked, { method, path, agentName, timeMs, fields, judgeStatus, judgeBody }, tls, clock);
  const judge = (status: number, _: unknown, body: Buffer, isWhole: boolean): Verdict => {
    const verdict = judgeStatus(status);
    return verdict.kind === 'well' && judgeBody !== undefined ? judgeBody(body, isWhole) : verdict;
  };
  const readsBody = judgeBody !== undefined;
  return askByHttp2(asked, { method, path, agentName, timeMs, fields, readsBody, judge }, tls, clock);
}

function withPort(url: string, port: number): string {
  const there = new URL(url);
  there.port = String(port);
  return there.href;
}
